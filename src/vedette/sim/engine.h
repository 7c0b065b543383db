#pragma once

#include <array>
#include <string>
#include <vector>

#include "vedette/sim/latency_histogram.h"
#include "vedette/sim/wiring.h"

namespace vedette::sim {

/// Why an observation went no further.
enum class Drop {
  kSuperseded,  ///< a newer one came into a `latest` queue
  kQueueFull,
  kNoRoom,      ///< at a camera whose readers block
  kGated,       ///< the module did not hand it on
  kRate,        ///< likewise, to keep to a frame rate
  kStopped,     ///< its module was taken away
  kNodeDied,
  kLinkFull,
  kLinkLost,    ///< its link's end died or was taken away on the way
  kNoReader,    ///< came to a node that knew nothing of it yet, or no more
};
constexpr size_t kDrops = 10;
const char* name_of(Drop drop);

using DropCounts = std::array<double, kDrops>;

// Since the beginning; fractions come from slots, which count shares of frames.
struct LaneStats {
  double received = 0, processed = 0, emitted = 0, dropped = 0;
  double execution_s = 0, wait_s = 0;  ///< sums over what was processed
};
struct NodeStats {
  double busy_s = 0;         ///< core seconds
  double received = 0, processed = 0;
};
struct StreamStats {
  double frames = 0;         ///< that the camera gave to a living source
};
struct LinkStats {
  double bytes = 0, sent = 0, busy_s = 0;
};
struct ApplicationStats {
  RecentLatency latency;
  double delivered = 0;
  Nanos last = 0;            ///< when an observation was last delivered
};

/// Observations that were made, and what became of them.
struct Balance {
  double made = 0, used = 0, dropped = 0, under_way = 0;
};

/// Moves observations along the wiring. Two of them: FrameEngine and SlotEngine.
class Engine {
 public:
  Engine(const World& world, Environment& environment, const Wiring& wiring);
  virtual ~Engine() = default;

  /// Everything up to `until`.
  virtual void advance(Nanos until) = 0;
  /// The wiring was rebuilt.
  virtual void rewire() = 0;
  /// A node goes with all that is on it, or is there (again). The wiring of a dead node is taken away by the caller.
  virtual void kill(int node) = 0;
  void revive(int node) { alive_[static_cast<size_t>(node)] = 1; }
  bool alive(int node) const { return alive_[static_cast<size_t>(node)] != 0; }

  virtual double queued(int lane) const = 0;
  /// Counts what is under way by walking over it.
  virtual Balance balance() const = 0;
  /// What must always hold; each breach as a line.
  virtual void check(std::vector<std::string>& faults) const = 0;

  const LaneStats& lane(int i) const { return lane_stats_[static_cast<size_t>(i)]; }
  const NodeStats& node(int i) const { return node_stats_[static_cast<size_t>(i)]; }
  const StreamStats& stream(int i) const { return stream_stats_[static_cast<size_t>(i)]; }
  const LinkStats& link(int i) const;
  ApplicationStats& application(int i) { return application_stats_[static_cast<size_t>(i)]; }
  size_t applications() const { return application_stats_.size(); }
  const DropCounts& drops() const { return drops_; }
  uint64_t steps() const { return steps_; }  ///< events, or lanes of slots

 protected:
  /// Carries the counters over to the new numbers.
  void rewire_stats();
  void deliver(const Lane& lane, double seconds, double weight, Nanos now) {
    for (const int application : wiring_.list(lane.ends)) {
      auto& stats = application_stats_[static_cast<size_t>(application)];
      stats.latency.record(seconds, weight);
      stats.delivered += weight;
      stats.last = now;
    }
  }
  void count_drop(Drop why, double weight = 1) { drops_[static_cast<size_t>(why)] += weight; }

  const World& world_;
  Environment& environment_;
  const Wiring& wiring_;
  std::vector<char> alive_;
  std::vector<LaneStats> lane_stats_;
  std::vector<NodeStats> node_stats_;
  std::vector<StreamStats> stream_stats_;
  std::vector<LinkStats> link_stats_;
  std::vector<ApplicationStats> application_stats_;
  DropCounts drops_{};
  double made_ = 0, used_ = 0;
  uint64_t steps_ = 0;
};

/// What crossing from node to node costs besides the link, on a core of speed 1; the planner reckons with the same.
constexpr double kEncodeSecondsPerByte = 25e-9;
constexpr double kDecodeSecondsPerByte = 20e-9;
constexpr double kMessageSeconds = 50e-6;
constexpr double kCropBytes = 15'000;

}  // namespace vedette::sim
