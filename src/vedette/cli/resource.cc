#include "vedette/cli/resource.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/cli/quantities.h"

namespace vedette::cli {
namespace {

using nlohmann::json;
using CellOf = std::function<Cell(const json&, double)>;

double number(const json& item, const char* key) {
  const auto found = item.find(key);
  return found != item.end() && found->is_number() ? found->get<double>() : 0;
}
uint64_t whole(const json& item, const char* key) { return static_cast<uint64_t>(std::max(0.0, number(item, key))); }
std::string text(const json& item, const char* key) { return item.value(key, ""); }

std::string joined(const json& list) {
  std::string out;
  for (const auto& one : list) out += (out.empty() ? "" : ",") + one.get<std::string>();
  return out;
}

uint64_t sum_of(const json& drops) {
  uint64_t sum = 0;
  for (const auto& [reason, count] : drops.items()) sum += count.get<uint64_t>();
  return sum;
}

std::string drops_text(const json& drops) {
  std::string out;
  for (const auto& [reason, count] : drops.items())
    if (count.get<uint64_t>() > 0) out += fmt::format("{}{}={}", out.empty() ? "" : ",", reason, count.get<uint64_t>());
  return out;
}

// What most columns are.
CellOf field(const char* key) {
  return [key](const json& item, double) { return Cell{text(item, key)}; };
}
CellOf state(const char* key) {
  return [key](const json& item, double) { return state_cell(text(item, key)); };
}
CellOf names(const char* key) {
  return [key](const json& item, double) { return Cell{joined(item.at(key))}; };
}
CellOf count(const char* key) {
  return [key](const json& item, double) { return Cell{count_text(whole(item, key))}; };
}
CellOf bad_count(const char* key) {
  return [key](const json& item, double) {
    const uint64_t n = whole(item, key);
    return Cell{count_text(n), n > 0 ? Colour::kRed : Colour::kNone};
  };
}
CellOf rate(const char* key) {
  return [key](const json& item, double) { return Cell{rate_text(number(item, key))}; };
}
CellOf bytes(const char* key) {
  return [key](const json& item, double) { return Cell{bytes_text(number(item, key))}; };
}
CellOf bytes_rate(const char* key) {
  return [key](const json& item, double) { return Cell{bytes_per_second_text(number(item, key))}; };
}
CellOf seconds(const char* key) {
  return [key](const json& item, double) { return Cell{milliseconds_text(number(item, key))}; };
}
CellOf quantile(const char* key, const char* which) {
  return [key, which](const json& item, double) { return Cell{milliseconds_text(number(item.at(key), which))}; };
}
CellOf age(const char* key) {
  return [key](const json& item, double now) { return Cell{age_text(number(item, key), now)}; };
}
CellOf error(const char* key) {
  return [key](const json& item, double) { return Cell{text(item, key), Colour::kRed}; };
}
CellOf drop_sum() {
  return [](const json& item, double) { return Cell{count_text(sum_of(item.at("dropped")))}; };
}
CellOf drop_reasons() {
  return [](const json& item, double) { return Cell{drops_text(item.at("dropped"))}; };
}
CellOf queue() {
  return [](const json& item, double) {
    return Cell{fmt::format("{}/{}", whole(item, "queue_depth"), whole(item, "queue_capacity"))};
  };
}

Cell objective(const json& item, double) {
  const auto& asked = item.at("objective");
  const double latency = number(asked, "latency_p95_ms"), fps = number(asked, "min_fps");
  std::string out;
  if (latency > 0) out = fmt::format("p95<={:g}ms", latency);
  if (fps > 0) out += fmt::format("{}fps>={:g}", out.empty() ? "" : ",", fps);
  const auto& met = item.at("met");
  return {out, !met.is_boolean() ? Colour::kNone : met.get<bool>() ? Colour::kGreen : Colour::kRed};
}

Cell met(const json& item, double) {
  const auto& value = item.at("met");
  if (!value.is_boolean()) return {};
  return value.get<bool>() ? Cell{"yes", Colour::kGreen} : Cell{"no", Colour::kRed};
}

Cell labels(const json& item, double) {
  std::string out;
  for (const auto& [key, value] : item.at("labels").items())
    out += fmt::format("{}{}={}", out.empty() ? "" : ",", key, value.get<std::string>());
  return {out};
}

Cell cpu(const json& item, double) { return {fmt::format("{:.1f}/{:g}", number(item, "cpu"), number(item, "cores"))}; }

Cell memory(const json& item, double) { return {bytes_text(number(item, "memory_used_bytes"))}; }

Cell plan(const json& item, double) {
  const uint64_t has = whole(item, "plan_version"), wanted = whole(item, "wanted_version");
  return {has == wanted ? fmt::format("{}", has) : fmt::format("{} of {}", has, wanted)};
}

Cell size(const json& item, double) {
  const uint64_t width = whole(item, "width"), height = whole(item, "height");
  return {width > 0 ? fmt::format("{}x{}", width, height) : ""};
}

Cell users(const json& item, double) {
  std::set<std::string> names;
  for (const auto& user : item.at("users")) names.insert(user.at("application").get<std::string>());
  return {joined(names)};
}

std::vector<Resource> make_resources() {
  return {
      {"nodes",
       {"node", "no"},
       "nodes",
       "nodes",
       {"name"},
       {{"NAME", false, false, field("name")},
        {"STATE", false, false, state("state")},
        {"CPU", true, false, cpu},
        {"MEMORY", true, false, memory},
        {"STREAMS", true, false, count("streams")},
        {"REPLICAS", true, false, count("replicas")},
        {"SEEN", true, false, age("last_seen")},
        {"APPLICATIONS", false, false, names("applications")},
        {"VERSION", false, true, field("version")},
        {"PLAN", true, true, plan},
        {"LABELS", false, true, labels},
        {"CONSOLE", false, true, field("console")},
        {"LINKS", false, true, names("link_addresses")},
        {"PROBLEM", false, true, error("plan_error")}}},
      {"apps",
       {"app", "applications", "application"},
       "apps",
       "applications",
       {"name"},
       {{"NAME", false, false, field("name")},
        {"TENANT", false, false, field("tenant")},
        {"STATE", false, false, state("state")},
        {"OBJECTIVE", false, false, objective},
        {"MET", false, false, met},
        {"P95", true, false, quantile("latency", "p95")},
        {"FPS", true, false, rate("fps")},
        {"GAPS", true, false, count("gaps")},
        {"NODES", false, false, names("nodes")},
        {"SHARED WITH", false, false, names("shared_with")},
        {"VERSION", true, true, count("version")},
        {"PRIORITY", true, true, count("priority")},
        {"P50", true, true, quantile("latency", "p50")},
        {"P99", true, true, quantile("latency", "p99")},
        {"DELIVERED", true, true, count("delivered")},
        {"DROPPED", false, true, drop_reasons()},
        {"CHANGED", true, true, age("changed")},
        {"LOWERED", false, true, field("level_text")},
        {"WHY", false, true, field("why")}}},
      {"replicas",
       {"replica", "modules", "module"},
       "replicas",
       "replicas",
       {"name", "key"},
       {{"NAME", false, false, field("name")},
        {"TYPE", false, false, field("type")},
        {"NODE", false, false, field("node")},
        {"FPS", true, false, rate("fps")},
        {"QUEUE", true, false, queue()},
        {"WAIT P95", true, false, quantile("wait", "p95")},
        {"TIME P95", true, false, quantile("execution", "p95")},
        {"DROPPED", true, false, drop_sum()},
        {"ERRORS", true, false, bad_count("errors")},
        {"USERS", false, false, users},
        {"STREAMS", false, true, names("streams")},
        {"PROCESSED", true, true, count("processed")},
        {"DROPS", false, true, drop_reasons()},
        {"KEY", false, true, field("key")},
        {"PROBLEM", false, true, error("last_error")}}},
      {"streams",
       {"stream", "cameras"},
       "streams",
       "streams",
       {"name", "key"},
       {{"NAME", false, false, field("name")},
        {"NODE", false, false, field("node")},
        {"STATE", false, false, state("state")},
        {"FPS", true, false, rate("fps")},
        {"SIZE", true, false, size},
        {"FRAMES", true, false, count("frames")},
        {"DROPPED", true, false, drop_sum()},
        {"RECONNECTS", true, false, count("reconnects")},
        {"USERS", false, false, names("users")},
        {"URL", false, true, field("url")},
        {"DROPS", false, true, drop_reasons()},
        {"PROBLEM", false, true, error("last_error")}}},
      {"links",
       {"link"},
       "links",
       "links",
       {"from", "to"},
       {{"FROM", false, false, field("from")},
        {"TO", false, false, field("to")},
        {"STATE", false, false, state("state")},
        {"RTT", true, false, seconds("rtt_seconds")},
        {"RATE", true, false, bytes_rate("bytes_rate")},
        {"CAN CARRY", true, false, bytes_rate("bytes_per_second")},
        {"SENT", true, false, count("sent")},
        {"RECEIVED", true, false, count("received")},
        {"GAPS", true, false, bad_count("gaps")},
        {"RECONNECTS", true, false, count("reconnects")},
        {"BYTES SENT", true, true, bytes("bytes_sent")},
        {"SERIALISE P95", true, true, quantile("serialise", "p95")},
        {"SEND P95", true, true, quantile("send", "p95")},
        {"RECEIVE P95", true, true, quantile("receive", "p95")},
        {"ADDRESS", false, true, field("address")},
        {"PROBLEM", false, true, error("last_error")}}},
  };
}

[[noreturn]] void throw_other_form(const std::string& what) {
  throw Error(ErrorCode::kInvalidData, "the controller's answer is not what was expected: " + what,
              "is it of another version?");
}

}  // namespace

const std::vector<Resource>& resources() {
  static const std::vector<Resource> all = make_resources();
  return all;
}

const Resource& find_resource(const std::string& word) {
  std::vector<std::string> known;
  for (const auto& resource : resources()) {
    known.push_back(resource.name);
    if (word == resource.name ||
        std::find(resource.aliases.begin(), resource.aliases.end(), word) != resource.aliases.end())
      return resource;
  }
  throw Error(ErrorCode::kUsage, fmt::format("'{}' is nothing to get", word), did_you_mean(word, known));
}

json select(const Resource& resource, const json& answer, const std::string& name) {
  const auto list = answer.find(resource.key);
  if (list == answer.end() || !list->is_array()) throw_other_form("no list of " + resource.name);
  if (name.empty()) return *list;
  json chosen = json::array();
  std::set<std::string> known;
  for (const auto& item : *list) {
    bool is_it = false;
    for (const auto& field_name : resource.names) {
      const std::string value = item.is_object() ? text(item, field_name.c_str()) : "";
      is_it = is_it || value == name;
      if (field_name != "key") known.insert(value);
    }
    if (is_it) chosen.push_back(item);
  }
  if (chosen.empty()) {
    const std::vector<std::string> names(known.begin(), known.end());
    throw Error(ErrorCode::kNotFound, fmt::format("there is no '{}' among the {}", name, resource.name),
                names.empty() ? "there are none at all" : did_you_mean(name, names));
  }
  return chosen;
}

Table to_table(const Resource& resource, const json& items, bool wide, double now) {
  std::vector<Table::Column> titles;
  for (const auto& column : resource.columns)
    if (wide || !column.wide) titles.push_back({column.title, column.right});
  Table table(std::move(titles));
  try {
    for (const auto& item : items) {
      std::vector<Cell> row;
      for (const auto& column : resource.columns)
        if (wide || !column.wide) row.push_back(column.cell(item, now));
      table.add(std::move(row));
    }
  } catch (const json::exception& e) {
    throw_other_form(e.what());
  }
  return table;
}

}  // namespace vedette::cli
