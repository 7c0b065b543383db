#include "vedette/cli/traces.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "vedette/base/error.h"
#include "vedette/cli/fleet_client.h"
#include "vedette/cli/quantities.h"
#include "vedette/cli/table.h"

namespace vedette::cli {
namespace {

using nlohmann::json;

constexpr double kBarWidth = 40;

struct TracesArguments {
  FleetArguments fleet;
  std::string application;
  std::string form;
  int traces = 1;
};

std::string bar(double start, double duration, double whole) {
  if (!(whole > 0)) return "";
  const auto place = [&](double at) {
    return static_cast<size_t>(std::lround(std::clamp(at / whole, 0.0, 1.0) * kBarWidth));
  };
  const size_t blanks = std::min(place(start), static_cast<size_t>(kBarWidth) - 1);
  const size_t blocks = std::max(place(start + duration), blanks + 1) - blanks;
  return std::string(blanks, ' ') + std::string(blocks, '=');
}

Colour colour_of(const std::string& kind) {
  if (kind == "execute") return Colour::kGreen;
  if (kind == "wait") return Colour::kYellow;
  return kind == "source" ? Colour::kNone : Colour::kBlue;
}

std::string table_of(const json& trace, const Paint& paint) {
  std::vector<json> spans = trace.at("spans");
  std::stable_sort(spans.begin(), spans.end(), [](const json& a, const json& b) {
    return a.at("start").get<double>() < b.at("start").get<double>();
  });
  const double start = trace.at("start"), whole = trace.at("duration");
  Table table({{"STEP", false}, {"KIND", false}, {"NODE", false}, {"AT", true}, {"TIME", true}, {"", false}});
  for (const auto& span : spans) {
    const double at = std::max(0.0, span.at("start").get<double>() - start), time = span.at("duration");
    const std::string kind = span.at("kind");
    table.add({{span.at("name")},
               {kind},
               {span.at("node")},
               {fmt::format("{:.1f} ms", at * 1e3)},
               {fmt::format("{:.1f} ms", time * 1e3)},
               {bar(at, time, whole), colour_of(kind)}});
  }
  return fmt::format("{} {} frame {}, {}, {}\n", paint(Colour::kBold, trace.at("trace_id").get<std::string>()),
                     printable(trace.at("stream").get<std::string>()), trace.at("sequence").get<uint64_t>(),
                     local_time_text(start), milliseconds_text(whole)) +
         table.text(paint);
}

void traces(const TracesArguments& arguments) {
  FleetClient client(find_fleet(arguments.fleet));
  std::string path = fmt::format("/api/fleet/traces?limit={}", arguments.traces);
  if (!arguments.application.empty()) path += "&application=" + net::encode_segment(arguments.application);
  const json answer = client.get(path);
  if (arguments.form == "json") {
    fmt::print("{}\n", answer.dump(2, ' ', false, json::error_handler_t::replace));
    return;
  }
  if (answer.value("traces", json::array()).empty()) fmt::print("no frame was sampled yet\n");
  for (const auto& trace : answer.value("traces", json::array()))
    fmt::print("{}", waterfall_text(trace, Paint::for_stdout()));
}

}  // namespace

std::string waterfall_text(const json& trace, const Paint& paint) {
  try {
    return table_of(trace, paint);
  } catch (const json::exception& e) {
    throw Error(ErrorCode::kInvalidData, std::string("the controller's answer is not what was expected: ") + e.what());
  }
}

void add_traces_command(CLI::App& parent) {
  auto arguments = std::make_shared<TracesArguments>();
  CLI::App* command = parent.add_subcommand("traces", "Print where sampled frames spent their time");
  command->add_option("application", arguments->application, "Only frames of this application");
  command->add_option("-n", arguments->traces, "How many of the newest")
      ->check(CLI::Range(1, 500))
      ->capture_default_str();
  command->add_option("-o,--output", arguments->form, "json: as the controller tells them")
      ->check(CLI::IsMember({"json"}));
  add_fleet_options(*command, arguments->fleet);
  command->final_callback([arguments] { traces(*arguments); });
}

}  // namespace vedette::cli
