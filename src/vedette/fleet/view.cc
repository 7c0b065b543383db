#include "vedette/fleet/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/fleet/report_check.h"
#include "vedette/fleet/yaml_text.h"
#include "vedette/graph/application.h"

namespace vedette::fleet {

using nlohmann::json;

namespace {

constexpr const char* kAnotherTenant = "another tenant";
constexpr double kFpsTolerance = 0.95;  // a rate measured over seconds is never quite whole

/// The "url" of a source's canonical settings, without credentials.
std::string url_of(const std::string& settings) {
  const json value = json::parse(settings, nullptr, false);
  return value.is_object() && value.contains("url") && value["url"].is_string()
             ? without_secrets(value["url"].get<std::string>())
             : "";
}

std::string state_of(const NodeState& node, MonotonicTime now, size_t pieces) {
  if (node.refused_until > now && node.life != NodeState::Life::kAlive) return "refused";
  if (node.life == NodeState::Life::kLost) return "lost";
  if (node.life == NodeState::Life::kExpected || !node.report) return "applying";
  const bool settled =
      node.plan && node.report->plan_version == node.wanted_version && node.report->plan_state == "running";
  if (node.record.drained || node.record.draining) return pieces == 0 && settled ? "drained" : "draining";
  return settled ? "ready" : "applying";
}

}  // namespace

json to_json_value(const plan::Quantiles& q) {
  return {{"count", q.count}, {"p50", q.p50}, {"p95", q.p95}, {"p99", q.p99}, {"mean", q.mean}};
}

json to_json_value(const plan::Prediction& p) {
  return {{"latency_p95_ms", p.latency_p95_ms}, {"fps", p.fps}, {"met", p.met}};
}

View::View(Snapshot snapshot, net::Principal principal)
    : snapshot_(std::move(snapshot)), principal_(std::move(principal)) {
  for (const auto& application : snapshot_.applications) applications_[application->record.name] = application.get();
  for (const auto& stage : snapshot_.planned->shared.stages) planned_stages_[stage.key] = &stage;
  for (const auto& node : snapshot_.nodes) {
    nodes_[node->record.name] = node.get();
    if (!node->counts() || !node->report) continue;
    for (const auto& stage : node->report->stages) stages_[stage.key].push_back({node.get(), &stage});
    for (const auto& stream : node->report->streams) streams_[stream.key] = {node.get(), &stream};
    for (const auto& report : node->report->applications) {
      Measured& m = measured_[report.name];
      if (!m.any || report.latency.p95 > m.latency.p95) {
        const uint64_t count = m.latency.count;
        m.latency = report.latency;
        m.latency.count += count;
      } else {
        m.latency.count += report.latency.count;
      }
      if (report.latency.count > 0 || report.delivered > 0)
        m.fps = m.any && m.fps > 0 ? std::min(m.fps, report.fps) : report.fps;
      m.delivered += report.delivered;
      m.gaps += report.gaps;
      if (!report.last_error.empty()) m.last_error = node->record.name + ": " + report.last_error;
      m.failed = m.failed || report.state == "failed";
      m.any = true;
    }
  }
}

bool View::sees(const std::string& application) const {
  const auto found = applications_.find(application);
  return found != applications_.end() && principal_.sees(found->second->record.tenant);
}

std::vector<std::string> View::visible(const std::vector<std::string>& applications) const {
  std::vector<std::string> names;
  bool others = false;
  for (const auto& name : applications) {
    if (sees(name)) {
      names.push_back(name);
    } else {
      others = others || applications_.contains(name);
    }
  }
  if (others) names.emplace_back(kAnotherTenant);
  return names;
}

const Application& View::find(const std::string& name) const {
  if (sees(name)) return *applications_.at(name);
  std::vector<std::string> names;
  for (const auto& [one, ignored] : applications_)
    if (sees(one)) names.push_back(one);
  throw Error(ErrorCode::kNotFound, fmt::format("there is no application '{}'", name.substr(0, 64)),
              names.empty() ? "there is none at all" : did_you_mean(name, names));
}

/// As planned, at its level, when it is; else as wished.
const plan::ApplicationWish& View::wish_of(const Application& application) const {
  const auto& wishes = snapshot_.planned->wishes;
  const auto found = std::find_if(wishes.begin(), wishes.end(),
                                  [&](const auto& wish) { return wish.name == application.record.name; });
  return found == wishes.end() ? application.wish : *found;
}

View::Measured View::measured(const std::string& application) const {
  const auto found = measured_.find(application);
  return found == measured_.end() ? Measured{} : found->second;
}

const std::string* View::node_of(const std::string& stage, const std::string& stream) const {
  const auto& placement = snapshot_.planned->placement;
  auto found = placement.find({stage, stream});
  if (found == placement.end()) found = placement.find({stage, ""});
  return found == placement.end() ? nullptr : &found->second;
}

size_t View::application_count() const {
  return static_cast<size_t>(
      std::count_if(applications_.begin(), applications_.end(), [&](const auto& a) { return sees(a.first); }));
}

size_t View::replica_count() const {
  std::set<std::pair<std::string, std::string>> replicas;
  for (const auto& [piece, node] : snapshot_.planned->placement)
    if (piece.stage != plan::kSource) replicas.emplace(piece.stage, node);
  return replicas.size();
}

std::vector<std::string> View::keys_of(const std::string& name) const {
  const plan::ApplicationWish& wish = wish_of(find(name));
  std::vector<std::string> keys = plan::stage_keys(wish);
  for (const auto& source : wish.sources) keys.push_back(plan::stream_key(source));
  return keys;
}

json View::nodes() const {
  std::map<std::string, std::set<std::string>> stages, streams;
  std::map<std::string, size_t> pieces;
  for (const auto& [piece, node] : snapshot_.planned->placement) {
    ++pieces[node];
    (piece.stage == plan::kSource ? streams : stages)[node].insert(piece.stage == plan::kSource ? piece.stream
                                                                                                : piece.stage);
  }
  std::map<std::string, std::vector<std::string>> applications;
  for (const auto& [application, where] : snapshot_.planned->nodes)
    for (const auto& node : where) applications[node].push_back(application);
  json list = json::array();
  for (const auto& [name, node] : nodes_) {
    const plan::NodeReport report = node->report ? *node->report : plan::NodeReport{};
    auto labels = node->record.labels;
    labels.insert(node->record.reported_labels.begin(), node->record.reported_labels.end());
    const double left = node->counts() ? to_seconds(snapshot_.lease - (snapshot_.now.mono - node->last_seen)) : 0;
    list.push_back({{"name", name},
                    {"state", state_of(*node, snapshot_.now.mono, pieces[name])},
                    {"version", report.version},
                    {"protocol", report.protocol},
                    {"labels", labels},
                    {"console", report.console},
                    {"cores", node->record.cores},
                    {"cpu", report.cpu},
                    {"machine_cpu", report.machine_cpu},
                    {"memory_bytes", node->record.memory_bytes},
                    {"memory_used_bytes", report.memory_used_bytes},
                    {"speed", node->record.speed},
                    {"plan_version", report.plan_version},
                    {"wanted_version", node->wanted_version},
                    {"plan_state", report.plan_state},
                    {"plan_error", node->refused_until > snapshot_.now.mono ? node->refused : report.plan_error},
                    {"last_seen", node->last_seen_unix},
                    {"lease_left", std::max(0.0, left)},
                    {"streams", streams[name].size()},
                    {"replicas", stages[name].size()},
                    {"applications", visible(applications[name])},
                    {"link_addresses", node->record.link_addresses}});
  }
  return list;
}

View::Verdict View::judge(const Application& application, const Measured& m) const {
  const auto& record = application.record;
  if (!application.refused.empty()) return {"refused", application.refused};
  if (!record.running) return {"stopped", ""};
  if (!record.failed.empty()) return {"failed", record.failed};
  const Planned& planned = *snapshot_.planned;
  std::string missing;
  if (const auto lines = planned.unplaced.find(record.name); lines != planned.unplaced.end())
    for (const auto& line : lines->second) missing += (missing.empty() ? "" : "; ") + line;
  if (!planned.nodes.contains(record.name)) return {"waiting", missing.empty() ? "it is being placed" : missing};
  if (!m.any) return {"waiting", missing.empty() ? "it is being started" : missing};
  Verdict verdict{"running", missing};
  const auto worse = [&](const std::string& why) { verdict.why += (verdict.why.empty() ? "" : "; ") + why; };
  const auto& objective = application.wish.objective;
  if ((objective.latency_p95_ms > 0 || objective.min_fps > 0) && m.latency.count > 0) {
    verdict.met = 1;
    if (objective.latency_p95_ms > 0 && m.latency.p95 * 1e3 > objective.latency_p95_ms) {
      verdict.met = 0;
      worse(fmt::format("p95 is {:.0f} ms, {:g} ms were asked for", m.latency.p95 * 1e3, objective.latency_p95_ms));
    }
    if (objective.min_fps > 0 && m.fps < kFpsTolerance * objective.min_fps) {
      verdict.met = 0;
      worse(fmt::format("{:.1f} frames a second, {:g} were asked for", m.fps, objective.min_fps));
    }
  }
  if (record.level > 0) worse("lowered: " + plan::describe_level(application.wish, record.level));
  if (m.failed) worse(m.last_error.empty() ? "a part of it failed" : m.last_error);
  for (const auto& source : application.wish.sources) {
    const auto stream = streams_.find(plan::stream_key(source));
    if (stream != streams_.end() && stream->second.report->state == "failed")
      worse(fmt::format("{}: {}", source.name, stream->second.report->last_error));
  }
  if (!verdict.why.empty()) verdict.state = "degraded";
  return verdict;
}

plan::Drops View::drops_of(const plan::ApplicationWish& wish) const {
  plan::Drops drops;
  for (const auto& key : plan::stage_keys(wish)) {
    const auto found = stages_.find(key);
    if (found == stages_.end()) continue;
    for (const auto& at : found->second)
      for (const auto& [reason, count] : at.report->dropped) drops[reason] += count;
  }
  for (const auto& source : wish.sources)
    if (const auto at = streams_.find(plan::stream_key(source)); at != streams_.end())
      for (const auto& [reason, count] : at->second.report->dropped) drops[reason] += count;
  return drops;
}

json View::base(const Application& application) const {
  const auto& record = application.record;
  const auto& wish = application.wish;
  const Measured m = measured(record.name);
  const Verdict verdict = judge(application, m);
  std::vector<std::string> streams, shared, nodes;
  for (const auto& source : wish.sources) streams.push_back(source.name);
  std::set<std::string> others;
  if (record.running)
    for (const auto& key : plan::stage_keys(wish_of(application)))
      if (const auto stage = planned_stages_.find(key); stage != planned_stages_.end())
        for (const auto& user : stage->second->users)
          if (user.application != record.name) others.insert(user.application);
  if (const auto where = snapshot_.planned->nodes.find(record.name); where != snapshot_.planned->nodes.end())
    nodes = where->second;
  const auto met = verdict.met < 0 ? json(nullptr) : json(verdict.met == 1);
  return {{"name", record.name},
          {"tenant", record.tenant},
          {"version", record.version},
          {"state", verdict.state},
          {"priority", wish.priority},
          {"objective", {{"latency_p95_ms", wish.objective.latency_p95_ms}, {"min_fps", wish.objective.min_fps}}},
          {"met", met},
          {"why", verdict.why},
          {"level", record.level},
          {"level_text", record.level > 0 ? plan::describe_level(wish, record.level) : ""},
          {"latency", to_json_value(m.latency)},
          {"fps", m.fps},
          {"delivered", m.delivered},
          {"gaps", m.gaps},
          {"dropped", drops_of(wish_of(application))},
          {"streams", streams},
          {"nodes", nodes},
          {"shared_with", visible(std::vector(others.begin(), others.end()))},
          {"created", record.created},
          {"changed", record.changed}};
}

json View::applications() const {
  json list = json::array();
  for (const auto& [name, application] : applications_)
    if (sees(name)) list.push_back(base(*application));
  return list;
}

json View::application(const std::string& name) const {
  const Application& application = find(name);
  const auto& record = application.record;
  json out = base(application);
  out["yaml"] = principal_.may(net::Role::kOperator) ? record.yaml : without_secrets(record.yaml);
  json versions = json::array();
  for (const auto& v : record.versions)
    versions.push_back({{"version", v.version}, {"time", v.time}, {"who", v.who}, {"text", v.text}});
  out["versions"] = std::move(versions);
  out["graph"] = graph(wish_of(application));
  out["prediction"] = nullptr;
  for (const auto& prediction : snapshot_.planned->predictions)
    if (prediction.application == name) out["prediction"] = to_json_value(prediction);
  return out;
}

json View::replicas() const {
  json list = json::array();
  for (const auto& [key, places] : stages_) {
    const auto planned = planned_stages_.find(key);
    json users = json::array();
    bool others = false, any = principal_.tenant.empty();
    if (planned != planned_stages_.end()) {
      for (const auto& user : planned->second->users) {
        if (sees(user.application)) {
          users.push_back({{"application", user.application}, {"module", user.module}});
          any = true;
        } else {
          others = true;
        }
      }
    }
    if (!any) continue;
    if (others) users.push_back({{"application", kAnotherTenant}, {"module", ""}});
    for (const auto& [node, r] : places) {
      std::vector<std::string> streams;
      for (const auto& stream : r->streams) {
        const auto* known = snapshot_.planned->shared.find_stream(stream);
        const bool mine = principal_.tenant.empty() || (known && std::any_of(known->users.begin(), known->users.end(),
                                                                             [&](const auto& u) { return sees(u); }));
        if (mine) streams.push_back(known ? known->name : stream);
      }
      list.push_back({{"key", key},
                      {"name", r->name},
                      {"type", r->type},
                      {"node", node->record.name},
                      {"streams", streams},
                      {"users", users},
                      {"fps", r->fps},
                      {"queue_depth", r->queue_depth},
                      {"queue_capacity", r->queue_capacity},
                      {"processed", r->processed},
                      {"errors", r->errors},
                      {"last_error", r->last_error},
                      {"dropped", r->dropped},
                      {"wait", to_json_value(r->wait)},
                      {"execution", to_json_value(r->execution)}});
    }
  }
  return list;
}

json View::streams() const {
  json list = json::array();
  for (const auto& stream : snapshot_.planned->shared.streams) {
    const bool any = principal_.tenant.empty() || std::any_of(stream.users.begin(), stream.users.end(),
                                                              [&](const auto& user) { return sees(user); });
    if (!any) continue;
    const auto at = streams_.find(stream.key);
    const plan::StreamReport r = at == streams_.end() ? plan::StreamReport{} : *at->second.report;
    const std::string* node = node_of(plan::kSource, stream.key);
    list.push_back({{"key", stream.key},
                    {"name", stream.name},
                    {"url", url_of(stream.settings)},
                    {"node", at != streams_.end() ? at->second.node->record.name
                             : node               ? *node
                                                  : ""},
                    {"state", r.state.empty() ? "waiting" : r.state},
                    {"fps", r.fps},
                    {"frames", r.frames},
                    {"width", r.width},
                    {"height", r.height},
                    {"reconnects", r.reconnects},
                    {"last_error", r.last_error},
                    {"dropped", r.dropped},
                    {"users", visible(stream.users)}});
  }
  return list;
}

json View::links() const {
  json list = json::array();
  for (const auto& [name, node] : nodes_) {
    if (!node->counts() || !node->report) continue;
    for (const auto& link : node->report->links) {
      const auto rate = node->link_rates.find(link.peer);
      list.push_back({{"from", name},
                      {"to", link.peer},
                      {"state", link.state},
                      {"address", link.address},
                      {"rtt_seconds", link.rtt_seconds},
                      {"clock_offset_seconds", link.clock_offset_seconds},
                      {"bytes_per_second", link.bytes_per_second},
                      {"bytes_sent", link.bytes_sent},
                      {"bytes_received", link.bytes_received},
                      {"bytes_rate", rate == node->link_rates.end() ? 0 : rate->second.bytes_per_second},
                      {"sent", link.sent},
                      {"received", link.received},
                      {"gaps", link.gaps},
                      {"reconnects", link.reconnects},
                      {"last_error", link.last_error},
                      {"serialise", to_json_value(link.serialise)},
                      {"send", to_json_value(link.send)},
                      {"receive", to_json_value(link.receive)}});
    }
  }
  return list;
}

}  // namespace vedette::fleet
