#pragma once

#include <CLI/App.hpp>

namespace vedette::cli {

/// `vedette get nodes|apps|replicas|streams|links [NAME] [-w] [-o wide|json|yaml]`: the fleet as tables. -w draws again
/// whenever something changed; where output is no terminal, it prints anew at most once a second.
void add_get_command(CLI::App& parent);

}  // namespace vedette::cli
