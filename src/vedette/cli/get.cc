#include "vedette/cli/get.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "vedette/base/error.h"
#include "vedette/base/time.h"
#include "vedette/cli/fleet_client.h"
#include "vedette/cli/resource.h"
#include "vedette/cli/signals.h"

namespace vedette::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kBetweenBlocks{1};
constexpr const char* kClearScreen = "\x1b[H\x1b[2J";

struct GetArguments {
  FleetArguments fleet;
  std::string what;
  std::string name;
  std::string form;
  bool watch = false;
};

std::string shown(FleetClient& client, const GetArguments& arguments, const Resource& resource) {
  const json answer = client.get("/api/fleet/" + resource.path);
  const json items = select(resource, answer, arguments.name);
  if (arguments.form == "json")
    return json{{resource.key, items}}.dump(arguments.watch ? -1 : 2, ' ', false, json::error_handler_t::replace) +
           '\n';
  if (items.empty()) return fmt::format("there are no {}\n", resource.name);
  const double now = to_seconds(Clock::system().now().time_since_epoch());
  return to_table(resource, items, arguments.form == "wide", now).text(Paint::for_stdout());
}

void print_yaml(FleetClient& client, const GetArguments& arguments, const Resource& resource) {
  if (resource.name != "apps" || arguments.name.empty())
    throw Error(ErrorCode::kUsage, "-o yaml is for one application",
                "vedette get apps NAME -o yaml, or vedette export");
  fmt::print("{}", client.get("/api/fleet/apps/" + net::encode_segment(arguments.name)).value("yaml", ""));
}

void watch(FleetClient& client, const GetArguments& arguments, const Resource& resource) {
  const Signals signals;
  const bool redraws = stdout_is_terminal() && arguments.form != "json";
  auto next = std::chrono::steady_clock::time_point{};
  std::string last;
  client.watch(
      signals.token(),
      [&](const ServerEvent& event) {
        const auto now = std::chrono::steady_clock::now();
        if (event.name != "fleet" || now < next) return;
        if (!redraws) next = now + kBetweenBlocks;
        const std::string text = shown(client, arguments, resource);
        if (text == last) return;
        fmt::print("{}{}", redraws ? kClearScreen : last.empty() || arguments.form == "json" ? "" : "\n", text);
        std::fflush(stdout);
        last = text;
      },
      [](const std::string& problem) { fmt::print(stderr, "vedette: {}\n", problem); });
}

void get(const GetArguments& arguments) {
  const Resource& resource = find_resource(arguments.what);
  FleetClient client(find_fleet(arguments.fleet));
  if (arguments.form == "yaml") {
    print_yaml(client, arguments, resource);
  } else if (arguments.watch) {
    watch(client, arguments, resource);
  } else {
    fmt::print("{}", shown(client, arguments, resource));
  }
}

}  // namespace

void add_get_command(CLI::App& parent) {
  auto arguments = std::make_shared<GetArguments>();
  CLI::App* command = parent.add_subcommand("get", "Show nodes, apps, replicas, streams or links of the fleet");
  command->add_option("what", arguments->what, "nodes, apps, replicas, streams or links")->required();
  command->add_option("name", arguments->name, "Only the one of this name");
  command->add_flag("-w,--watch", arguments->watch, "Again and again, as it changes");
  command->add_option("-o,--output", arguments->form, "wide (more columns), json, or yaml (of one application)")
      ->check(CLI::IsMember({"wide", "json", "yaml"}));
  add_fleet_options(*command, arguments->fleet);
  command->final_callback([arguments] { get(*arguments); });
}

}  // namespace vedette::cli
