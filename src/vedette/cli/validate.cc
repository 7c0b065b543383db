#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "vedette/cli/run.h"
#include "vedette/graph/application.h"

namespace vedette::cli {

void add_validate_command(CLI::App& parent) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = parent.add_subcommand("validate", "Check an application without running it");
  command->add_option("application", *path, "Application file (YAML)")->required();
  command->final_callback([path] {
    const auto application = graph::parse_application(load_config(*path));
    fmt::print("{}: application '{}' is valid: {} sources, {} modules\n", *path, application.name,
               application.sources.size(), application.modules.size());
  });
}

}  // namespace vedette::cli
