#include "vedette/cli/apply.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "vedette/base/config.h"
#include "vedette/base/error.h"
#include "vedette/cli/application_files.h"
#include "vedette/cli/change_text.h"
#include "vedette/cli/fleet_client.h"
#include "vedette/net/client.h"

namespace vedette::cli {
namespace {

using nlohmann::json;

constexpr const char* kYaml = "application/yaml";

struct ApplyArguments {
  FleetArguments fleet;
  std::vector<std::string> files;
  std::string application, module;
  std::vector<std::string> settings;
  bool dry_run = false;
  bool force = false;
};

std::string query(const ApplyArguments& arguments, bool dry_run, const std::string& origin) {
  std::string text = dry_run ? "?dry_run=1" : "?dry_run=0";
  if (arguments.force) text += "&force=1";
  if (!origin.empty()) text += "&origin=" + net::encode_segment(origin);
  return text;
}

/// Without the empty lines that a document has in front of it for the sake of its line numbers.
std::string without_margin(const std::string& yaml) {
  return yaml.substr(std::min(yaml.find_first_not_of('\n'), yaml.size()));
}

json put(FleetClient& client, const ApplyArguments& arguments, const ApplicationText& application, bool dry_run) {
  return client.json_of(
      "PUT", "/api/fleet/apps/" + net::encode_segment(application.name) + query(arguments, dry_run, application.origin),
      dry_run ? application.yaml : without_margin(application.yaml), kYaml);
}

/// Asks what would change, prints it, and throws one Error with every fault of all applications.
std::vector<ApplicationText> preview(FleetClient& client, const ApplyArguments& arguments) {
  std::vector<ApplicationText> changing;
  const Paint paint = Paint::for_stdout();
  std::string faults;
  std::optional<ErrorCode> code;
  const auto add = [&](const std::string& fault, ErrorCode kind) {
    faults += (faults.empty() ? "" : "\n") + fault;
    if (!code) code = kind;
  };
  for (auto& application : read_applications(arguments.files)) {
    try {
      const json answer = put(client, arguments, application, true);
      fmt::print("{}", change_text(answer, paint));
      if (const auto refusal = refusal_text(answer); !refusal.empty() && !arguments.force)
        add(refusal + " (ask for less, allow it to adapt, or add a node; --force applies it all the same)",
            ErrorCode::kInvalidConfig);
      if (changes_anything(answer)) changing.push_back(std::move(application));
    } catch (const Error& e) {
      if (e.code() == ErrorCode::kUnavailable || e.code() == ErrorCode::kTimeout) throw;
      add(e.line(), e.code());
    }
  }
  std::fflush(stdout);
  if (code) throw Error(*code, faults);
  return changing;
}

void apply(const ApplyArguments& arguments) {
  FleetClient client(find_fleet(arguments.fleet));
  const auto changing = preview(client, arguments);
  if (arguments.dry_run) return;
  for (const auto& application : changing) {
    const json answer = put(client, arguments, application, false);
    fmt::print("{}: applied, version {}\n", application.name, answer.value("version", 0));
  }
}

void set(const ApplyArguments& arguments) {
  FleetClient client(find_fleet(arguments.fleet));
  const std::string body = settings_json(arguments.settings);
  const std::string path = "/api/fleet/apps/" + net::encode_segment(arguments.application) + "/modules/" +
                           net::encode_segment(arguments.module);
  const auto patch = [&](bool dry_run) {
    return client.json_of("PATCH", path + query(arguments, dry_run, ""), body, "application/json");
  };
  const json answer = patch(true);
  fmt::print("{}", change_text(answer, Paint::for_stdout()));
  std::fflush(stdout);
  if (const auto refusal = refusal_text(answer); !refusal.empty() && !arguments.force)
    throw Error(ErrorCode::kInvalidConfig, refusal, "--force changes it all the same");
  if (arguments.dry_run || !changes_anything(answer)) return;
  fmt::print("{}: applied, version {}\n", arguments.application, patch(false).value("version", 0));
}

json to_json(const ConfigNode& node, int depth = 0) {
  if (depth > 16) throw Error(ErrorCode::kUsage, "the settings are nested too deeply");
  if (node.is_null()) return nullptr;
  if (node.is_list()) {
    json list = json::array();
    for (const auto& item : node.items()) list.push_back(to_json(item, depth + 1));
    return list;
  }
  if (node.is_map()) {
    json map = json::object();
    for (const auto& [key, value] : node.entries()) map[key] = to_json(value, depth + 1);
    return map;
  }
  const json parsed = node.quoted() ? json() : json::parse(node.text(), nullptr, false);
  return parsed.is_number() || parsed.is_boolean() ? parsed : json(node.text());
}

void add_files(CLI::App& command, ApplyArguments& arguments) {
  command
      .add_option("-f,--file", arguments.files, "Application files (YAML), folders of them, or - for standard input")
      ->required();
  add_fleet_options(command, arguments.fleet);
}

}  // namespace

std::string settings_json(const std::vector<std::string>& assignments) {
  json settings = json::object();
  for (const auto& assignment : assignments) {
    const size_t sign = assignment.find('=');
    const std::string key = assignment.substr(0, sign);
    if (sign == std::string::npos || key.empty())
      throw Error(ErrorCode::kUsage, fmt::format("'{}' is no setting", assignment), "write KEY=VALUE");
    if (const size_t dot = key.find('.'); dot != std::string::npos)
      throw Error(ErrorCode::kUsage, fmt::format("'{}' is inside of '{}'", key, key.substr(0, dot)),
                  fmt::format("give all of it: {}={{{}: …}}", key.substr(0, dot), key.substr(dot + 1)));
    if (settings.contains(key)) throw Error(ErrorCode::kUsage, fmt::format("'{}' is given twice", key));
    const ConfigNode map = parse_config("value: " + assignment.substr(sign + 1), key);
    settings[key] = to_json(*map.find("value"));
  }
  return settings.dump();
}

void add_apply_command(CLI::App& parent) {
  auto arguments = std::make_shared<ApplyArguments>();
  CLI::App* command = parent.add_subcommand("apply", "Create or change applications of the fleet");
  add_files(*command, *arguments);
  command->add_flag("--dry-run", arguments->dry_run, "Only print what would change");
  command->add_flag("--force", arguments->force, "Even if an objective cannot be kept");
  command->final_callback([arguments] { apply(*arguments); });
}

void add_diff_command(CLI::App& parent) {
  auto arguments = std::make_shared<ApplyArguments>();
  arguments->force = true;  // what is refused is still a difference
  CLI::App* command = parent.add_subcommand("diff", "Print what apply would change; status 1 when that is something");
  add_files(*command, *arguments);
  command->final_callback([arguments] {
    FleetClient client(find_fleet(arguments->fleet));
    if (!preview(client, *arguments).empty()) throw CLI::RuntimeError(1);
  });
}

void add_set_command(CLI::App& parent) {
  auto arguments = std::make_shared<ApplyArguments>();
  CLI::App* command = parent.add_subcommand("set", "Change settings of a module while it runs");
  command->add_option("application", arguments->application, "Name of the application")->required();
  command->add_option("module", arguments->module, "Name of the module in it")->required();
  command->add_option("setting", arguments->settings, "KEY=VALUE as in YAML; KEY=~ takes a setting away")->required();
  command->add_flag("--dry-run", arguments->dry_run, "Only print what would change");
  command->add_flag("--force", arguments->force, "Even if an objective cannot be kept");
  add_fleet_options(*command, arguments->fleet);
  command->final_callback([arguments] { set(*arguments); });
}

}  // namespace vedette::cli
