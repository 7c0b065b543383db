#pragma once

#include <optional>
#include <string>

#include "vedette/base/error.h"
#include "vedette/base/time.h"
#include "vedette/plan/node_plan.h"
#include "vedette/plan/report.h"

namespace vedette::node {

/// What a controller says to a report.
struct Answer {
  double lease_seconds = 0;            ///< how long the node is believed to live after this report
  std::optional<plan::NodePlan> plan;  ///< none: the one that was reported is the wanted one
  std::string controller;              ///< its name
};

/// The controller does not want this node: another protocol, a name that is taken, a token that does not serve. To ask
/// again soon is of no use.
class Refused : public Error {
 public:
  using Error::Error;
};

/// The way to the controller. Used by one thread, but for cancel().
class Reporter {
 public:
  virtual ~Reporter() = default;
  /// Sends the report; the controller may hold its answer back for `wait` as long as the plan is still the wanted one.
  /// Throws Refused, and Error(kUnavailable | kTimeout | kInvalidData) when no controller answers sensibly.
  virtual Answer report(const plan::NodeReport& report, Duration wait) = 0;
  /// Ends a report() that is waiting, and lets later ones fail at once. From any thread.
  virtual void cancel() = 0;
};

}  // namespace vedette::node
