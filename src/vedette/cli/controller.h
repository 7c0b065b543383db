#pragma once

#include <CLI/App.hpp>
#include <string>

namespace vedette::cli {

/// `vedette controller --config controller.yaml [--set KEY=VALUE…]`: a controller without a node, until a signal comes.
void add_controller_command(CLI::App& parent, const std::string& version);

}  // namespace vedette::cli
