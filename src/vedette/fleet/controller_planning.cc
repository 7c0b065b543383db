// The part of ControllerCore that plans, watches how plans go, and stores.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "vedette/base/error.h"
#include "vedette/fleet/controller_core.h"

namespace vedette::fleet {
namespace {

constexpr size_t kMaxLinesSaid = 20;  // moves or reasons of one plan

/// FNV-1a, 64 bits (Fowler, Noll, Vo): the same on every machine.
std::string digest_of(const plan::NodePlan& plan) {
  plan::NodePlan bare = plan;
  bare.version = 0;
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : plan::to_json(bare)) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace

/// Each known node's part, an empty one too: it then stops what it runs.
std::map<std::string, plan::NodePlan> ControllerCore::cut(const Planned& planned) const {
  std::map<std::string, std::vector<std::string>> addresses;
  for (const auto& [name, node] : nodes_) addresses.emplace(name, node->record.link_addresses);
  auto plans = plan::node_plans(planned.shared, planned.wishes, planned.placement, 0, addresses);
  for (const auto& [name, node] : nodes_) plans[name].node = name;
  return plans;
}

std::optional<PlanRequest> ControllerCore::begin(Instant now) {
  const bool supervise = now.mono >= next_supervision_;
  if (!dirty_ && !supervise) return std::nullopt;
  PlanRequest request;
  request.place = std::exchange(dirty_, false);
  request.cause = std::exchange(cause_, {});
  request.supervise = supervise;
  request.wishes = wishes();
  request.levels = levels();
  request.nodes = node_views();
  if (supervise) {
    next_supervision_ = now.mono + options_.supervise_every;
    for (const auto& [name, node] : nodes_)
      if (node->life == NodeState::Life::kAlive && node->report) request.reports.push_back(*node->report);
  }
  request.profiles = profiles_;
  for (const auto& [piece, name] : planned_->placement)
    if (const auto node = nodes_.find(name); node != nodes_.end() && node->second->counts())
      request.now.emplace(piece, name);
  for (const auto& [at, ban] : bans_) request.bans.emplace(at, ban.first);
  request.full = options_.full;
  return request;
}

void ControllerCore::finish(const PlanRequest& request, PlanOutcome outcome, Instant now) {
  const auto& decision = outcome.decision;
  const bool levels = decision.kind == plan::Decision::Kind::kLower || decision.kind == plan::Decision::Kind::kRaise;
  if (decision.kind != plan::Decision::Kind::kNothing)
    say(decision.kind == plan::Decision::Kind::kLower ? "warning" : "info", "", decision.application, decision.reason,
        now);
  if (const auto found = applications_.find(decision.application); levels && found != applications_.end()) {
    Application changed = *found->second;
    changed.record.level = decision.level;
    replace(std::move(changed));
  }
  if (!outcome.planned) return;

  auto planned = std::make_shared<const Planned>(std::move(*outcome.planned));
  Pending pending{planned, plan_version_ + 1, {}};
  for (auto& [name, plan] : cut(*planned)) {
    const auto node = nodes_.find(name);
    if (node == nodes_.end()) continue;  // forgotten while this was planned
    std::string digest = digest_of(plan);
    if (node->second->plan && node->second->digest == digest) continue;
    plan.version = pending.version;
    pending.nodes[name] = {std::move(digest), std::make_shared<const plan::NodePlan>(std::move(plan))};
    unsaved_.insert("place/" + name);
  }
  if (!pending.nodes.empty()) {
    plan_version_ = pending.version;
    unsaved_.insert("plan");
    std::string names;
    size_t shown = 0;
    for (const auto& [name, ignored] : pending.nodes)
      if (shown++ < 5) names += (names.empty() ? "" : ", ") + name;
    if (shown > 5) names += fmt::format(" and {} more", shown - 5);
    const std::string& cause = request.cause.empty() ? decision.reason : request.cause;
    say("info", "", "", fmt::format("plan {} for {}{}{}", pending.version, names, cause.empty() ? "" : ": ", cause),
        now);
    say_moves(*planned, now);
  }
  say_unplaced(*planned, now);
  pending_ = std::move(pending);
  ++revision_;
}

void ControllerCore::say_moves(const Planned& next, Instant now) {
  const std::set<std::string> told(planned_->reasons.begin(), planned_->reasons.end());
  size_t said = 0;
  for (const auto& reason : next.reasons)
    if (!told.contains(reason) && said++ < kMaxLinesSaid) say("info", "", "", reason, now);
  size_t moved = 0;
  for (const auto& [piece, node] : next.placement) {
    const auto before = planned_->placement.find(piece);
    if (before == planned_->placement.end() || before->second == node || moved++ >= kMaxLinesSaid) continue;
    say("info", node, "", fmt::format("{} moves from {} to {}", describe(next.shared, piece), before->second, node),
        now);
  }
  if (moved > kMaxLinesSaid) say("info", "", "", fmt::format("… and {} more move", moved - kMaxLinesSaid), now);
}

void ControllerCore::say_unplaced(const Planned& next, Instant now) {
  for (const auto& [application, lines] : next.unplaced) {
    const auto before = planned_->unplaced.find(application);
    if (before != planned_->unplaced.end() && before->second == lines) continue;
    for (const auto& line : lines) say("warning", "", application, "does not run: " + line, now);
  }
}

bool ControllerCore::publish() {
  if (!pending_) return false;
  const Pending pending = std::move(*pending_);
  pending_.reset();
  planned_ = pending.planned;
  for (const auto& [name, entry] : pending.nodes) {
    if (!nodes_.contains(name)) continue;
    NodeState& node = edit(name);
    node.wanted_version = entry.second->version;
    node.digest = entry.first;
    node.plan = entry.second;
  }
  ++revision_;
  return !pending.nodes.empty();
}

std::map<std::string, plan::NodePlan> ControllerCore::step(Instant now) {
  tick(now);
  std::map<std::string, plan::NodePlan> changed;
  const auto request = begin(now);
  if (!request) return changed;
  finish(*request, make_plan(*request, supervisor_, now.mono), now);
  if (pending_)
    for (const auto& [name, entry] : pending_->nodes) changed.emplace(name, *entry.second);
  take_unsaved();
  publish();
  return changed;
}

void ControllerCore::plan_failed(const plan::NodeReport& report, Instant now) {
  const std::string why = report.plan_error.empty() ? "it says no reason" : report.plan_error;
  std::vector<std::string> blamed = report.plan_failed;
  const auto state = nodes_.find(report.node);
  const auto plan = state == nodes_.end() ? nullptr : state->second->plan;
  if (blamed.empty() && plan) {
    for (const auto& planned : plan->applications) {
      const auto found = applications_.find(planned.name);
      if (found != applications_.end() && found->second->record.good_version != found->second->record.version)
        blamed.push_back(planned.name);
    }
  }
  std::erase_if(blamed, [&](const auto& name) { return !applications_.contains(name); });
  if (blamed.empty()) {
    say("error", report.node, "", fmt::format("plan {} failed on {}: {}", report.plan_version, report.node, why), now);
    return;
  }
  for (const auto& name : blamed) application_failed(name, report.node, why, now);
}

void ControllerCore::application_failed(const std::string& name, const std::string& node, const std::string& why,
                                        Instant now) {
  Application changed = *applications_.at(name);
  ApplicationRecord& record = changed.record;
  if (record.good_version == record.version) {
    bans_[{name, node}] = {why, now.mono + options_.ban};
    say("error", node, name,
        fmt::format("version {} cannot run on {}: {}; it is kept off it", record.version, node, why), now);
    mark_dirty(fmt::format("{} cannot run on {}", name, node));
    return;
  }
  const ApplicationVersion* good = record.find_version(record.good_version);
  const uint64_t failed = record.version;
  std::string problem;
  try {
    if (good && options_.read) {
      const std::string yaml = good->yaml;
      const uint64_t back_to = good->version;
      changed.wish = options_.read(yaml);
      record.yaml = yaml;
      record.good_version = ++record.version;
      changed.wish.version = record.version;
      record.level = 0;
      record.changed = to_unix(now.wall);
      record.remember("controller",
                      fmt::format("back to version {}: version {} failed on {}: {}", back_to, failed, node, why));
      say("error", node, name,
          fmt::format("version {} failed on {}: {}; version {} runs on as version {}", failed, node, why, back_to,
                      record.version),
          now);
      replace(std::move(changed));
      mark_dirty(fmt::format("{} goes back to version {}", name, back_to));
      return;
    }
  } catch (const Error& e) {
    problem = std::string("; its former version does not read any more: ") + e.what();
  }
  Application stopped = *applications_.at(name);
  stopped.record.failed = fmt::format("version {} failed on {}: {}{}", failed, node, why, problem);
  say("error", node, name, stopped.record.failed, now);
  replace(std::move(stopped));
  mark_dirty(name + " failed");
}

/// Whether a node has what it should have, and it runs.
bool ControllerCore::settled(const std::string& node) const {
  const auto found = nodes_.find(node);
  if (found == nodes_.end() || found->second->life != NodeState::Life::kAlive || !found->second->report) return false;
  const NodeState& state = *found->second;
  return state.plan && state.report->plan_version == state.wanted_version && state.report->plan_state == "running";
}

void ControllerCore::mark_good(Instant) {
  if (dirty_ || pending_) return;  // what is planned is not what is wanted
  for (const auto& wish : planned_->wishes) {
    const auto found = applications_.find(wish.name);
    if (found == applications_.end()) continue;
    const ApplicationRecord& record = found->second->record;
    if (record.version != wish.version || record.good_version == record.version) continue;
    const auto nodes = planned_->nodes.find(wish.name);
    if (nodes == planned_->nodes.end() || planned_->unplaced.contains(wish.name)) continue;
    if (!std::all_of(nodes->second.begin(), nodes->second.end(), [&](const auto& n) { return settled(n); })) continue;
    Application good = *found->second;
    good.record.good_version = record.version;
    replace(std::move(good));
  }
}

std::string ControllerCore::write_for(const std::string& key,
                                      const std::map<std::string, std::vector<plan::Piece>>& pieces) const {
  const std::string name = key.substr(key.find('/') + 1);
  if (key == "plan") return fmt::format("{}", plan_version_);
  if (key.starts_with("app/")) return to_json(applications_.at(name)->record);
  if (key.starts_with("node/")) return to_json(nodes_.at(name)->record);
  const auto& state = nodes_.at(name);
  PlacementRecord record{state->wanted_version, state->digest, {}};
  if (pending_) {
    if (const auto entry = pending_->nodes.find(name); entry != pending_->nodes.end()) {
      record.version = entry->second.second->version;
      record.digest = entry->second.first;
    }
  }
  if (const auto here = pieces.find(name); here != pieces.end()) record.pieces = here->second;
  return to_json(record);
}

ControllerCore::Unsaved ControllerCore::take_unsaved() {
  Unsaved unsaved;
  unsaved.keys = std::exchange(unsaved_, {});
  if (unsaved.keys.empty()) return unsaved;
  std::map<std::string, std::vector<plan::Piece>> pieces;
  for (const auto& [piece, node] : (pending_ ? *pending_->planned : *planned_).placement)
    if (unsaved.keys.contains("place/" + node)) pieces[node].push_back(piece);
  for (const auto& key : unsaved.keys) {
    if (key == "plan") continue;
    const std::string name = key.substr(key.find('/') + 1);
    if (key.starts_with("app/") ? applications_.contains(name) : nodes_.contains(name))
      unsaved.writes.push_back({key, write_for(key, pieces), std::nullopt});
  }
  // Last, for a store that takes many entries in several transactions.
  if (unsaved.keys.contains("plan")) unsaved.writes.push_back({"plan", write_for("plan", pieces), std::nullopt});
  return unsaved;
}

void ControllerCore::restore(const std::vector<Store::Entry>& entries, Instant now) {
  plan::Placement placement;
  std::map<std::string, PlacementRecord> placements;
  for (const auto& entry : entries) {
    const std::string name = entry.key.substr(entry.key.find('/') + 1);
    try {
      if (entry.key.starts_with("app/")) {
        Application application{application_record_from_json(entry.value), {}, {}};
        try {
          application.wish = options_.read(application.record.yaml);
          application.wish.version = application.record.version;
        } catch (const Error& e) {
          application.refused = e.what();
          say("error", "", name, "cannot run any more: " + application.refused, now);
        }
        applications_[name] = std::make_shared<const Application>(std::move(application));
      } else if (entry.key.starts_with("node/")) {
        NodeState& node = edit(name);
        node.record = node_record_from_json(entry.value);
        node.life = node.record.lost ? NodeState::Life::kLost : NodeState::Life::kExpected;
        node.last_seen = now.mono;
        node.last_seen_unix = to_unix(now.wall);
      } else if (entry.key.starts_with("place/")) {
        placements[name] = placement_record_from_json(entry.value);
        for (const auto& piece : placements[name].pieces) placement[piece] = name;
        plan_version_ = std::max(plan_version_, placements[name].version);
      } else if (entry.key == "plan") {
        plan_version_ = std::max<uint64_t>(plan_version_, std::stoull(entry.value));
      } else if (entry.key == "profiles") {
        profiles_ = plan::Profiles::from_json(entry.value);
      }
    } catch (const Error& e) {
      throw Error(ErrorCode::kInvalidData, fmt::format("the entry '{}' of the store: {}", entry.key, e.what()));
    } catch (const std::logic_error&) {
      throw Error(ErrorCode::kInvalidData, fmt::format("the entry '{}' of the store is no number", entry.key));
    }
  }
  std::erase_if(placement, [&](const auto& at) { return !nodes_.contains(at.second); });
  planned_ =
      std::make_shared<const Planned>(restore_plan(lowered(wishes(), levels()), placement, node_views(), profiles_));
  for (auto& [name, plan] : cut(*planned_)) {
    NodeState& node = edit(name);
    const auto stored = placements.find(name);
    if (stored == placements.end() || stored->second.digest != digest_of(plan)) continue;
    node.wanted_version = plan.version = stored->second.version;
    node.digest = stored->second.digest;
    node.plan = std::make_shared<const plan::NodePlan>(std::move(plan));
  }
  const bool whole = std::all_of(nodes_.begin(), nodes_.end(), [](const auto& n) { return n.second->plan != nullptr; });
  if (!whole || !planned_->unplaced.empty()) mark_dirty("the controller has started");
}

}  // namespace vedette::fleet
