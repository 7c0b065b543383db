#include "vedette/cli/logs.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "vedette/cli/fleet_client.h"
#include "vedette/cli/quantities.h"
#include "vedette/cli/signals.h"

namespace vedette::cli {
namespace {

using nlohmann::json;

constexpr int kMostLines = 5000;  // of one answer
constexpr std::chrono::seconds kBetweenLooks{1};

struct LogsArguments {
  FleetArguments fleet;
  std::string application;
  std::string node;
  std::string form;
  int lines = 50;
  bool follow = false;
};

std::string query(const LogsArguments& arguments, int limit) {
  std::string text = fmt::format("/api/fleet/log?limit={}", limit);
  if (!arguments.application.empty()) text += "&application=" + net::encode_segment(arguments.application);
  if (!arguments.node.empty()) text += "&node=" + net::encode_segment(arguments.node);
  return text;
}

/// Prints the lines of an answer and gives the id after which to ask again.
uint64_t print(const json& answer, const LogsArguments& arguments, const Paint& paint, uint64_t after) {
  for (const auto& line : answer.at("lines")) {
    if (arguments.form == "json") {
      fmt::print("{}\n", line.dump(-1, ' ', false, json::error_handler_t::replace));
    } else {
      fmt::print("{}\n", log_line_text(line, paint));
    }
    after = std::max(after, line.value("id", uint64_t{0}));
  }
  std::fflush(stdout);
  return after;
}

void logs(const LogsArguments& arguments) {
  const Signals signals;
  const Paint paint = Paint::for_stdout();
  FleetClient client(find_fleet(arguments.fleet));
  uint64_t after = 0;
  // -n 0 is for those who follow: the answer's newest id is all that is wanted.
  const json newest = client.get(query(arguments, std::max(1, arguments.lines)));
  if (arguments.lines > 0) print(newest, arguments, paint, after);
  after = newest.value("newest", uint64_t{0});
  if (!arguments.follow) return;
  auto next_look = std::chrono::steady_clock::time_point{};
  client.watch(
      signals.token(),
      [&](const ServerEvent& event) {
        // What an event tells may be of no interest here, and what came before the connection it does not tell: ask.
        const auto now = std::chrono::steady_clock::now();
        const json line = event.name == "log" ? json::parse(event.data, nullptr, false) : json();
        const bool is_news = line.is_object() && line.value("id", uint64_t{0}) > after;
        if (!is_news && now < next_look) return;
        next_look = now + kBetweenLooks;
        const json lines = client.get(query(arguments, kMostLines) + fmt::format("&after={}", after));
        after = std::max(print(lines, arguments, paint, after), lines.value("newest", uint64_t{0}));
      },
      [](const std::string& problem) { fmt::print(stderr, "vedette: {}\n", problem); });
}

}  // namespace

std::string log_line_text(const json& line, const Paint& paint) {
  const auto text = [&](const char* key) { return printable(line.value(key, "")); };
  const Cell level = state_cell(text("level"));
  std::string out = paint(Colour::kDim, local_time_text(line.value("time", 0.0))) + "  " +
                    paint(level.colour, fmt::format("{:<7}", level.text));
  for (const char* key : {"node", "application"})
    if (const auto who = text(key); !who.empty()) out += "  " + paint(Colour::kBlue, who);
  return out + "  " + text("text");
}

void add_logs_command(CLI::App& parent) {
  auto arguments = std::make_shared<LogsArguments>();
  CLI::App* command = parent.add_subcommand("logs", "Print the fleet's event log");
  command->add_flag("-f,--follow", arguments->follow, "Go on with what comes");
  command->add_option("--application", arguments->application, "Only lines about this application");
  command->add_option("--node", arguments->node, "Only lines of this node");
  command->add_option("-n", arguments->lines, "How many of the newest lines")
      ->check(CLI::Range(0, kMostLines))
      ->capture_default_str();
  command->add_option("-o,--output", arguments->form, "json: each line as JSON")->check(CLI::IsMember({"json"}));
  add_fleet_options(*command, arguments->fleet);
  command->final_callback([arguments] { logs(*arguments); });
}

}  // namespace vedette::cli
