#pragma once

#include <CLI/App.hpp>

namespace vedette::cli {

/// `vedette broker --config broker.yaml [--set KEY=VALUE…]`: a broker of frames, until a signal comes.
void add_broker_command(CLI::App& parent);

}  // namespace vedette::cli
