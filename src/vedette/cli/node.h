#pragma once

#include <CLI/App.hpp>
#include <string>

namespace vedette::cli {

/// `vedette node --config node.yaml [--set KEY=VALUE…]`: this machine's part of a fleet, until a signal comes. Without
/// `controllers` in its settings it has a controller inside, whose state lies in the node's state folder. The first
/// SIGTERM or SIGINT drains, a second one ends it at once.
void add_node_command(CLI::App& parent, const std::string& version);

}  // namespace vedette::cli
