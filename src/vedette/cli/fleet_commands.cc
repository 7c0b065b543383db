#include "vedette/cli/fleet_commands.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "vedette/base/error.h"
#include "vedette/cli/application_files.h"
#include "vedette/cli/fleet_client.h"
#include "vedette/cli/signals.h"

namespace vedette::cli {
namespace {

constexpr std::chrono::milliseconds kLookAgain{250};

struct NamesArguments {
  FleetArguments fleet;
  std::vector<std::string> names;
  std::vector<std::string> files;
  double wait_seconds = 0;
  std::string output;
};

/// Does the same with each name, all of them even if one fails; then throws that one's Error.
template <typename F>
void for_each_name(const std::vector<std::string>& names, const F& act) {
  std::optional<ErrorCode> code;
  std::string faults;
  for (const auto& name : names) {
    try {
      act(name);
    } catch (const Error& e) {
      if (e.code() == ErrorCode::kUnavailable || e.code() == ErrorCode::kTimeout) throw;
      faults += (faults.empty() ? "" : "\n") + e.line();
      if (!code) code = e.code();
    }
  }
  std::fflush(stdout);
  if (code) throw Error(*code, faults);
}

std::string path_of(const char* kind, const std::string& name) {
  return fmt::format("/api/fleet/{}/{}", kind, net::encode_segment(name));
}

/// `METHOD /api/fleet/KIND/NAME[/verb]` for each name, and a line for each.
void call_each(const NamesArguments& arguments, const char* method, const char* kind, const std::string& verb,
               const char* done) {
  FleetClient client(find_fleet(arguments.fleet));
  for_each_name(arguments.names, [&](const std::string& name) {
    client.text_of(method, path_of(kind, name) + (verb.empty() ? "" : "/" + verb));
    fmt::print("{}: {}\n", name, done);
  });
}

void delete_applications(NamesArguments arguments) {
  if (!arguments.files.empty())
    for (const auto& application : read_applications(arguments.files)) arguments.names.push_back(application.name);
  if (arguments.names.empty()) throw Error(ErrorCode::kUsage, "which applications?", "name them, or a file with -f");
  call_each(arguments, "DELETE", "apps", "", "removed");
}

std::string state_of_node(FleetClient& client, const std::string& name) {
  const nlohmann::json answer = client.get("/api/fleet/nodes");
  for (const auto& node : answer.at("nodes"))
    if (node.value("name", "") == name) return node.value("state", "");
  return "lost";
}

void drain(const NamesArguments& arguments) {
  const Signals signals;
  call_each(arguments, "POST", "nodes", "drain", arguments.wait_seconds > 0 ? "draining" : "is drained");
  if (arguments.wait_seconds <= 0) return;
  FleetClient client(find_fleet(arguments.fleet));
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(arguments.wait_seconds);
  std::mutex mutex;
  std::condition_variable_any wake;
  for (const auto& name : arguments.names) {
    for (std::string state; state != "drained" && state != "lost";) {
      state = state_of_node(client, name);
      if (signals.token().stop_requested()) return;
      if (std::chrono::steady_clock::now() > until)
        throw Error(ErrorCode::kTimeout,
                    fmt::format("{} is still {} after {:g} s", name, state, arguments.wait_seconds),
                    "what no other node can run stays; see vedette get replicas");
      std::unique_lock lock(mutex);
      wake.wait_for(lock, signals.token(), kLookAgain, [] { return false; });
    }
    fmt::print("{}: drained\n", name);
  }
}

void export_yaml(const NamesArguments& arguments) {
  FleetClient client(find_fleet(arguments.fleet));
  const std::string yaml = client.text_of("GET", "/api/fleet/export");
  if (arguments.output.empty()) {
    fmt::print("{}", yaml);
    return;
  }
  errno = 0;
  std::ofstream out(arguments.output, std::ios::binary | std::ios::trunc);
  out << yaml;
  out.close();
  if (!out) throw_errno(errno == 0 ? EIO : errno, "cannot write " + arguments.output);
}

using Act = std::function<void(const NamesArguments&)>;

CLI::App* add_command(CLI::App& parent, const char* name, const char* description, const char* names, const Act& act) {
  auto arguments = std::make_shared<NamesArguments>();
  CLI::App* command = parent.add_subcommand(name, description);
  if (names) command->add_option("name", arguments->names, names)->required();
  add_fleet_options(*command, arguments->fleet);
  command->final_callback([arguments, act] { act(*arguments); });
  return command;
}

}  // namespace

void add_delete_command(CLI::App& parent) {
  CLI::App* command = parent.add_subcommand("delete", "Remove applications, or nodes that are gone, from the fleet");
  command->require_subcommand(1);
  auto arguments = std::make_shared<NamesArguments>();
  CLI::App* applications = command->add_subcommand("app", "Remove applications")->alias("apps");
  applications->add_option("name", arguments->names, "Names of applications");
  applications->add_option("-f,--file", arguments->files, "Files (YAML) that name them");
  add_fleet_options(*applications, arguments->fleet);
  applications->final_callback([arguments] { delete_applications(*arguments); });
  add_command(*command, "node", "Forget nodes that are lost", "Names of nodes", [](const NamesArguments& a) {
    call_each(a, "DELETE", "nodes", "", "forgotten");
  })->alias("nodes");
}

void add_start_stop_commands(CLI::App& parent) {
  add_command(parent, "start", "Let applications run that were stopped", "Names of applications",
              [](const NamesArguments& a) { call_each(a, "POST", "apps", "start", "started"); });
  add_command(parent, "stop", "Stop applications, and keep them", "Names of applications",
              [](const NamesArguments& a) { call_each(a, "POST", "apps", "stop", "stopped"); });
}

void add_drain_commands(CLI::App& parent) {
  auto arguments = std::make_shared<NamesArguments>();
  CLI::App* command = parent.add_subcommand("drain", "Have nodes give their work away and take none");
  command->add_option("name", arguments->names, "Names of nodes")->required();
  command->add_option("--wait", arguments->wait_seconds, "Wait so many seconds at most until nothing runs there")
      ->check(CLI::Range(0.0, 86'400.0));
  add_fleet_options(*command, arguments->fleet);
  command->final_callback([arguments] { drain(*arguments); });
  add_command(parent, "undrain", "Have nodes take work again", "Names of nodes",
              [](const NamesArguments& a) { call_each(a, "POST", "nodes", "undrain", "takes work"); });
}

void add_export_command(CLI::App& parent) {
  auto arguments = std::make_shared<NamesArguments>();
  CLI::App* command = parent.add_subcommand("export", "Print every application as YAML, for apply");
  command->add_option("-o,--output", arguments->output, "Write to this file");
  add_fleet_options(*command, arguments->fleet);
  command->final_callback([arguments] { export_yaml(*arguments); });
}

}  // namespace vedette::cli
