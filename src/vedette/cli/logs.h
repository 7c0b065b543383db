#pragma once

#include <CLI/App.hpp>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "vedette/cli/terminal.h"

namespace vedette::cli {

/// `vedette logs [--follow] [--application A] [--node N] [-n N]`: the fleet's event log, oldest first.
void add_logs_command(CLI::App& parent);

/// "2026-01-31 12:00:00  warning  box-1  people  the text": one line of GET /api/fleet/log.
std::string log_line_text(const nlohmann::json& line, const Paint& paint);

}  // namespace vedette::cli
