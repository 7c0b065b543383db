#include "vedette/fleet/controller_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "vedette/base/error.h"
#include "vedette/fleet/report_check.h"
#include "vedette/net/message.h"

namespace vedette::fleet {
namespace {

constexpr Duration kLearnEvery = std::chrono::seconds(1);
constexpr Duration kShowRefusalFor = std::chrono::seconds(10);
constexpr Duration kRateOver = std::chrono::seconds(1);
constexpr double kClockTolerance = 5;    // seconds by which a node's clock may differ before its times are replaced
constexpr double kMaterialChange = 0.1;  // of cores, speed and memory: less is noise
constexpr size_t kMaxSpansKept = 20'000;

bool differs(double a, double b) { return std::abs(a - b) > kMaterialChange * std::max(std::abs(a), std::abs(b)); }

/// What is kept of a report: the old record, with what is new in a way that matters.
NodeRecord updated(NodeRecord record, const plan::NodeReport& report) {
  record.name = report.node;
  record.link_addresses = report.link_addresses;
  record.reported_labels = report.labels;
  if (report.cores > 0 && differs(record.cores, report.cores)) record.cores = report.cores;
  if (differs(record.speed, report.speed)) record.speed = report.speed;
  if (report.memory_bytes > 0 && differs(record.memory_bytes, report.memory_bytes))
    record.memory_bytes = report.memory_bytes;
  record.draining = report.draining;
  record.lost = false;
  return record;
}

plan::NodeView view_of(const NodeState& node) {
  plan::NodeView view;
  view.name = node.record.name;
  view.labels = node.record.labels;
  view.labels.insert(node.record.reported_labels.begin(), node.record.reported_labels.end());
  view.cores = node.record.cores;
  view.speed = node.record.speed;
  view.memory_bytes = node.record.memory_bytes;
  view.draining = node.record.drained || node.record.draining;
  if (node.report) view.other_load = std::max(0.0, node.report->machine_cpu - node.report->cpu);
  return view;
}

}  // namespace

NodeState& ControllerCore::edit(const std::string& node) {
  auto& slot = nodes_[node];
  auto copy = slot ? std::make_shared<NodeState>(*slot) : std::make_shared<NodeState>();
  NodeState& state = *copy;
  state.record.name = node;
  slot = std::move(copy);
  ++revision_;
  return state;
}

void ControllerCore::say(const char* level, std::string node, std::string application, std::string text, Instant now,
                         bool everybody) {
  log_.push_back({{to_unix(now.wall), level, std::move(node), std::move(application), std::move(text)}, everybody});
}

void ControllerCore::mark_dirty(std::string cause) {
  if (!dirty_ || cause_.empty()) cause_ = std::move(cause);
  dirty_ = true;
  ++revision_;
}

void ControllerCore::check_epoch(const plan::NodeReport& report, Instant now) {
  const auto refuse = [&](const std::string& why, const std::string& hint) {
    if (nodes_.contains(report.node) || nodes_.size() < options_.max_nodes) {
      NodeState& node = edit(report.node);
      if (node.refused != why || node.refused_until <= now.mono)
        say("warning", report.node, "", "a caller named " + report.node + " is refused: " + why, now, true);
      node.refused = why;
      node.refused_until = now.mono + kShowRefusalFor;
    }
    throw net::HttpError(409, ErrorCode::kAddressInUse, why, hint);
  };
  if (report.protocol != kProtocol)
    refuse(fmt::format("node {} (vedette {}) speaks protocol {}, the controller (vedette {}) speaks {}", report.node,
                       report.version, report.protocol, options_.version, kProtocol),
           "run the same version on both");
  const auto found = nodes_.find(report.node);
  if (found == nodes_.end() || found->second->life != NodeState::Life::kAlive || !found->second->report) return;
  if (found->second->report->epoch == report.epoch || now.mono - found->second->last_seen > options_.lease) return;
  refuse(fmt::format("a node named {} is alive already", report.node),
         fmt::format("give one of the two another name; after a restart it is let in once {:g} s have passed",
                     to_seconds(options_.lease)));
}

ControllerCore::Answer ControllerCore::on_report(plan::NodeReport report, Instant now) {
  check_report(report);
  const auto known = nodes_.find(report.node);
  if (known == nodes_.end() && nodes_.size() >= options_.max_nodes)
    throw Error(ErrorCode::kExhausted, fmt::format("the fleet has {} nodes already", nodes_.size()),
                "remove those that are gone for good: DELETE /api/fleet/nodes/NAME");
  check_epoch(report, now);

  const bool is_new = known == nodes_.end() || !known->second->report;
  const auto before = known == nodes_.end() ? nullptr : known->second;
  take_in_log(report, now);
  NodeState& node = edit(report.node);
  const NodeRecord record = updated(node.record, report);
  if (node.life == NodeState::Life::kLost) {
    const bool returns = before && before->last_seen_unix > 0;
    say("info", report.node, "",
        fmt::format("{} {} with {:g} cores (vedette {})", report.node, returns ? "is back" : "joins", report.cores,
                    report.version),
        now, true);
    mark_dirty(report.node + (returns ? " is back" : " joins"));
  } else if (!(record == node.record)) {
    const bool drains = record.draining && !node.record.draining;
    if (drains) say("info", report.node, "", report.node + " drains: it gives its work away", now, true);
    mark_dirty(report.node + (drains ? " drains" : " has changed"));
  } else if (!is_new && before->report->epoch != report.epoch) {
    say("warning", report.node, "", report.node + " has started anew", now, true);
  }
  if (!(record == node.record)) unsaved_.insert("node/" + report.node);
  node.record = record;
  node.life = NodeState::Life::kAlive;
  node.last_seen = now.mono;
  node.last_seen_unix = to_unix(now.wall);
  if (report.plan_version > plan_version_) {
    say("warning", report.node, "",
        fmt::format("{} has plan {}, newer than any that this controller made: it gets another one", report.node,
                    report.plan_version),
        now);
    plan_version_ = report.plan_version;
    unsaved_.insert("plan");
    mark_dirty("plans of another controller are about");
  }
  learn(node, report, now);
  if (report.plan_state == "failed" && report.plan_version == node.wanted_version) {
    auto& tried = tried_[report.node];
    if (const std::pair fresh{report.plan_version, report.epoch}; tried != fresh) {
      tried = fresh;
      plan_failed(report, now);
    }
  }
  const std::string name = report.node;
  const uint64_t has = report.plan_version;
  // edit() gave a reference into a shared state that no one else has seen yet.
  node.report = std::make_shared<const plan::NodeReport>(std::move(report));
  return answer(name, has);
}

ControllerCore::Answer ControllerCore::answer(const std::string& node, uint64_t has_version) const {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return {};
  const NodeState& state = *found->second;
  return {state.wanted_version, state.plan && state.wanted_version != has_version ? state.plan : nullptr};
}

void ControllerCore::take_in_log(plan::NodeReport& report, Instant now) {
  const double time = to_unix(now.wall);
  for (auto& line : report.log) {
    line.node = report.node;
    if (std::abs(line.time - time) > kClockTolerance) line.time = time;
    log_.push_back({std::move(line), false});
  }
  report.log.clear();
  for (auto& span : report.spans) {
    if (spans_.size() >= kMaxSpansKept) break;
    span.node = report.node;
    spans_.push_back(std::move(span));
  }
  report.spans.clear();
}

void ControllerCore::learn(NodeState& node, const plan::NodeReport& report, Instant now) {
  for (const auto& link : report.links) {
    const auto [at, added] = node.link_rates.try_emplace(link.peer);
    NodeState::Rate& rate = at->second;
    if (added || link.bytes_sent < rate.sent) {
      rate = {now.mono, link.bytes_sent, 0};
    } else if (now.mono - rate.since >= kRateOver) {
      rate.bytes_per_second = static_cast<double>(link.bytes_sent - rate.sent) / to_seconds(now.mono - rate.since);
      rate.sent = link.bytes_sent;
      rate.since = now.mono;
    }
  }
  std::erase_if(node.link_rates, [&](const auto& entry) {
    return std::none_of(report.links.begin(), report.links.end(), [&](const auto& l) { return l.peer == entry.first; });
  });
  const auto [at, added] = learned_.try_emplace(report.node, now.mono);
  if (!added && now.mono - at->second < kLearnEvery) return;
  at->second = now.mono;
  profiles_.learn(report, planned_->shared);
}

void ControllerCore::tick(Instant now) {
  for (const auto& [name, state] : nodes_) {
    if (!state->counts() || now.mono - state->last_seen <= options_.lease) continue;
    const std::string node = name;
    NodeState& lost = edit(node);
    lost.life = NodeState::Life::kLost;
    lost.record.lost = true;
    unsaved_.insert("node/" + node);
    say("error", node, "",
        fmt::format("{} is lost: nothing was heard of it for {:.1f} s", node, to_seconds(now.mono - lost.last_seen)),
        now, true);
    mark_dirty(node + " is lost");
    std::erase_if(bans_, [&](const auto& ban) { return ban.first.second == node; });
  }
  const size_t banned = bans_.size();
  std::erase_if(bans_, [&](const auto& ban) { return ban.second.second <= now.mono; });
  if (bans_.size() != banned) mark_dirty("what failed may be tried again");
  mark_good(now);
}

void ControllerCore::put(Application application, const std::string& cause) {
  const std::string name = application.record.name;
  std::erase_if(bans_, [&](const auto& ban) { return ban.first.first == name; });
  applications_[name] = std::make_shared<const Application>(std::move(application));
  mark_dirty(cause);
}

void ControllerCore::replace(Application application) {
  const std::string name = application.record.name;
  unsaved_.insert("app/" + name);
  applications_[name] = std::make_shared<const Application>(std::move(application));
  ++revision_;
}

void ControllerCore::remove(const std::string& application) {
  std::erase_if(bans_, [&](const auto& ban) { return ban.first.first == application; });
  if (applications_.erase(application) > 0) mark_dirty(application + " is removed");
}

void ControllerCore::put_node(NodeRecord record) {
  NodeState& node = edit(record.name);
  mark_dirty(record.name + (record.drained && !node.record.drained   ? " is drained"
                            : !record.drained && node.record.drained ? " takes work again"
                                                                     : " has changed"));
  node.record = std::move(record);
}

void ControllerCore::forget_node(const std::string& name) {
  nodes_.erase(name);
  tried_.erase(name);
  learned_.erase(name);
  ++revision_;
}

std::shared_ptr<const Application> ControllerCore::find(const std::string& application) const {
  const auto found = applications_.find(application);
  return found == applications_.end() ? nullptr : found->second;
}

std::shared_ptr<const NodeState> ControllerCore::find_node(const std::string& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : found->second;
}

std::vector<plan::NodeView> ControllerCore::node_views() const {
  std::vector<plan::NodeView> views;
  for (const auto& [name, node] : nodes_)
    if (node->counts()) views.push_back(view_of(*node));
  return views;
}

std::vector<plan::ApplicationWish> ControllerCore::wishes() const {
  std::vector<plan::ApplicationWish> wishes;
  for (const auto& [name, application] : applications_)
    if (application->record.running && application->record.failed.empty() && application->refused.empty())
      wishes.push_back(application->wish);
  return wishes;
}

plan::Levels ControllerCore::levels() const {
  plan::Levels levels;
  for (const auto& [name, application] : applications_)
    if (application->record.level > 0) levels[name] = application->record.level;
  return levels;
}

Snapshot ControllerCore::snapshot(Instant now) const {
  Snapshot snapshot;
  for (const auto& [name, application] : applications_) snapshot.applications.push_back(application);
  for (const auto& [name, node] : nodes_) snapshot.nodes.push_back(node);
  snapshot.planned = planned_;
  snapshot.plan_version = plan_version_;
  snapshot.revision = revision_;
  snapshot.now = now;
  snapshot.lease = options_.lease;
  return snapshot;
}

}  // namespace vedette::fleet
