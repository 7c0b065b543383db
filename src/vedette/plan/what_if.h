#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "vedette/plan/supervisor.h"

namespace vedette::plan {

/// Priority → how many of it miss their objective; the greatest first.
using Missed = std::map<int, double, std::greater<>>;
/// Whether a has fewer misses, of the greatest priority on which they differ.
bool fewer(const Missed& a, const Missed& b);

/// What a change would give.
struct Outcome {
  PlacementResult result;
  Missed missed;
  double excess = 0;   ///< of those that miss their objective now
  bool mends = false;  ///< all of those
};

/// Tries changes on the model of a fleet, which is corrected by what it is wrong for each application now.
class Trial {
 public:
  /// `reported`: 95th percentiles in milliseconds, of each application of `wishes`; 0 when not known.
  Trial(const Supervisor::Situation& situation, const std::vector<ApplicationWish>& wishes, const Shared& shared,
        const std::vector<double>& reported, std::vector<size_t> late, size_t effort);

  /// Searches for a placement if `thorough`, else only finds places for what `from` does not have. A latency is kept
  /// when it is within `aim` of the objective.
  Outcome place_all(const std::vector<ApplicationWish>& wishes, const Shared& shared, const Placement& from, double aim,
                    bool thorough) const;
  Outcome as_it_is(const std::vector<ApplicationWish>& wishes, const Shared& shared, double aim) const;
  /// Real latency over the model's.
  double factor(size_t i) const { return factors_[i]; }

 private:
  std::vector<ApplicationWish> corrected(std::vector<ApplicationWish> wishes, double aim) const;
  PlacementProblem problem(const std::vector<ApplicationWish>& wishes, const Shared& shared,
                           const Placement& now) const;
  Outcome judge(const std::vector<ApplicationWish>& wishes, PlacementResult result) const;

  const Supervisor::Situation& situation_;
  std::vector<double> factors_;
  std::vector<size_t> late_;
  size_t effort_;
};

/// Nodes that each application's pieces are on.
std::vector<std::set<std::string>> nodes_of(const std::vector<ApplicationWish>& wishes, const Shared& shared,
                                            const Placement& placement);

}  // namespace vedette::plan
