#pragma once

namespace CLI {
class App;
}

namespace vedette::cli {

/// Adds `bounds` with its subcommands to the command line:
///
///   bounds profile --app app.yaml --source clip [--truth gt.txt] --out table.csv
///                  [--ids 500,R3+C2,…] [--sample N] [--all] [--live] [--frames 60] [--every 5] [--score S]
///   bounds show    table.csv [--least-f1 0.9] [--everything]
///
/// `profile` characterises an application over knob combinations (lab/bounds_profile.h, docs/knobs.md), one row after
/// the other: what already stands in the table is passed over, so that a run that was stopped goes on where it was. It
/// writes table.csv, table.csv.svg (the Pareto front) and table.csv.json (of what it was made, so that rows of another
/// clip or application do not get into it). `show` prints the Pareto front of a table. They throw vedette::Error.
void add_bounds_command(CLI::App& parent);

}  // namespace vedette::cli
