#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "vedette/plan/node_plan.h"
#include "vedette/sim/environment.h"

namespace vedette::sim {

/// A stage as everybody who runs a part of it sees it. Kept for good: its number is its name.
struct StageInfo {
  std::string key, name, type, settings;
  plan::Scope scope = plan::Scope::kStateless;
  bool sink = false;
  bool pixels = false, crops = false;
  int depth = 0;                 ///< longest way from a source
  const ModuleCost* cost = nullptr;
  std::vector<int> inputs;       ///< stages; kSourceStage for the sources
};

constexpr int kSourceStage = -1;
constexpr int kNone = -1;

struct Slice {
  uint32_t first = 0, count = 0;
};

/// One stream's part of a stage on one node, with its queue; or a source (stage == kSourceStage).
struct Lane {
  int node = 0, stage = kSourceStage, stream = 0;
  int server = kNone;            ///< what works for one observation at a time; kNone: as many as there are threads
  Slice readers;                 ///< lanes on this node
  Slice channels;                ///< to other nodes
  Slice feeders;                 ///< lanes on this node that feed it
  Slice incoming;                ///< channels that feed it
  Slice ends;                    ///< applications of which it is the end, for this stream
};

/// A lane's output on its way to another node.
struct Wire {
  int from_lane = 0, to_node = 0, link = 0, stage = kSourceStage, stream = 0;
  bool pixels = false, crops = false;
  Slice readers;                 ///< lanes there; none as long as that node does not know of it
};

/// What runs on all nodes and what feeds what, as the nodes' plans say. Made anew whenever a node takes up a plan; what
/// stays keeps its state by the numbers in `lane_was` and `wire_was`.
class Wiring {
 public:
  Wiring(const World& world, Environment& environment);

  /// A node does what this plan says from the next rebuild on; null: nothing.
  void set(int node, std::shared_ptr<const plan::NodePlan> plan);
  bool stale() const { return stale_; }
  void rebuild();

  const std::vector<Lane>& lanes() const { return lanes_; }  ///< from sources to sinks
  const std::vector<Wire>& wires() const { return wires_; }
  const std::vector<StageInfo>& stages() const { return stages_; }
  const StageInfo& stage(const Lane& lane) const { return stages_[static_cast<size_t>(lane.stage)]; }
  size_t servers() const { return servers_; }
  /// Reads a slice of numbers.
  std::span<const int> list(Slice slice) const { return std::span(numbers_).subspan(slice.first, slice.count); }
  const std::vector<int>& lane_was() const { return lane_was_; }  ///< new lane → old one, or kNone
  const std::vector<int>& wire_was() const { return wire_was_; }
  /// Lanes that give a stream's frames; mostly one.
  std::span<const int> sources(int stream) const { return list(sources_[static_cast<size_t>(stream)]); }
  std::span<const int> on_node(int node) const { return list(on_node_[static_cast<size_t>(node)]); }

  int application(const std::string& name) const;  ///< its number, for good; kNone before any node has it
  const std::vector<std::string>& applications() const { return applications_; }

 private:
  using Keys = std::unordered_map<uint64_t, int>;

  int stage_number(const std::string& key) const;
  int know(const plan::Stage& stage);
  void make_lanes(Keys& index);
  void make_edges(const Keys& index);
  void make_ends(const Keys& index);
  Slice store(std::vector<int>& list);

  const World& world_;
  Environment& environment_;
  std::vector<std::shared_ptr<const plan::NodePlan>> plans_;
  bool stale_ = false;
  std::vector<StageInfo> stages_;
  std::unordered_map<std::string, int> stage_index_;
  std::unordered_map<std::string, int> node_index_;
  std::unordered_map<std::string, int> application_index_;
  std::vector<std::string> applications_;
  std::vector<Lane> lanes_;
  std::vector<Wire> wires_;
  std::vector<int> numbers_;
  std::vector<Slice> sources_, on_node_;
  size_t servers_ = 0;
  Keys lane_index_, wire_index_;
  std::vector<int> lane_was_, wire_was_;
};

}  // namespace vedette::sim
