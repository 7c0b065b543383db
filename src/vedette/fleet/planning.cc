#include "vedette/fleet/planning.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace vedette::fleet {
namespace {

using plan::Piece;
using plan::Placement;
using plan::Shared;

using Reasons = std::map<Piece, std::string>;

/// The applications that a piece serves.
std::vector<std::string> users_of(const Shared& shared, const Piece& piece,
                                  const std::unordered_map<std::string_view, const plan::Stage*>& stages) {
  const plan::Stream* stream = piece.stream.empty() ? nullptr : shared.find_stream(piece.stream);
  if (piece.stage == plan::kSource) return stream ? stream->users : std::vector<std::string>{};
  std::vector<std::string> users;
  const auto stage = stages.find(piece.stage);
  if (stage == stages.end()) return users;
  for (const auto& user : stage->second->users)
    if (!stream || std::binary_search(stream->users.begin(), stream->users.end(), user.application))
      users.push_back(user.application);
  return users;
}

std::unordered_map<std::string_view, const plan::Stage*> index_of(const Shared& shared) {
  std::unordered_map<std::string_view, const plan::Stage*> stages;
  for (const auto& stage : shared.stages) stages.emplace(stage.key, &stage);
  return stages;
}

/// Moves what a node could not start to another one: where it would be placed if there were no such node.
void obey_bans(const PlanRequest& request, const Planned& planned, Placement& placement, Reasons& reasons) {
  const auto stages = index_of(planned.shared);
  std::map<std::string, std::map<std::string, std::string>> by_application;
  for (const auto& [at, why] : request.bans) by_application[at.first].emplace(at.second, why);
  for (const auto& [application, nodes] : by_application) {
    std::vector<Piece> affected;
    for (const auto& [piece, node] : placement) {
      if (!nodes.contains(node)) continue;
      const auto users = users_of(planned.shared, piece, stages);
      if (std::find(users.begin(), users.end(), application) != users.end()) affected.push_back(piece);
    }
    if (affected.empty()) continue;
    std::vector<plan::NodeView> others;
    for (const auto& node : request.nodes)
      if (!nodes.contains(node.name)) others.push_back(node);
    Placement now;
    for (const auto& [piece, node] : placement)
      if (!nodes.contains(node)) now.emplace(piece, node);
    plan::PlacementResult elsewhere;
    if (!others.empty())
      elsewhere = plan::place({.applications = planned.wishes,
                               .shared = &planned.shared,
                               .nodes = others,
                               .profiles = &request.profiles,
                               .now = &now,
                               .full = request.full});
    for (const Piece& piece : affected) {
      const auto found = elsewhere.placement.find(piece);
      if (found != elsewhere.placement.end()) {
        placement[piece] = found->second;
        continue;
      }
      const auto& [node, why] = *nodes.find(placement.at(piece));
      reasons.emplace(piece, fmt::format("it fails on {}: {}", node, why));
      placement.erase(piece);
    }
  }
}

/// Takes out of what is shared whatever has no place, and what comes after it.
void prune(Planned& planned, const Reasons& reasons) {
  const Shared whole = planned.shared;
  const auto stages = index_of(whole);
  const auto note = [&](const Piece& piece) {
    const auto known = reasons.find(piece);
    const std::string line =
        describe(whole, piece) + ": " + (known == reasons.end() ? "no node may host it" : known->second);
    for (const auto& user : users_of(whole, piece, stages)) {
      auto& lines = planned.unplaced[user];
      if (lines.size() < 8 && std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
    }
  };
  std::unordered_set<std::string_view> dark;  // streams without a source
  std::erase_if(planned.shared.streams, [&](const auto& stream) {
    const Piece piece{plan::kSource, stream.key};
    if (planned.placement.contains(piece)) return false;
    note(piece);
    dark.insert(whole.find_stream(stream.key)->key);
    return true;
  });
  std::unordered_map<std::string_view, std::unordered_set<std::string_view>> lost;  // stage → streams it gives no more
  for (auto& stage : planned.shared.stages) {  // from sources to sinks
    const plan::Stage& before = *stages.at(stage.key);
    auto& gone = lost[before.key];
    const bool global = before.scope == plan::Scope::kGlobal;
    const Piece whole_piece{before.key, ""};
    const bool homeless = global && !planned.placement.contains(whole_piece);
    if (homeless) note(whole_piece);
    for (const auto& stream : before.streams) {
      bool out = homeless || dark.contains(stream);
      for (const auto& input : before.inputs)
        if (const auto found = lost.find(input); found != lost.end()) out = out || found->second.contains(stream);
      if (!out && !global && !planned.placement.contains({before.key, stream})) {
        note({before.key, stream});
        out = true;
      }
      if (out) gone.insert(stream);
    }
    std::erase_if(stage.streams, [&](const auto& stream) { return gone.contains(stream); });
  }
  std::erase_if(planned.shared.stages, [](const auto& stage) { return stage.streams.empty(); });
  std::unordered_set<std::string> used;
  for (const auto& stage : planned.shared.stages) used.insert(stage.streams.begin(), stage.streams.end());
  std::erase_if(planned.shared.streams, [&](const auto& stream) { return !used.contains(stream.key); });
  Placement kept;
  for (const Piece& piece : pieces_of(planned.shared)) kept.emplace(piece, planned.placement.at(piece));
  planned.placement = std::move(kept);
  std::map<std::string, std::set<std::string>> nodes;
  const auto left = index_of(planned.shared);
  for (const auto& [piece, node] : planned.placement)
    for (const auto& user : users_of(planned.shared, piece, left)) nodes[user].insert(node);
  planned.nodes.clear();
  for (const auto& [user, where] : nodes) planned.nodes.emplace(user, std::vector(where.begin(), where.end()));
}

}  // namespace

std::vector<Piece> pieces_of(const Shared& shared) {
  std::vector<Piece> pieces;
  for (const auto& stream : shared.streams) pieces.push_back({plan::kSource, stream.key});
  for (const auto& stage : shared.stages) {
    if (stage.scope == plan::Scope::kGlobal) {
      pieces.push_back({stage.key, ""});
    } else {
      for (const auto& stream : stage.streams) pieces.push_back({stage.key, stream});
    }
  }
  return pieces;
}

size_t effort_for(const std::vector<plan::ApplicationWish>& wishes) {
  constexpr size_t kBrief = 500'000;
  const bool asked = std::any_of(wishes.begin(), wishes.end(), [](const auto& wish) {
    return wish.objective.latency_p95_ms > 0 || wish.objective.min_fps > 0;
  });
  return asked ? plan::PlacementProblem{}.effort : kBrief;
}

std::string describe(const Shared& shared, const Piece& piece) {
  const plan::Stream* stream = piece.stream.empty() ? nullptr : shared.find_stream(piece.stream);
  if (piece.stage == plan::kSource) return stream ? stream->name : piece.stream;
  const plan::Stage* stage = shared.find_stage(piece.stage);
  return (stage ? stage->name : piece.stage) + (stream ? " of " + stream->name : "");
}

std::vector<plan::ApplicationWish> lowered(const std::vector<plan::ApplicationWish>& wishes,
                                           const plan::Levels& levels) {
  std::vector<plan::ApplicationWish> out;
  for (const auto& wish : wishes) {
    const auto level = levels.find(wish.name);
    const int wanted = level == levels.end() ? 0 : std::clamp(level->second, 0, plan::lowest_level(wish));
    out.push_back(wanted == 0 ? wish : plan::at_level(wish, wanted));
  }
  return out;
}

PlanOutcome make_plan(const PlanRequest& request, plan::Supervisor& supervisor, MonotonicTime now) {
  PlanOutcome outcome{.decision = {}, .levels = request.levels, .planned = {}};
  if (request.supervise && !request.nodes.empty()) {
    outcome.decision = supervisor.step(now, {.wishes = request.wishes,
                                             .levels = &request.levels,
                                             .reports = request.reports,
                                             .nodes = request.nodes,
                                             .profiles = &request.profiles,
                                             .placement = &request.now});
    if (outcome.decision.kind == plan::Decision::Kind::kLower || outcome.decision.kind == plan::Decision::Kind::kRaise)
      outcome.levels[outcome.decision.application] = outcome.decision.level;
  }
  if (!request.place && outcome.decision.kind == plan::Decision::Kind::kNothing) return outcome;

  Planned planned;
  planned.wishes = lowered(request.wishes, outcome.levels);
  planned.shared = plan::share(planned.wishes);
  const plan::PlacementProblem problem{.applications = planned.wishes,
                                       .shared = &planned.shared,
                                       .nodes = request.nodes,
                                       .profiles = &request.profiles,
                                       .now = &request.now,
                                       .full = request.full,
                                       .effort = effort_for(planned.wishes)};
  Reasons reasons;
  if (request.nodes.empty()) {
    for (const Piece& piece : pieces_of(planned.shared)) reasons.emplace(piece, "no node is there");
  } else {
    plan::PlacementResult result = plan::place(problem);
    planned.placement = std::move(result.placement);
    planned.predictions = std::move(result.predictions);
    planned.reasons = std::move(result.reasons);
    for (auto& [piece, why] : result.unplaced) reasons.emplace(piece, why);
    if (!request.bans.empty()) {
      const Placement before = planned.placement;
      obey_bans(request, planned, planned.placement, reasons);
      if (planned.placement != before && planned.placement.size() == before.size())
        planned.predictions = plan::predict(problem, planned.placement);
    }
  }
  prune(planned, reasons);
  outcome.planned = std::move(planned);
  return outcome;
}

Planned restore_plan(const std::vector<plan::ApplicationWish>& wishes, const Placement& placement,
                     const std::vector<plan::NodeView>& nodes, const plan::Profiles& profiles) {
  Planned planned;
  planned.wishes = wishes;
  planned.shared = plan::share(planned.wishes);
  for (const Piece& piece : pieces_of(planned.shared)) {
    const auto found = placement.find(piece);
    if (found != placement.end()) planned.placement.emplace(piece, found->second);
  }
  prune(planned, {});
  if (!nodes.empty() && planned.unplaced.empty())
    planned.predictions = plan::predict({.applications = planned.wishes,
                                         .shared = &planned.shared,
                                         .nodes = nodes,
                                         .profiles = &profiles,
                                         .now = nullptr,
                                         .full = 0.85},
                                        planned.placement);
  return planned;
}

}  // namespace vedette::fleet
