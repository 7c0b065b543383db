#pragma once

#include <CLI/App.hpp>

namespace vedette::cli {

/// `vedette run APP…`: applications on this machine, until their sources end or a signal comes.
void add_run_command(CLI::App& parent);

/// `vedette validate APP`: says everything that is wrong with an application.
void add_validate_command(CLI::App& parent);

/// `vedette modules`: the module types with their settings.
void add_modules_command(CLI::App& parent);

}  // namespace vedette::cli
