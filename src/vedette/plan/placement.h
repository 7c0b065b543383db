#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "vedette/plan/node_plan.h"
#include "vedette/plan/profile.h"

namespace vedette::plan {

/// A node as a place to put things.
struct NodeView {
  std::string name;
  std::map<std::string, std::string> labels;
  double cores = 1;
  double speed = 1;          ///< of one core, against the reference
  double memory_bytes = 4e9;
  double other_load = 0;     ///< cores that other programs on the machine use
  bool draining = false;     ///< takes nothing new, and gives away what it has
};

struct PlacementProblem {
  std::span<const ApplicationWish> applications;
  const Shared* shared = nullptr;
  std::span<const NodeView> nodes;
  const Profiles* profiles = nullptr;
  const Placement* now = nullptr;   ///< what runs; a move must be worth its trouble. Null: nothing runs yet
  double full = 0.85;               ///< share of a node's cores that may be planned for
  size_t exact = 100'000;           ///< when there are no more placements than this, all are tried
  size_t effort = 8'000'000;        ///< bound on the search: modules whose latency is worked out, about 50 ns each
};

/// What is expected of an application under a placement.
struct Prediction {
  std::string application;
  double latency_p95_ms = 0;
  double fps = 0;             ///< of its slowest stream
  bool met = true;            ///< whether its objective is kept
};

struct PlacementResult {
  Placement placement;                  ///< every piece that has a node which may host it
  std::vector<Prediction> predictions;  ///< in the applications' order
  std::vector<std::string> reasons;     ///< why what is where, one line each; for the event log
  std::vector<std::pair<Piece, std::string>> unplaced;  ///< and why: no node of that name, no such label
  double cost = 0;                      ///< cores in use, and seconds of transmission a second
  double overfull = 0;                  ///< planned for beyond `full`, in shares of a node, summed over all nodes
};

/// Finds where everything runs: objectives first (of the greater priority before the lesser), then least cost, then
/// fewest moves. A piece leaves its input's node only when that pays: T_module > T_before + T_after (paper 001 §3.1.1),
/// or when the node is full. Pure and deterministic.
PlacementResult place(const PlacementProblem& problem);

/// What a given placement would give; place() minimises over this, and the tests enumerate it.
std::vector<Prediction> predict(const PlacementProblem& problem, const Placement& placement);
double cost_of(const PlacementProblem& problem, const Placement& placement);

/// Where pieces of `after` would be if they stayed with those of `before` that serve the same module of the same
/// application: for `now`, when settings change and with them all keys behind.
Placement carried_over(const Placement& now, const Shared& before, const Shared& after);

/// The best latency and frame rate any placement could give the application by itself, for the refusal of an impossible
/// objective.
Prediction best_possible(const PlacementProblem& problem, const ApplicationWish& application);

}  // namespace vedette::plan
