#pragma once

#include <vector>

#include "vedette/sim/engine.h"

namespace vedette::sim {

/// In slots of some tenths of a second, for fleets of thousands of cameras: observations flow like a fluid. In each
/// slot a lane takes in what comes, works off what its node's share and its own server let it, keeps what its queue
/// holds, and loses the rest. Waits within a slot come from the same formulas as the planner's (plan/fleet_model.h): an
/// M/G/c queue for each node's threads, M/D/1 for each server and link, both less for cameras that are periodic each by
/// itself; longer ones from what is queued. Each slot draws one latency for each end of each application, weighted by
/// the frames of the slot.
///
/// Nodes and links are felt with the load that they had in the slot before.
class SlotEngine final : public Engine {
 public:
  SlotEngine(const World& world, Environment& environment, const Wiring& wiring, uint64_t seed, Nanos slot);

  void advance(Nanos until) override;
  void rewire() override;
  void kill(int node) override;
  double queued(int lane) const override { return lanes_[static_cast<size_t>(lane)].queue; }
  Balance balance() const override;
  void check(std::vector<std::string>& faults) const override;

 private:
  struct LaneState {
    float queue = 0;         // observations that wait
    float in = 0;            // of this slot; the three below are sums over them
    float in_work = 0;       // time since the source: work and transmission
    float in_waited = 0;     // … waits, which are about exponential
    float in_variance = 0;   // of the work
    float room = 0;          // observations that its readers take in this slot
    float processed = 0;     // of the last slot
    // From the costs, at the speed of its node.
    float seconds = 0, per_object_s = 0, variation = 0, passes = 1, rate = 0, capacity = 1;
    bool blocks = false, latest = true;
    bool next = false;       // the first reader of what this node's pool makes: does not wait for it
  };
  struct NodeState {
    double cores = 1, speed = 1;
    double wanted = 0, free = 0;         // core seconds of this slot that the pool wants; that others use
    double served = 0;
    double first = 0, second = 0;        // sums of n·S and n·S², over the pool
    double load = 0;                     // smoothed use; 1 is full
    double share = 1;                    // of what the pool wants that it can have
    double free_share = 1;               // likewise of sources and links, which do not wait for the pool
    double wait_s = 0;                   // mean, of the pool
    double stretch = 1;                  // of work by sharing cores
    double streams = 0;                  // that pass through
  };
  struct ServerState {
    float used = 0;                      // seconds of this slot
    float load = 0;                      // smoothed
    float wait = 0;                      // in service times
    int streams = 0;
  };
  struct LinkLoad {
    double bytes = 0;                    // of this slot, wanted
    double load = 0, share = 1, wait = 0;  // wait in transmission times
    double wires = 0;
  };
  /// A part of a slot's observations on its way.
  struct Flow {
    float amount = 0, work = 0, waited = 0, variance = 0;
  };

  void slot();
  void run_source(int lane, float seconds);
  void run_lane(int lane, float seconds);
  void hand_on(int lane, Flow flow, float seconds);
  void cross(int wire, Flow flow, bool encode, float seconds);
  void give(int lane, const Flow& flow);
  void account(float seconds);
  void find_room();

  Nanos now_ = 0, slot_;
  std::vector<LaneState> lanes_;
  std::vector<NodeState> nodes_;
  std::vector<ServerState> servers_;
  std::vector<LinkLoad> links_;
  std::vector<float> wire_amount_;       // of the last slot
  std::vector<int> blocking_;            // lanes
  Random random_;
};

}  // namespace vedette::sim
