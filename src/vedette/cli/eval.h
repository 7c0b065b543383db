#pragma once

namespace CLI {
class App;
}

namespace vedette::cli {

/// Adds `eval` with its subcommands to the command line:
///
///   eval tracking  --truth gt.txt --result out.txt [--iou 0.5] [--clear motmetrics|trackeval] [-o table|json]
///   eval detection --truth T --result R [--iou 0.5] [--score 0] [-o table|json]
///   eval track     --detections det.txt --result out.txt [--tracker sort] [--set key=value]…
///
/// The chosen one runs when CLI11 parses, prints to stdout, and throws vedette::Error for bad files.
void add_eval_command(CLI::App& parent);

}  // namespace vedette::cli
