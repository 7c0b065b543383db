#include "vedette/sim/result.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace vedette::sim {
namespace {

constexpr double kKept = 0.95;       // of the time
constexpr size_t kMostRows = 25;     // of a table
constexpr size_t kMostLines = 60;

bool wants(const ApplicationResult& each) { return each.objective.latency_p95_ms > 0 || each.objective.min_fps > 0; }

double rounded(double value) { return std::round(value * 1e6) / 1e6; }

}  // namespace

size_t Result::with_objective() const {
  return static_cast<size_t>(std::count_if(applications.begin(), applications.end(), wants));
}

size_t Result::kept() const {
  return static_cast<size_t>(std::count_if(applications.begin(), applications.end(),
                                           [](const auto& each) { return wants(each) && each.met_share >= kKept; }));
}

double Result::utilisation() const {
  double sum = 0;
  for (const auto& node : nodes) sum += node.utilisation;
  return nodes.empty() ? 0 : sum / static_cast<double>(nodes.size());
}

std::string Result::to_json() const {
  using Json = nlohmann::ordered_json;
  Json out = {{"name", name}, {"seed", seed}, {"mode", mode}, {"seconds", rounded(seconds)}, {"cameras", cameras}};
  out["frames"] = rounded(frames);
  out["delivered"] = rounded(delivered);
  out["latency_ms"] = {
      {"mean", rounded(mean_ms)}, {"p50", rounded(p50_ms)}, {"p95", rounded(p95_ms)}, {"p99", rounded(p99_ms)}};
  out["objectives"] = {{"asked_for", with_objective()}, {"kept", kept()}};
  out["drops"] = Json::object();
  for (const auto& [reason, count] : drops) out["drops"][reason] = rounded(count);
  out["link_bytes"] = rounded(link_bytes);
  out["plans"] = plans;
  out["moves"] = moves;
  out["decisions"] = decisions;
  out["applications"] = Json::array();
  for (const auto& each : applications)
    out["applications"].push_back(
        {{"name", each.name},
         {"tenant", each.tenant},
         {"objective", {{"latency_p95_ms", each.objective.latency_p95_ms}, {"min_fps", each.objective.min_fps}}},
         {"running", each.running},
         {"met_share", rounded(each.met_share)},
         {"met_at_end", each.met_at_end},
         {"level", each.level},
         {"fps", rounded(each.fps)},
         {"delivered", rounded(each.delivered)},
         {"latency_ms",
          {{"mean", rounded(each.mean_ms)},
           {"p50", rounded(each.p50_ms)},
           {"p95", rounded(each.p95_ms)},
           {"p99", rounded(each.p99_ms)}}}});
  out["nodes"] = Json::array();
  for (const auto& node : nodes)
    out["nodes"].push_back({{"name", node.name}, {"alive", node.alive}, {"utilisation", rounded(node.utilisation)}});
  out["recoveries"] = Json::array();
  for (const auto& each : recoveries)
    out["recoveries"].push_back({{"node", each.node},
                                 {"at_s", rounded(each.at_s)},
                                 {"noticed_s", rounded(each.noticed_s)},
                                 {"recovered_s", rounded(each.recovered_s)},
                                 {"pieces", each.pieces},
                                 {"elsewhere", each.elsewhere}});
  out["log"] = Json::array();
  for (const auto& line : log)
    out["log"].push_back({{"time_s", rounded(seconds_of(line.time))},
                          {"level", line.level},
                          {"application", line.application},
                          {"text", line.text}});
  out["log_left_out"] = log_left_out;
  out["violations"] = violations;
  return out.dump(2) + "\n";
}

std::string Result::to_table() const {
  std::string out = fmt::format("{}: {:.0f} s of {} nodes, {} cameras and {} applications, by {} (seed {})\n\n", name,
                                seconds, nodes.size(), cameras, applications.size(), mode, seed);
  out += fmt::format("objectives   {} of {} applications kept theirs 95 % of the time\n", kept(), with_objective());
  out +=
      fmt::format("latency      mean {:.1f} ms, p50 {:.1f}, p95 {:.1f}, p99 {:.1f}\n", mean_ms, p50_ms, p95_ms, p99_ms);
  out += fmt::format("frames       {:.0f} from cameras, {:.0f} results delivered\n", frames, delivered);
  out += "dropped      ";
  std::string list;
  for (const auto& [reason, count] : drops) list += fmt::format("{}{} {:.0f}", list.empty() ? "" : ", ", reason, count);
  out += (list.empty() ? "nothing" : list) + "\n";
  out += fmt::format("between      {:.1f} MB over links\n", link_bytes / 1e6);
  out += fmt::format("controller   {} plans, {} pieces moved, {} decisions of the supervisor\n\n", plans, moves,
                     decisions);

  std::vector<const ApplicationResult*> rows;
  for (const auto& each : applications) rows.push_back(&each);
  std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->met_share < b->met_share; });
  out += fmt::format("{:<28} {:>9} {:>8} {:>8} {:>8} {:>8} {:>7}\n", "application", "kept", "p50 ms", "p95 ms",
                     "p99 ms", "asked", "fps");
  for (size_t i = 0; i < std::min(rows.size(), kMostRows); ++i) {
    const auto& each = *rows[i];
    out += fmt::format("{:<28} {:>7.1f} % {:>8.1f} {:>8.1f} {:>8.1f} {:>8} {:>7.2f}{}\n", each.name,
                       each.met_share * 100, each.p50_ms, each.p95_ms, each.p99_ms,
                       each.objective.latency_p95_ms > 0 ? fmt::format("{:.0f}", each.objective.latency_p95_ms) : "-",
                       each.fps, each.level > 0 ? fmt::format("  lowered by {}", each.level) : "");
  }
  if (rows.size() > kMostRows)
    out += fmt::format("… and {} more, which kept theirs no less\n", rows.size() - kMostRows);

  std::vector<const NodeResult*> busy;
  for (const auto& node : nodes) busy.push_back(&node);
  std::stable_sort(busy.begin(), busy.end(),
                   [](const auto* a, const auto* b) { return a->utilisation > b->utilisation; });
  out += fmt::format("\n{:<28} {:>9}\n", "node", "in use");
  for (size_t i = 0; i < std::min(busy.size(), kMostRows); ++i)
    out += fmt::format("{:<28} {:>7.1f} %{}\n", busy[i]->name, busy[i]->utilisation * 100,
                       busy[i]->alive ? "" : "  dead at the end");
  if (busy.size() > kMostRows)
    out += fmt::format("… and {} less used; all together {:.1f} %\n", busy.size() - kMostRows, utilisation() * 100);

  if (!recoveries.empty())
    out += fmt::format("\n{:<28} {:>9} {:>11} {:>11} {:>7} {:>10}\n", "died", "at s", "noticed s", "made good s",
                       "pieces", "elsewhere");
  for (size_t i = 0; i < std::min(recoveries.size(), kMostRows); ++i) {
    const auto& each = recoveries[i];
    const auto span = [](double s) { return s < 0 ? std::string("never") : fmt::format("{:.2f}", s); };
    out += fmt::format("{:<28} {:>9.1f} {:>11} {:>11} {:>7} {:>10}\n", each.node, each.at_s, span(each.noticed_s),
                       span(each.recovered_s), each.pieces, each.elsewhere);
  }
  if (recoveries.size() > kMostRows) out += fmt::format("… and {} more\n", recoveries.size() - kMostRows);

  out += "\nwhat the controller did\n";
  for (size_t i = 0; i < std::min(log.size(), kMostLines); ++i)
    out += fmt::format("{:>9.2f} s  {}\n", seconds_of(log[i].time), log[i].text);
  if (log.size() + log_left_out > kMostLines)
    out += fmt::format("… and {} more lines\n", log.size() + log_left_out - std::min(log.size(), kMostLines));
  for (const auto& violation : violations) out += fmt::format("\nbroken: {}", violation);
  if (!violations.empty()) out += fmt::format("\nthat must never be; seed {} shows it again\n", seed);
  return out;
}

}  // namespace vedette::sim
