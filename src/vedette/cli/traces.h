#pragma once

#include <CLI/App.hpp>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "vedette/cli/terminal.h"

namespace vedette::cli {

/// `vedette traces [APPLICATION] [-n N] [-o json]`: the steps of sampled frames, as waterfalls.
void add_traces_command(CLI::App& parent);

/// One trace of GET /api/fleet/traces: a line for each step, with a bar where in the frame's time it lay. Throws
/// Error(kInvalidData) for one of another form.
std::string waterfall_text(const nlohmann::json& trace, const Paint& paint);

}  // namespace vedette::cli
