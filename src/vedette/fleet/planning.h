#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "vedette/plan/placement.h"
#include "vedette/plan/supervisor.h"

namespace vedette::fleet {

/// An application's part that a node could not start: application, node → why.
using Bans = std::map<std::pair<std::string, std::string>, std::string>;

/// All that planning looks at, copied, so that it can take its time beside everything else.
struct PlanRequest {
  bool place = false;      ///< something changed: find a place for everything
  bool supervise = false;  ///< look whether objectives are kept
  std::string cause;       ///< for the event log
  std::vector<plan::ApplicationWish> wishes;  ///< as wished; only those that shall run
  plan::Levels levels;
  std::vector<plan::NodeView> nodes;          ///< the living
  std::vector<plan::NodeReport> reports;      ///< theirs; only for `supervise`
  plan::Profiles profiles;
  plan::Placement now;                        ///< on living nodes
  Bans bans;
  double full = 0.85;
};

/// What runs where, whole and consistent: what has no place is taken out of `shared`, with what comes after it.
struct Planned {
  std::vector<plan::ApplicationWish> wishes;  ///< lowered to their levels
  plan::Shared shared;
  plan::Placement placement;                  ///< every piece of `shared`
  std::vector<plan::Prediction> predictions;
  std::vector<std::string> reasons;
  std::map<std::string, std::vector<std::string>> unplaced;  ///< application → why something of it does not run
  std::map<std::string, std::vector<std::string>> nodes;     ///< application → where it runs, sorted
};

struct PlanOutcome {
  plan::Decision decision;
  plan::Levels levels;
  std::optional<Planned> planned;  ///< nothing: all stays as it is
};

/// Supervision and placement. Slow for large fleets (seconds); touches nothing but its arguments. Pure.
PlanOutcome make_plan(const PlanRequest& request, plan::Supervisor& supervisor, MonotonicTime now);

/// The plan that was stored, put together again without a new decision. What has no stored place is unplaced.
Planned restore_plan(const std::vector<plan::ApplicationWish>& lowered, const plan::Placement& placement,
                     const std::vector<plan::NodeView>& nodes, const plan::Profiles& profiles);

std::vector<plan::ApplicationWish> lowered(const std::vector<plan::ApplicationWish>& wishes,
                                           const plan::Levels& levels);

/// How hard a place is looked for. Where nobody asked for a latency or a rate, a search that is thorough saves little,
/// and whoever changes something waits for it.
size_t effort_for(const std::vector<plan::ApplicationWish>& wishes);

/// Every piece of what is shared, in its order.
std::vector<plan::Piece> pieces_of(const plan::Shared& shared);

/// "detect of yard", "yard", "counts".
std::string describe(const plan::Shared& shared, const plan::Piece& piece);

}  // namespace vedette::fleet
