#pragma once

#include <CLI/App.hpp>

namespace vedette::cli {

/// `vedette apply -f FILE…`: makes the fleet's applications what the files say; prints what changes before it does.
/// Nothing is changed unless every application in the files could be.
void add_apply_command(CLI::App& parent);

/// `vedette diff -f FILE…`: what apply would change. Exit status 1 when there is something, 0 when not.
void add_diff_command(CLI::App& parent);

/// `vedette set APPLICATION MODULE KEY=VALUE…`: settings of a module, while it runs.
void add_set_command(CLI::App& parent);

/// "score=0.5", "classes=[person, car]", "zone=~" (takes it away) as a JSON map. Throws Error(kUsage) naming what is
/// wrong.
std::string settings_json(const std::vector<std::string>& assignments);

}  // namespace vedette::cli
