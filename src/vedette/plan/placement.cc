#include "vedette/plan/placement.h"

#include <fmt/format.h>

#include <algorithm>

#include "vedette/plan/fleet_model.h"
#include "vedette/plan/search.h"

namespace vedette::plan {
namespace {

constexpr size_t kMostReasons = 200;
constexpr int kNowhere = FleetModel::kNowhere;

/// Words for pieces and nodes.
struct Names {
  const FleetModel& model;

  Piece piece(int index) const {
    const auto& which = model.flow().pieces[static_cast<size_t>(index)];
    const Shared& shared = *model.problem().shared;
    return {which.stage == Flow::kNone ? kSource : shared.stages[static_cast<size_t>(which.stage)].key,
            which.stream == Flow::kNone ? std::string() : shared.streams[static_cast<size_t>(which.stream)].key};
  }
  std::string words(int index) const {
    const auto& which = model.flow().pieces[static_cast<size_t>(index)];
    const Shared& shared = *model.problem().shared;
    const std::string what =
        which.stage == Flow::kNone ? kSource : shared.stages[static_cast<size_t>(which.stage)].name;
    return which.stream == Flow::kNone
               ? what
               : fmt::format("{} of {}", what, shared.streams[static_cast<size_t>(which.stream)].name);
  }
  const std::string& node(int index) const { return model.problem().nodes[static_cast<size_t>(index)].name; }
};

void place_all(FleetModel& model, const Placement& placement) {
  std::map<std::string_view, int> index;
  for (int i = 0; const auto& node : model.problem().nodes) index.emplace(node.name, i++);
  const Names names{model};
  for (int i = 0; i < model.pieces(); ++i) {
    const auto found = placement.find(names.piece(i));
    if (found == placement.end()) continue;
    if (const auto node = index.find(found->second); node != index.end()) model.put(i, node->second);
  }
}

/// Why a piece is not where its input is; empty when it is, or has none.
std::string why_apart(const FleetModel& model, const Names& names, int piece) {
  const Flow& flow = model.flow();
  const int here = model.at(piece);
  int there = kNowhere, through = 0;
  for (const int point : flow.piece_points[piece]) {
    for (const int input : flow.inputs[point]) {
      const int node = model.at(flow.points[static_cast<size_t>(input)].piece);
      if (node == here) return {};
      if (there == kNowhere) {
        there = node;
        through = input;
      }
    }
  }
  if (there == kNowhere) return {};
  if (model.allowed(piece).size() == 1) return fmt::format("it is pinned there");
  if (!model.may_host(piece, there)) return fmt::format("{} may not have it", names.node(there));
  const double before = model.transmission(through, there, here);
  const auto& node = model.problem().nodes[static_cast<size_t>(there)];
  const double full = model.used(there) + model.demand(piece) / model.speed(there) / std::max(0.01, node.cores);
  if (full > model.problem().full) return fmt::format("{} would be at {:.0f} % with it", names.node(there), full * 100);
  return fmt::format("it takes {:.1f} ms, worth the {:.1f} ms of transmission from {}",
                     model.seconds(piece) / model.speed(here) * 1e3, before * 1e3, names.node(there));
}

std::vector<std::string> reasons_of(const FleetModel& model, const Names& names) {
  std::vector<std::string> out;
  const bool first = model.problem().now == nullptr;
  size_t more = 0;
  for (int piece = 0; piece < model.pieces(); ++piece) {
    const int here = model.at(piece), was = model.before(piece);
    if (here == kNowhere || (!first && was == here)) continue;
    const std::string apart = why_apart(model, names, piece);
    if (apart.empty() && was == kNowhere) continue;  // new, and where its input is
    if (out.size() >= kMostReasons) {
      ++more;
      continue;
    }
    std::string line = was == kNowhere
                           ? fmt::format("{} on {}", names.words(piece), names.node(here))
                           : fmt::format("{} from {} to {}", names.words(piece), names.node(was), names.node(here));
    if (was != kNowhere && apart.empty()) {
      line += !model.may_host(piece, was) ? fmt::format(": {} may not have it", names.node(was))
                                          : ", to be where its input is";
    } else if (!apart.empty()) {
      line += ": " + apart;
    }
    out.push_back(std::move(line));
  }
  if (more > 0) out.push_back(fmt::format("and {} more", more));
  return out;
}

}  // namespace

PlacementResult place(const PlacementProblem& problem) {
  FleetModel model(problem);
  Search(model).run();
  PlacementResult out;
  const Names names{model};
  out.predictions = model.predictions();
  for (int i = 0; i < model.pieces(); ++i) {
    if (model.at(i) == kNowhere)
      out.unplaced.emplace_back(names.piece(i), model.why_nowhere(i));
    else
      out.placement.emplace(names.piece(i), names.node(model.at(i)));
  }
  out.reasons = reasons_of(model, names);
  out.cost = model.plain_cost();
  out.overfull = model.score().overfull;
  return out;
}

std::vector<Prediction> predict(const PlacementProblem& problem, const Placement& placement) {
  FleetModel model(problem);
  place_all(model, placement);
  return model.predictions();
}

double cost_of(const PlacementProblem& problem, const Placement& placement) {
  FleetModel model(problem);
  place_all(model, placement);
  return model.plain_cost();
}

Placement carried_over(const Placement& now, const Shared& before, const Shared& after) {
  std::map<std::pair<std::string_view, std::string_view>, std::string_view> keys;  // application, module
  for (const auto& stage : before.stages)
    for (const auto& user : stage.users)
      keys.emplace(std::pair<std::string_view, std::string_view>(user.application, user.module), stage.key);
  Placement out;
  const auto carry = [&](const std::string& key, std::string_view old, const std::string& stream) {
    if (const auto found = now.find({std::string(old), stream}); found != now.end())
      out.emplace(Piece{key, stream}, found->second);
  };
  for (const auto& stream : after.streams) carry(kSource, kSource, stream.key);
  for (const auto& stage : after.stages) {
    const std::vector<std::string> all = {""};
    for (const auto& stream : stage.scope == Scope::kGlobal ? all : stage.streams) {
      carry(stage.key, stage.key, stream);
      for (const auto& user : stage.users)  // emplace keeps the first that is found
        if (const auto old = keys.find({user.application, user.module}); old != keys.end())
          carry(stage.key, old->second, stream);
    }
  }
  return out;
}

Prediction best_possible(const PlacementProblem& problem, const ApplicationWish& application) {
  std::vector<ApplicationWish> alone = {application};
  const Shared shared = share(alone);
  PlacementProblem own = problem;
  own.applications = alone;
  own.shared = &shared;
  own.now = nullptr;
  Prediction out = place(own).predictions.front();
  // Asked for what cannot be, it comes as near as it can.
  alone[0].objective = {.latency_p95_ms = 1, .min_fps = 0};
  out.latency_p95_ms = std::min(out.latency_p95_ms, place(own).predictions.front().latency_p95_ms);
  double fastest = 0;
  for (const auto& stream : shared.streams) fastest = std::max(fastest, problem.profiles->fps(stream));
  alone[0].objective = {.latency_p95_ms = 0, .min_fps = fastest};
  out.fps = std::max(out.fps, place(own).predictions.front().fps);
  return out;
}

}  // namespace vedette::plan
