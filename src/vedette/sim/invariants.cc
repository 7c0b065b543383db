#include "vedette/sim/invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace vedette::sim {
namespace {

constexpr int kMostOfAKind = 5;
constexpr double kQuiet = 20;           // seconds: longer than quantiles look back on
constexpr double kAmpleUse = 0.7;       // of every node and link
constexpr double kAmpleLatency = 0.6;   // expected, of the objective
constexpr double kFpsSlack = 0.92;      // cameras jitter, and a rate over some seconds is not exact
constexpr double kFpsNoise = 0.4;       // a few frames within the time that a rate looks back on
constexpr size_t kMostTurns = 4;
constexpr double kTurnsWithin = 120;    // seconds
constexpr int kMostReturns = 2;         // of a piece to where it was, by the supervisor
constexpr double kReturnsWithin = 60;

}  // namespace

void Invariants::breach(Nanos now, const std::string& kind, const std::string& what) {
  if (kinds_[kind]++ < kMostOfAKind)
    violations_.push_back(fmt::format("{:.3f} s: {}: {}", seconds_of(now), kind, what));
}

void Invariants::check_engine(const Engine& engine, Nanos now) {
  std::vector<std::string> faults;
  engine.check(faults);
  for (const auto& fault : faults) breach(now, "engine", fault);
  const Balance balance = engine.balance();
  const double left = balance.made - balance.used - balance.dropped - balance.under_way;
  if (std::abs(left) > (exact_ ? 0.5 : 1 + 1e-4 * balance.made))
    breach(now, "balance",
           fmt::format("{:.2f} made, {:.2f} used, {:.2f} dropped and {:.2f} under way differ by {:.2f}", balance.made,
                       balance.used, balance.dropped, balance.under_way, left));
}

void Invariants::check_places(const Controller& controller, const Wiring& wiring, Nanos now) {
  std::map<plan::Piece, int> found;
  std::map<std::string, int> index;
  for (int i = 0; const auto& node : world_.nodes()) index.emplace(node.view.name, i++);
  const auto& placement = controller.planned().placement;
  for (const auto& lane : wiring.lanes()) {
    const bool source = lane.stage == kSourceStage;
    const bool global = !source && wiring.stage(lane).scope == plan::Scope::kGlobal;
    const plan::Piece piece{source ? plan::kSource : wiring.stage(lane).key,
                            global ? "" : world_.cameras()[static_cast<size_t>(lane.stream)].key};
    const auto place = placement.find(piece);
    if (place == placement.end())
      breach(now, "place", fmt::format("{} {} runs and has no place", piece.stage, piece.stream));
    else if (index.at(place->second) != lane.node)
      breach(now, "place",
             fmt::format("{} {} runs on {} and not on {}", piece.stage, piece.stream,
                         world_.nodes()[static_cast<size_t>(lane.node)].view.name, place->second));
    if (++found[piece] > 1 && !global) breach(now, "place", fmt::format("{} {} runs twice", piece.stage, piece.stream));
  }
  for (const auto& [piece, node] : placement)
    if (!found.contains(piece))
      breach(now, "place", fmt::format("{} {} does not run on {}", piece.stage, piece.stream, node));
}

void Invariants::check_objectives(const Controller& controller, const Reporter& reporter, const Wiring& wiring,
                                  const Environment& environment, Nanos now) {
  if (seconds_of(now - quiet_since_) < kQuiet || crowds_ > 0 || environment.slowed() || controller.dirty()) return;
  if (std::any_of(world_.links().begin(), world_.links().end(), [](const auto& link) { return link.trace >= 0; }))
    return;
  for (const auto& report : reporter.reports())
    if (report.cpu > kAmpleUse * report.cores) return;
  if (reporter.link_use() > kAmpleUse) return;
  for (const auto& wish : controller.planned().wishes) {
    const auto prediction = controller.planned().predictions.find(wish.name);
    const int application = wiring.application(wish.name);
    if (application == kNone || prediction == controller.planned().predictions.end() ||
        controller.planned().unplaced.contains(wish.name))
      continue;
    const auto& seen = reporter.seen()[static_cast<size_t>(application)];
    const auto& objective = wish.objective;
    const auto& expected = prediction->second;
    if (!expected.met) continue;
    const auto gated = [&] {
      return std::any_of(wish.modules.begin(), wish.modules.end(), [&](const auto& module) {
        const ModuleCost& cost = world_.cost(module.type, module.settings);
        return cost.passes < 1 || cost.rate > 0;
      });
    };
    const double wanted = std::min(objective.min_fps, seen.wanted_fps);
    if (seen.there && seen.fps < wanted * kFpsSlack - kFpsNoise && !gated())
      breach(
          now, "objective",
          fmt::format("{} gets {:.2f} frames a second of {:.2f} though nothing is wrong", wish.name, seen.fps, wanted));
    if (seen.count < 20 || objective.latency_p95_ms <= 0 ||
        expected.latency_p95_ms > kAmpleLatency * objective.latency_p95_ms)
      continue;
    if (seen.p95_ms > objective.latency_p95_ms)
      breach(now, "objective",
             fmt::format("{} has a p95 of {:.1f} ms over {:.1f} (expected {:.1f}) though nothing is wrong", wish.name,
                         seen.p95_ms, objective.latency_p95_ms, expected.latency_p95_ms));
  }
}

void Invariants::note_outcome(const Controller::Outcome& before, const Controller::Outcome& after, Nanos now) {
  if (!after.supervised) {
    moves_.clear();
    turns_.clear();
    return;
  }
  const auto level_of = [](const plan::Levels& levels, const std::string& name) {
    const auto found = levels.find(name);
    return found == levels.end() ? 0 : found->second;
  };
  for (const auto& [name, level] : after.levels) {
    const int was = level_of(before.levels, name);
    if (was == level) continue;
    Turns& turns = turns_[name];
    const int direction = level > was ? 1 : -1;
    if (direction != turns.direction) turns.at.push_back(now);
    turns.direction = direction;
    std::erase_if(turns.at, [&](Nanos at) { return seconds_of(now - at) > kTurnsWithin; });
    if (turns.at.size() > kMostTurns)
      breach(now, "flapping",
             fmt::format("{} went up and down {} times within {:.0f} s", name, turns.at.size(), kTurnsWithin));
  }
  for (const auto& [piece, node] : after.placement) {
    const auto was = before.placement.find(piece);
    if (was == before.placement.end() || was->second == node) continue;
    Move& move = moves_[piece];
    move.returns = move.from == node && seconds_of(now - move.at) < kReturnsWithin ? move.returns + 1 : 0;
    move.from = was->second;
    move.at = now;
    if (move.returns > kMostReturns)
      breach(now, "flapping",
             fmt::format("{} {} moved to and fro between {} and {} {} times", piece.stage, piece.stream, node,
                         was->second, move.returns));
  }
}

void Invariants::note_recovery(const std::string& node, double recovered_s, double allowed_s, Nanos now) {
  if (recovered_s > allowed_s)
    breach(now, "recovery",
           fmt::format("after the death of {} it took {:.2f} s, over {:.2f}", node, recovered_s, allowed_s));
}

}  // namespace vedette::sim
