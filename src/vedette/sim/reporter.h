#pragma once

#include <span>
#include <string>
#include <vector>

#include "vedette/plan/report.h"
#include "vedette/sim/engine.h"

namespace vedette::sim {

/// What nodes say of themselves, made from an engine's counters. Rates and quantiles look back on five to ten seconds.
class Reporter {
 public:
  Reporter(const World& world, const Environment& environment, const Wiring& wiring, Engine& engine);

  /// The wiring was rebuilt: what the reports are about is other things now.
  void rewire(Nanos now);
  /// Every five seconds.
  void turn(Nanos now);
  /// Fills in the numbers of all living nodes. Dead ones are not among reports().
  void report(Nanos now);
  std::span<const plan::NodeReport> reports() const { return reports_; }
  const std::vector<int>& nodes() const { return nodes_; }  ///< of each report

  double link_use() const { return link_use_; }  ///< share of its time that the busiest link sends

  /// An application as its users see it now.
  struct Seen {
    double p95_ms = 0, fps = 0;
    double wanted_fps = 0;   ///< what its slowest camera gives
    double count = 0;
    bool there = false;      ///< whether any end of it runs
    double use = 0;          ///< of the busiest node that an end of it is on
  };
  const std::vector<Seen>& seen() const { return seen_; }  ///< by Wiring's numbers of applications

 private:
  struct Base {
    Nanos old_at = 0, mid_at = 0;
    LaneStats old, mid;
  };
  struct NodeBase {
    Nanos at = 0;
    double busy_s = 0;
    double cpu = 0;
  };
  struct Rate {
    double received = 0, processed = 0, execution_s = 0, wait_s = 0, seconds = 0;
  };
  Rate rate(int lane, Nanos now) const;
  void describe(int node);
  void fill(size_t index, Nanos now);

  const World& world_;
  const Environment& environment_;
  const Wiring& wiring_;
  Engine& engine_;
  std::vector<Base> bases_;
  std::vector<NodeBase> node_bases_;
  std::vector<plan::NodeReport> reports_;
  std::vector<int> nodes_;
  std::vector<std::vector<int>> links_, ends_;  // of each report: numbers of its links and applications
  std::vector<double> stream_fps_;
  std::vector<std::pair<double, double>> link_busy_;  // at the last two turns
  std::pair<Nanos, Nanos> turned_{};
  double link_use_ = 0;
  std::vector<Seen> seen_;
};

}  // namespace vedette::sim
