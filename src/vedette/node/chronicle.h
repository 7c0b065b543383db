#pragma once

#include <map>
#include <string>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/plan/node_plan.h"
#include "vedette/plan/report.h"

namespace vedette::node {

/// Writes the event log of a node: what is worth a line in how one report differs from the one before. Streams and
/// links that come and go, errors in modules, observations that links lost. Of what goes on and on there is a line each
/// ten seconds. Pure: the time comes with the calls.
class Chronicle {
 public:
  static constexpr Duration kPause = std::chrono::seconds(10);

  /// One line for each application concerned, by `plan`; what concerns none is the node's own.
  std::vector<plan::LogLine> look(const plan::NodeReport& report, const plan::NodePlan& plan, MonotonicTime now,
                                  Timestamp wall);

 private:
  /// A count of mishaps; answers how many are to be told now.
  struct Count {
    uint64_t told = 0;
    MonotonicTime when{};
    bool ever = false;
    uint64_t grown(uint64_t count, MonotonicTime now);
  };

  std::map<std::string, std::string> states_;  // of streams, links
  std::map<std::string, Count> counts_;        // of stages' errors, applications' gaps
};

}  // namespace vedette::node
