#pragma once

namespace CLI {
class App;
}

namespace vedette::cli {

/// Adds `vedette log`, which reads stored frames (the folder of one camera, or the one above with one folder a camera)
/// without changing them:
///   list FOLDER [--camera C] [-o table|json]               cameras; with --camera its segments
///   tail FOLDER --camera C [-n 10] [-f] [-o text|json]     the newest frames
///   export FOLDER --camera C [--from T] [--to T] OUT       an MP4 (OUT ends in .mp4) or a folder of JPEGs
///   replay FOLDER --camera C [--from T] [--to T] [--speed 1] [OUT|-]   a line a frame, or JPEGs to a folder or a pipe
///   verify FOLDER [--camera C]                             every byte; exit status 65 when something is bad
/// and, which do change something:
///   key FILE                                               makes a key that segments are sealed with
///   reseal FOLDER --camera C                               seals again what is not sealed with the first key
/// Keys come from --key FILE, else from the environment's VEDETTE_LOG_KEY. A time is RFC 3339, seconds since 1970, or
/// an age (90s, 5m, 2h, 1d). The callbacks throw vedette::Error.
void add_log_command(CLI::App& parent);

}  // namespace vedette::cli
