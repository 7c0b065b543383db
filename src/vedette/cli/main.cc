#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <new>

#include "vedette/base/error.h"
#include "vedette/base/file_limit.h"
#include "vedette/base/log.h"
#include "vedette/base/nearest.h"
#include "vedette/cli/apply.h"
#include "vedette/cli/bounds.h"
#include "vedette/cli/broker.h"
#include "vedette/cli/controller.h"
#include "vedette/cli/eval.h"
#include "vedette/cli/fleet_commands.h"
#include "vedette/cli/get.h"
#include "vedette/cli/log.h"
#include "vedette/cli/logs.h"
#include "vedette/cli/models.h"
#include "vedette/cli/node.h"
#include "vedette/cli/run.h"
#include "vedette/cli/sim.h"
#include "vedette/cli/token.h"
#include "vedette/cli/traces.h"

namespace {

/// CLI11 only says that a subcommand is missing; this names the one that was meant.
void check_command(const CLI::App& app, const std::string& name) {
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands({})) known.push_back(command->get_name());
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    throw vedette::Error(vedette::ErrorCode::kUsage, "there is no command '" + name + "'",
                         vedette::did_you_mean(name, known));
  }
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Vedette: live video analytics beside the cameras");
  app.name("vedette");
  app.set_version_flag("--version", "vedette " VEDETTE_VERSION);
  app.require_subcommand(1);
  app.add_flag_callback("-v,--verbose", [] { vedette::log::set_level(vedette::log::Level::kDebug); }, "Log more");
  app.add_flag_callback(
      "-q,--quiet", [] { vedette::log::set_level(vedette::log::Level::kWarn); }, "Log warnings and errors only");
  vedette::cli::add_run_command(app);
  vedette::cli::add_validate_command(app);
  vedette::cli::add_models_command(app);
  vedette::cli::add_modules_command(app);
  vedette::cli::add_eval_command(app);
  vedette::cli::add_bounds_command(app);
  vedette::cli::add_token_command(app);
  vedette::cli::add_sim_command(app);
  vedette::cli::add_node_command(app, VEDETTE_VERSION);
  vedette::cli::add_controller_command(app, VEDETTE_VERSION);
  vedette::cli::add_broker_command(app);
  vedette::cli::add_apply_command(app);
  vedette::cli::add_diff_command(app);
  vedette::cli::add_get_command(app);
  vedette::cli::add_set_command(app);
  vedette::cli::add_start_stop_commands(app);
  vedette::cli::add_delete_command(app);
  vedette::cli::add_drain_commands(app);
  vedette::cli::add_export_command(app);
  vedette::cli::add_log_command(app);
  vedette::cli::add_logs_command(app);
  vedette::cli::add_traces_command(app);
  if (argc > 1 && argv[1][0] != '-') check_command(app, argv[1]);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& e) {
    return e.get_exit_code();
  } catch (const CLI::Success& e) {
    return app.exit(e);  // --help, --version
  } catch (const CLI::ParseError& e) {
    fmt::print(stderr, "vedette: {} (see vedette --help)\n", e.what());
    return vedette::exit_status(vedette::ErrorCode::kUsage);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    vedette::raise_file_limit();
    return parse_and_run(argc, argv);
  } catch (const vedette::Error& e) {
    fmt::print(stderr, "vedette: {}\n", e.line());
    return vedette::exit_status(e.code());
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "vedette: out of memory\n");
    return vedette::exit_status(vedette::ErrorCode::kExhausted);
  } catch (const std::exception& e) {
    fmt::print(stderr, "vedette: {}\n", e.what());
    return vedette::exit_status(vedette::ErrorCode::kInternal);
  }
}
