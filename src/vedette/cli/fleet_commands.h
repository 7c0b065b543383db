#pragma once

#include <CLI/App.hpp>

namespace vedette::cli {

/// `vedette delete app NAME…|-f FILE`, `vedette delete node NAME…`.
void add_delete_command(CLI::App& parent);

/// `vedette start|stop NAME…`: applications, which keep their place in the fleet.
void add_start_stop_commands(CLI::App& parent);

/// `vedette drain|undrain NODE…`: whether nodes take work; drain --wait waits until nothing runs there any more.
void add_drain_commands(CLI::App& parent);

/// `vedette export [-o FILE]`: every application, as files for apply.
void add_export_command(CLI::App& parent);

}  // namespace vedette::cli
