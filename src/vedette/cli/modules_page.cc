#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/cli/run.h"
#include "vedette/graph/registry.h"

namespace vedette::cli {
namespace {

std::string_view concurrency_name(graph::Concurrency concurrency) {
  switch (concurrency) {
    case graph::Concurrency::kStateless: return "stateless: works on many frames at once";
    case graph::Concurrency::kPerStream: return "per stream: streams side by side, each in order";
    case graph::Concurrency::kGlobal: return "global: all streams through one instance";
  }
  return "?";
}

std::string default_text(const FieldDoc& field) {
  if (field.required) return "required";
  return field.default_value.empty() ? "" : "`" + field.default_value + "`";
}

void print_markdown() {
  fmt::print(
      "# Modules\n\nMade by `vedette modules --markdown`. Besides its own settings every module takes `type`, `name`, "
      "`inputs`, `queue` and `parallel`"
      " (see [architecture](architecture.md)).\n");
  for (const auto* type : graph::module_types()) {
    fmt::print("\n## {}\n\n{}. _{}{}._\n", type->traits.type, type->traits.summary, type->traits.sink ? "Sink; " : "",
               concurrency_name(type->traits.concurrency));
    const auto fields = type->list_settings();
    if (fields.empty()) continue;
    fmt::print("\n| setting | is | default | meaning |\n|---|---|---|---|\n");
    for (const auto& field : fields) {
      std::string kind = field.type;
      for (size_t at = kind.find('|'); at != std::string::npos; at = kind.find('|', at + 2)) kind.insert(at, "\\");
      fmt::print("| `{}` | {} | {} | {} |\n", field.name, kind, default_text(field), field.doc);
    }
  }
}

void print_type(const graph::ModuleType& type) {
  fmt::print("{}: {} ({})\n", type.traits.type, type.traits.summary, concurrency_name(type.traits.concurrency));
  for (const auto& field : type.list_settings())
    fmt::print("  {:28} {:32} {:16} {}\n", field.name, field.type, field.required ? "required" : field.default_value,
               field.doc);
}

}  // namespace

void add_modules_command(CLI::App& parent) {
  struct Arguments {
    std::string type;
    bool markdown = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = parent.add_subcommand("modules", "List module types, or the settings of one");
  command->add_option("type", arguments->type, "Module type");
  command->add_flag("--markdown", arguments->markdown, "All types as a reference page");
  command->final_callback([arguments] {
    if (arguments->markdown) return print_markdown();
    if (arguments->type.empty()) {
      for (const auto* type : graph::module_types()) fmt::print("{:10} {}\n", type->traits.type, type->traits.summary);
      return;
    }
    if (const auto* type = graph::find_module_type(arguments->type)) return print_type(*type);
    std::vector<std::string> known;
    for (const auto* type : graph::module_types()) known.push_back(type->traits.type);
    throw Error(ErrorCode::kUsage, "unknown module type '" + arguments->type + "'",
                did_you_mean(arguments->type, known));
  });
}

}  // namespace vedette::cli
