#include "vedette/sim/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace vedette::sim {
namespace {

constexpr size_t kMostLines = 5'000;
constexpr size_t kMostReasons = 20;  // of one plan

MonotonicTime at(Nanos now) { return MonotonicTime(Duration(now)); }

plan::Supervisor::Options supervision(const ControllerOf& options) {
  plan::Supervisor::Options out;
  if (options.effort > 0) out.effort = static_cast<size_t>(options.effort);
  return out;
}

}  // namespace

Controller::Controller(const World& world, const ControllerOf& options)
    : world_(world), options_(options), supervisor_(supervision(options)) {
  nodes_.resize(world.nodes().size());
  for (int i = 0; const auto& node : world.nodes()) index_.emplace(node.view.name, i++);
}

void Controller::say(Nanos now, const char* level, std::string application, std::string text) {
  if (log_.size() >= kMostLines)
    ++left_out_;
  else
    log_.push_back({now, level, std::move(application), std::move(text)});
}

void Controller::because(const std::string& cause) {
  if (cause_.size() > 200) return;
  cause_ += (cause_.empty() ? "" : ", ") + cause;
}

void Controller::seen(int node, Nanos now) {
  NodeState& state = nodes_[static_cast<size_t>(node)];
  state.seen = now;
  if (state.alive) return;
  state.alive = true;
  state.plan = nullptr;  // a new process runs nothing
  because(world_.nodes()[static_cast<size_t>(node)].view.name + " joins");
}

void Controller::tick(Nanos now) {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    NodeState& state = nodes_[i];
    if (!state.alive || seconds_of(now - state.seen) <= options_.lease_s) continue;
    state.alive = false;
    say(now, "warning", "",
        fmt::format("{} has not reported for {:.1f} s: it counts as dead", world_.nodes()[i].view.name,
                    seconds_of(now - state.seen)));
    because(world_.nodes()[i].view.name + " is lost");
  }
}

void Controller::put(const plan::ApplicationWish& wish) {
  const bool known = wishes_.contains(wish.name);
  wishes_[wish.name] = wish;
  rewished_ = true;
  because(wish.name + (known ? " changed" : " added"));
}

void Controller::remove(const std::string& application) {
  wishes_.erase(application);
  levels_.erase(application);
  rewished_ = true;
  because(application + " removed");
}

void Controller::drain(int node, bool on) {
  nodes_[static_cast<size_t>(node)].draining = on;
  because(world_.nodes()[static_cast<size_t>(node)].view.name + (on ? " drains" : " drains no more"));
}

void Controller::restart(Nanos now, bool replan) {
  supervisor_ = plan::Supervisor(supervision(options_));
  for (auto& node : nodes_)
    if (node.alive) node.seen = now;
  if (replan) because("the controller is back");
}

std::vector<plan::NodeView> Controller::views() const {
  std::vector<plan::NodeView> out;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].alive) continue;
    out.push_back(world_.nodes()[i].view);
    out.back().draining = nodes_[i].draining;
  }
  return out;
}

/// Takes out of what is shared whatever has no place, and what comes after it.
void Controller::prune(Outcome& outcome) const {
  plan::Shared& shared = outcome.shared;
  std::unordered_map<std::string, std::unordered_set<std::string>> gone;  // stage → streams that it does not give
  auto& dark = gone[plan::kSource];
  for (const auto& stream : shared.streams)
    if (!outcome.placement.contains({plan::kSource, stream.key})) dark.insert(stream.key);
  for (auto& stage : shared.stages) {
    const bool global = stage.scope == plan::Scope::kGlobal;
    const bool homeless = global && !outcome.placement.contains({stage.key, ""});
    auto& mine = gone[stage.key];
    for (const auto& stream : stage.streams) {
      bool out = homeless || (!global && !outcome.placement.contains({stage.key, stream}));
      for (const auto& input : stage.inputs)
        if (const auto before = gone.find(input); before != gone.end()) out = out || before->second.contains(stream);
      if (out) mine.insert(stream);
    }
    std::erase_if(stage.streams, [&](const auto& stream) { return mine.contains(stream); });
  }
  for (const auto& stage : shared.stages) {
    if (gone[stage.key].empty()) continue;
    for (const auto& user : stage.users) outcome.unplaced.try_emplace(user.application, stage.name + " has no place");
  }
  std::erase_if(shared.stages, [](const auto& stage) { return stage.streams.empty(); });
  std::unordered_set<std::string> used;
  for (const auto& stage : shared.stages) used.insert(stage.streams.begin(), stage.streams.end());
  std::erase_if(shared.streams, [&](const auto& stream) { return !used.contains(stream.key); });
  shared.by_key.clear();
  for (size_t i = 0; i < shared.stages.size(); ++i) shared.by_key.push_back(i);
  std::sort(shared.by_key.begin(), shared.by_key.end(),
            [&](size_t a, size_t b) { return shared.stages[a].key < shared.stages[b].key; });
  plan::Placement kept;
  const auto keep = [&](const plan::Piece& piece) { kept.emplace(piece, outcome.placement.at(piece)); };
  for (const auto& stream : shared.streams) keep({plan::kSource, stream.key});
  for (const auto& stage : shared.stages) {
    if (stage.scope == plan::Scope::kGlobal)
      keep({stage.key, ""});
    else
      for (const auto& stream : stage.streams) keep({stage.key, stream});
  }
  outcome.placement = std::move(kept);
}

std::optional<Controller::Outcome> Controller::plan(Nanos now, std::span<const plan::NodeReport> reports) {
  const bool supervise = now >= next_supervision_;
  if (cause_.empty() && !supervise) return std::nullopt;
  if (listed_.size() != wishes_.size() || rewished_) {
    listed_.clear();
    for (const auto& [name, wish] : wishes_) listed_.push_back(wish);
  }
  const auto& wishes = listed_;
  const auto nodes = views();
  Outcome out;
  out.levels = levels_;
  plan::Decision decision;
  plan::Placement living;
  const bool all = std::all_of(nodes_.begin(), nodes_.end(), [](const auto& node) { return node.alive || !node.plan; });
  if (!all || rewished_ || !cause_.empty()) {
    living = planned_.placement;
    std::erase_if(living,
                  [&](const auto& entry) { return !nodes_[static_cast<size_t>(index_.at(entry.second))].alive; });
  }
  const plan::Placement* here = all && living.empty() ? &planned_.placement : &living;
  if (supervise && !nodes.empty()) {
    next_supervision_ = now + to_nanos(options_.supervise_s);
    decision = supervisor_.step(at(now), {.wishes = wishes,
                                          .levels = &levels_,
                                          .reports = reports,
                                          .nodes = nodes,
                                          .profiles = &profiles_,
                                          .placement = here});
    const bool levels = decision.kind == plan::Decision::Kind::kLower || decision.kind == plan::Decision::Kind::kRaise;
    if (levels) {
      out.levels[decision.application] = decision.level;
      for (const auto& [name, level] : decision.also) out.levels[name] = level;
    }
    if (!decision.reason.empty()) say(now, levels ? "warning" : "info", decision.application, decision.reason);
  }
  const bool decided = decision.kind != plan::Decision::Kind::kNothing;
  if (decided) ++decisions_;
  if (cause_.empty() && !decided) return std::nullopt;
  for (const auto& wish : wishes) {
    const auto level = out.levels.find(wish.name);
    out.wishes.push_back(level == out.levels.end() || level->second == 0 ? wish : plan::at_level(wish, level->second));
  }
  out.shared = plan::share(out.wishes);
  if (options_.knows) world_.teach(profiles_, out.shared);
  plan::PlacementProblem problem;
  problem.applications = out.wishes;
  problem.shared = &out.shared;
  problem.nodes = nodes;
  problem.profiles = &profiles_;
  // Only when keys may have changed: it is slow for a stage with thousands of users.
  if (rewished_ || decided) {
    living = plan::carried_over(*here, planned_.shared, out.shared);
    here = &living;
  }
  rewished_ = false;
  problem.now = here;
  problem.full = options_.full;
  if (options_.effort > 0) {
    problem.effort = static_cast<size_t>(options_.effort);
    problem.exact = std::min(problem.exact, problem.effort / 10);
  }
  out.cause = cause_.empty() ? decision.reason : cause_;
  out.supervised = cause_.empty();
  std::vector<plan::Prediction> predictions;
  if (nodes.empty()) {
    for (const auto& wish : wishes) out.unplaced.emplace(wish.name, "no node is there");
  } else if (cause_.empty()) {
    out.placement = std::move(decision.placement);
    predictions = plan::predict(problem, out.placement);
  } else {
    plan::PlacementResult result = plan::place(problem);
    out.placement = std::move(result.placement);
    out.reasons = std::move(result.reasons);
    predictions = std::move(result.predictions);
  }
  for (auto& prediction : predictions) {
    const std::string name = prediction.application;
    out.predictions.emplace(name, std::move(prediction));
  }
  cause_.clear();
  prune(out);
  return out;
}

std::vector<std::pair<int, Controller::NodePlanPtr>> Controller::publish(Outcome outcome, Nanos now) {
  ++plans_;
  std::map<std::string, std::vector<std::string>> addresses;
  for (const auto& node : views()) addresses.emplace(node.name, std::vector<std::string>());
  // A node may have died since; its lease will say so, and then all of this is done again.
  auto plans = plan::node_plans(outcome.shared, outcome.wishes, outcome.placement, 0, addresses);
  size_t moved = 0;
  for (const auto& [piece, node] : outcome.placement) {
    const auto before = planned_.placement.find(piece);
    if (before != planned_.placement.end() && before->second != node) ++moved;
  }
  moves_ += moved;
  std::vector<std::pair<int, NodePlanPtr>> changed;
  for (auto& [name, plan] : plans) {
    NodeState& node = nodes_[static_cast<size_t>(index_.at(name))];
    if (node.plan && *node.plan == plan) continue;
    node.plan = std::make_shared<const plan::NodePlan>(std::move(plan));
    changed.emplace_back(index_.at(name), node.plan);
  }
  if (!changed.empty())
    say(now, "info", "", fmt::format("plan for {} nodes, {} pieces move: {}", changed.size(), moved, outcome.cause));
  for (size_t i = 0; i < std::min(kMostReasons, outcome.reasons.size()); ++i) say(now, "info", "", outcome.reasons[i]);
  for (const auto& [application, why] : outcome.unplaced)
    if (!planned_.unplaced.contains(application)) say(now, "warning", application, "does not run as a whole: " + why);
  levels_ = outcome.levels;
  std::erase_if(levels_, [&](const auto& level) { return !wishes_.contains(level.first); });
  planned_ = std::move(outcome);
  return changed;
}

}  // namespace vedette::sim
