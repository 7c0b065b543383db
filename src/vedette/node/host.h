#pragma once

#include <string>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/base/trace.h"
#include "vedette/graph/status.h"
#include "vedette/link/status.h"
#include "vedette/plan/node_plan.h"

namespace vedette::node {

/// What the parts of a node say of themselves at one moment.
struct NodeStatus {
  std::vector<graph::ApplicationStatus> applications;
  std::vector<graph::StreamStatus> streams;
  std::vector<graph::ModuleStatus> modules;
  link::EndpointStatus links;
};

/// What runs plans: the executor and the links of this process. A seam, so that what a node does about its controller
/// can be tested without either. status() and spans() may be called while apply() or drain() runs; these two come one
/// at a time.
class Host {
 public:
  virtual ~Host() = default;
  /// As graph::Executor::apply().
  virtual void apply(const plan::NodePlan& plan) = 0;
  /// Ends all sources, lets everything here come out, over links too, and gives up after `limit`.
  virtual void drain(Duration limit) = 0;
  virtual NodeStatus status() = 0;
  /// Steps of sampled frames since the last call.
  virtual std::vector<TraceSpan> spans() = 0;
  /// Where other nodes reach this one.
  virtual std::vector<std::string> link_addresses() const = 0;
};

}  // namespace vedette::node
