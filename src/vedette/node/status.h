#pragma once

#include <array>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "vedette/base/histogram.h"
#include "vedette/base/time.h"
#include "vedette/node/host.h"
#include "vedette/plan/node_plan.h"
#include "vedette/plan/report.h"

namespace vedette::node {

/// Turns what the parts of a node say, which is counted since each started, into a report's rates and quantiles of the
/// last ten seconds; of what is younger, since it was first seen. Pure: the time comes with the calls.
class StatusWindow {
 public:
  static constexpr Duration kSpan = std::chrono::seconds(10);

  /// Sets streams, stages, applications and links of `report`. `plan` is the one that runs: it says which modules of an
  /// application are its sinks, wherever those that read them may run, and how pictures travel. Times never go back.
  void fill(plan::NodeReport& report, const NodeStatus& status, const plan::NodePlan& plan, MonotonicTime now);

 private:
  /// What was counted of one thing at one moment.
  struct Point {
    uint64_t count = 0;
    std::array<HistogramSnapshot, 3> spans;
  };
  struct Sample {
    MonotonicTime time;
    std::map<std::string, Point> points;
  };
  struct Recent {
    double per_second = 0;
    std::array<plan::Quantiles, 3> spans;
  };

  /// Notes the point of this moment and compares it with the oldest one known.
  Recent recent(const std::string& key, Point now);
  plan::StageReport stage(const graph::ModuleStatus& module, const NodeStatus& status, const plan::NodePlan& plan);
  plan::ApplicationReport application(const graph::ApplicationStatus& application, const plan::NodePlan& plan);
  std::vector<plan::LinkReport> links(const link::EndpointStatus& links);

  std::deque<Sample> samples_;  // oldest first; at least a second apart
  Sample current_;
};

plan::Quantiles quantiles(const HistogramSnapshot& spans);
/// The span as OpenTelemetry knows it. All steps of a frame, on all nodes, are children of its source's step, whose id
/// is the first half of the trace's.
plan::Span to_span(const TraceSpan& step, const std::string& node);

}  // namespace vedette::node
