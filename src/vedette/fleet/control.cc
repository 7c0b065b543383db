#include "vedette/fleet/control.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "vedette/base/error.h"
#include "vedette/fleet/view.h"
#include "vedette/fleet/yaml_text.h"

namespace vedette::fleet {

using nlohmann::json;

namespace {

constexpr size_t kMaxReportBytes = 8u << 20;

std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

Controller::Caller caller_of(const net::Principal& who) { return {who.name, who.tenant}; }

json optional_text(const std::optional<std::string>& text) { return text ? json(*text) : json(nullptr); }

std::string applied_json(const Controller::Applied& applied) {
  json changes = json::array();
  for (const auto& c : applied.changes)
    changes.push_back({{"what", c.what},
                       {"kind", c.kind},
                       {"name", c.name},
                       {"from", optional_text(c.from)},
                       {"to", optional_text(c.to)}});
  json refused = nullptr;
  if (applied.refused)
    refused = {{"message", applied.refused->message}, {"best", to_json_value(applied.refused->best)}};
  return dump({{"application", applied.application},
               {"version", applied.version},
               {"changes", std::move(changes)},
               {"effect", applied.effect},
               {"prediction", applied.prediction ? to_json_value(*applied.prediction) : json(nullptr)},
               {"refused", std::move(refused)},
               {"dry_run", applied.dry_run}});
}

json line_json(const Event& event) {
  const auto& line = event.line;
  return {{"id", event.id},
          {"time", line.time},
          {"level", line.level},
          {"node", line.node},
          {"application", line.application},
          {"text", line.text}};
}

/// Which applications' lines one may see. For all tenants' people everything.
struct LineScope {
  bool all = false;
  std::set<std::string> own;

  bool allows(const Event& event) const {
    return all || event.everybody || (!event.line.application.empty() && own.contains(event.line.application));
  }
};

LineScope scope_of(const Controller& controller, const net::Principal& who) {
  LineScope scope{.all = who.tenant.empty(), .own = {}};
  if (scope.all) return scope;
  for (const auto& application : controller.snapshot().applications)
    if (who.sees(application->record.tenant)) scope.own.insert(application->record.name);
  return scope;
}

bool matches(const Event& event, const Control::LogFilter& filter) {
  return (filter.application.empty() || event.line.application == filter.application) &&
         (filter.node.empty() || event.line.node == filter.node);
}

}  // namespace

std::string Control::fleet(Who who) const {
  const Controller::Status status = controller_.status();
  json out = {{"controller",
               {{"name", status.name},
                {"epoch", status.epoch},
                {"version", status.version},
                {"leader", status.leader},
                {"leader_name", status.who.name},
                {"leader_url", status.who.url},
                {"store", status.store},
                {"lease_seconds", status.lease_seconds},
                {"problem", status.problem},
                {"traces",
                 {{"sent", status.otlp.sent},
                  {"dropped", status.otlp.dropped_full + status.otlp.dropped_refused},
                  {"last_error", status.otlp.last_error}}}}},
              {"revision", controller_.revision()}};
  if (!status.leader) return dump(out);
  const View view(controller_.snapshot(), who);
  out["nodes"] = view.nodes().size();
  out["applications"] = view.application_count();
  out["streams"] = view.streams().size();
  out["replicas"] = who.tenant.empty() ? view.replica_count() : view.replicas().size();
  return dump(out);
}

std::string Control::nodes(Who who) const { return dump({{"nodes", View(controller_.snapshot(), who).nodes()}}); }
std::string Control::applications(Who who) const {
  return dump({{"applications", View(controller_.snapshot(), who).applications()}});
}
std::string Control::application(Who who, const std::string& name) const {
  return dump(View(controller_.snapshot(), who).application(name));
}
std::string Control::replicas(Who who) const {
  return dump({{"replicas", View(controller_.snapshot(), who).replicas()}});
}
std::string Control::streams(Who who) const { return dump({{"streams", View(controller_.snapshot(), who).streams()}}); }
std::string Control::links(Who who) const { return dump({{"links", View(controller_.snapshot(), who).links()}}); }

std::string Control::metrics(Who who) const {
  const View view(controller_.snapshot(), who);
  return dump({{"applications", view.applications()}, {"replicas", view.replicas()}, {"links", view.links()}});
}

std::string Control::export_yaml(Who who) const {
  std::string out;
  for (const auto& application : controller_.snapshot().applications) {
    if (!who.sees(application->record.tenant)) continue;
    const std::string& yaml = application->record.yaml;
    out += (out.empty() ? "" : "---\n") + yaml + (yaml.ends_with('\n') ? "" : "\n");
  }
  return out;
}

std::string Control::log(Who who, const LogFilter& filter) const {
  const LineScope scope = scope_of(controller_, who);
  const auto page = controller_.log().read(
      filter.after, filter.limit, [&](const Event& event) { return scope.allows(event) && matches(event, filter); });
  json lines = json::array();
  for (const auto& event : page.events) lines.push_back(line_json(event));
  return dump({{"lines", std::move(lines)}, {"newest", page.newest}});
}

std::vector<std::string> Control::new_lines(Who who, uint64_t& after, const LogFilter& filter) const {
  const LineScope scope = scope_of(controller_, who);
  const auto page = controller_.log().read(
      after, filter.limit, [&](const Event& event) { return scope.allows(event) && matches(event, filter); });
  std::vector<std::string> lines;
  for (const auto& event : page.events) lines.push_back(dump(line_json(event)));
  after = page.events.size() < filter.limit ? page.newest : page.events.back().id;
  return lines;
}

std::string Control::traces(Who who, const std::string& application, size_t limit) const {
  const View view(controller_.snapshot(), who);
  std::vector<std::string> keys;
  if (!application.empty()) {
    keys = view.keys_of(application);
  } else if (!who.tenant.empty()) {
    for (const auto& one : controller_.snapshot().applications) {
      if (!who.sees(one->record.tenant)) continue;
      const auto more = view.keys_of(one->record.name);
      keys.insert(keys.end(), more.begin(), more.end());
    }
    if (keys.empty()) return dump({{"traces", json::array()}});
  }
  json traces = json::array();
  for (const auto& trace : controller_.traces().newest(limit, keys)) {
    json spans = json::array();
    for (const auto& s : trace.spans) {
      // A tenant sees the steps of shared frames, but not those of other tenants' modules.
      if (!who.tenant.empty() && !s.stage.empty() && std::find(keys.begin(), keys.end(), s.stage) == keys.end())
        continue;
      spans.push_back({{"trace_id", s.trace_id},
                       {"span_id", s.span_id},
                       {"parent_id", s.parent_id},
                       {"name", s.name},
                       {"kind", s.kind},
                       {"node", s.node},
                       {"stage", s.stage},
                       {"stream", s.stream},
                       {"sequence", s.sequence},
                       {"start", s.start},
                       {"duration", s.duration}});
    }
    traces.push_back({{"trace_id", trace.trace_id},
                      {"stream", trace.stream},
                      {"sequence", trace.sequence},
                      {"start", trace.start},
                      {"duration", trace.duration},
                      {"spans", std::move(spans)}});
  }
  return dump({{"traces", std::move(traces)}});
}

std::string Control::name_in(const std::string& yaml) {
  const ConfigNode root = parse_config(yaml, "application");
  const ConfigNode* name = root.is_map() ? root.find("application") : nullptr;
  if (!name || !name->is_scalar())
    throw Error(ErrorCode::kInvalidConfig,
                root.where() + ": an application must be a map with 'application' and 'modules'");
  return name->text();
}

std::string Control::apply(Who who, const std::string& name, const std::string& yaml,
                           const Controller::ApplyOptions& options) {
  return applied_json(controller_.apply(caller_of(who), name, yaml, options));
}

std::string Control::update(Who who, const std::string& name, const std::string& module, const std::string& settings,
                            const Controller::ApplyOptions& options) {
  return applied_json(controller_.update(caller_of(who), name, module, settings, options));
}

std::string Control::remove(Who who, const std::string& name) {
  controller_.remove(caller_of(who), name);
  return dump({{"application", name}, {"removed", true}});
}

std::string Control::set_running(Who who, const std::string& name, bool running) {
  controller_.set_running(caller_of(who), name, running);
  return dump({{"application", name}, {"running", running}});
}

std::string Control::drain(Who who, const std::string& node, bool drained) {
  controller_.drain(caller_of(who), node, drained);
  return dump({{"node", node}, {"drained", drained}});
}

std::string Control::set_labels(Who who, const std::string& node, const std::string& text) {
  std::map<std::string, std::string> labels;
  try {
    json::parse(text).get_to(labels);
  } catch (const json::exception&) {
    throw Error(ErrorCode::kUsage, "labels are a JSON map of texts", R"({"room": "hall"})");
  }
  controller_.set_labels(caller_of(who), node, labels);
  return dump({{"node", node}, {"labels", labels}});
}

std::string Control::forget(Who who, const std::string& node) {
  controller_.forget(caller_of(who), node);
  return dump({{"node", node}, {"removed", true}});
}

std::string Control::report(const std::string& name, const std::string& body, Duration wait) {
  if (body.size() > kMaxReportBytes)
    throw Error(ErrorCode::kInvalidData, fmt::format("a report of {} bytes is too large", body.size()));
  plan::NodeReport report = plan::node_report_from_json(body);
  if (report.node != name)
    throw Error(ErrorCode::kUsage, fmt::format("the report is of '{}', its path says '{}'", report.node.substr(0, 64),
                                               name.substr(0, 64)));
  const auto answer = controller_.report(std::move(report), wait);
  const Controller::Status status = controller_.status();
  // The plan's JSON is put in as it is: reading it again only to write it would cost more than all the rest.
  return fmt::format(R"({{"lease_seconds":{},"plan_version":{},"plan":{},"controller":{}}})", status.lease_seconds,
                     answer.wanted_version, answer.plan ? plan::to_json(*answer.plan) : "null",
                     dump({{"name", status.name}, {"epoch", status.epoch}}));
}

}  // namespace vedette::fleet
