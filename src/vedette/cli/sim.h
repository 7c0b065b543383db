#pragma once

namespace CLI {
class App;
}

namespace vedette::cli {

/// Adds `vedette sim FLEET.yaml [--seed N] [--mode auto|frames|slots] [--json FILE] [--quiet]`: simulates a fleet
/// (docs/simulator.md) and prints what became of it. Ends with status 70 when something that must always hold did not.
/// Throws vedette::Error for a bad file.
void add_sim_command(CLI::App& parent);

}  // namespace vedette::cli
