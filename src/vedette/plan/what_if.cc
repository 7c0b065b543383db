#include "vedette/plan/what_if.h"

#include <algorithm>
#include <unordered_map>

namespace vedette::plan {

bool fewer(const Missed& a, const Missed& b) {
  std::set<int, std::greater<>> priorities;
  for (const auto& [priority, count] : a) priorities.insert(priority);
  for (const auto& [priority, count] : b) priorities.insert(priority);
  for (const int priority : priorities) {
    const auto x = a.find(priority), y = b.find(priority);
    const double mine = x == a.end() ? 0 : x->second, theirs = y == b.end() ? 0 : y->second;
    if (mine != theirs) return mine < theirs;
  }
  return false;
}

Trial::Trial(const Supervisor::Situation& situation, const std::vector<ApplicationWish>& wishes, const Shared& shared,
             const std::vector<double>& reported, std::vector<size_t> late, size_t effort)
    : situation_(situation), factors_(wishes.size(), 1), late_(std::move(late)), effort_(effort) {
  const auto predicted = predict(problem(wishes, shared, *situation.placement), *situation.placement);
  for (size_t i = 0; i < factors_.size(); ++i)
    if (reported[i] > 0 && predicted[i].latency_p95_ms > 0)
      factors_[i] = std::clamp(reported[i] / predicted[i].latency_p95_ms, 0.5, 10.0);
}

std::vector<ApplicationWish> Trial::corrected(std::vector<ApplicationWish> wishes, double aim) const {
  for (size_t i = 0; i < wishes.size(); ++i) wishes[i].objective.latency_p95_ms *= aim / factors_[i];
  return wishes;
}

PlacementProblem Trial::problem(const std::vector<ApplicationWish>& wishes, const Shared& shared,
                                const Placement& now) const {
  PlacementProblem out;
  out.applications = wishes;
  out.shared = &shared;
  out.nodes = situation_.nodes;
  out.profiles = situation_.profiles;
  out.now = &now;
  out.effort = effort_;
  return out;
}

Outcome Trial::judge(const std::vector<ApplicationWish>& wishes, PlacementResult result) const {
  Outcome out;
  out.mends = true;
  for (size_t i = 0; i < wishes.size(); ++i) {
    const Prediction& is = result.predictions[i];
    if (!is.met) out.missed[wishes[i].priority] += 1;
    if (std::find(late_.begin(), late_.end(), i) == late_.end()) continue;
    out.mends &= is.met;
    if (wishes[i].objective.latency_p95_ms > 0)
      out.excess += std::max(0.0, is.latency_p95_ms / wishes[i].objective.latency_p95_ms - 1);
    if (wishes[i].objective.min_fps > 0) out.excess += std::max(0.0, 1 - is.fps / wishes[i].objective.min_fps);
  }
  out.result = std::move(result);
  return out;
}
Outcome Trial::place_all(const std::vector<ApplicationWish>& wishes, const Shared& shared, const Placement& from,
                         double aim, bool thorough) const {
  const auto as_seen = corrected(wishes, aim);
  PlacementProblem asked = problem(as_seen, shared, from);
  if (!thorough) asked.effort = asked.exact = 0;
  return judge(as_seen, place(asked));
}

Outcome Trial::as_it_is(const std::vector<ApplicationWish>& wishes, const Shared& shared, double aim) const {
  const auto as_seen = corrected(wishes, aim);
  PlacementResult result;
  result.placement = *situation_.placement;
  result.predictions = predict(problem(as_seen, shared, *situation_.placement), *situation_.placement);
  return judge(as_seen, std::move(result));
}

std::vector<std::set<std::string>> nodes_of(const std::vector<ApplicationWish>& wishes, const Shared& shared,
                                            const Placement& placement) {
  std::unordered_map<std::string_view, size_t> index;
  for (size_t i = 0; i < wishes.size(); ++i) index.emplace(wishes[i].name, i);
  std::vector<std::set<std::string>> out(wishes.size());
  for (const auto& [piece, node] : placement) {
    const Stream* stream = piece.stream.empty() ? nullptr : shared.find_stream(piece.stream);
    if (piece.stage == kSource) {
      if (stream)
        for (const auto& user : stream->users) out[index.at(user)].insert(node);
      continue;
    }
    const Stage* stage = shared.find_stage(piece.stage);
    if (!stage) continue;
    for (const auto& user : stage->users)
      if (!stream || std::binary_search(stream->users.begin(), stream->users.end(), user.application))
        out[index.at(user.application)].insert(node);
  }
  return out;
}

}  // namespace vedette::plan
