#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "vedette/plan/placement.h"
#include "vedette/sim/fleet_file.h"
#include "vedette/sim/random.h"

namespace vedette::sim {

struct NodeSpec {
  plan::NodeView view;
  double joins_s = 0;
};

struct CameraSpec {
  plan::SourceWish wish;
  std::string key;           ///< plan::stream_key
  double jitter_s = 0;
  double picture_bytes = 0;
  double decode_s = 0;
  int scene = -1;            ///< index into World::scenes; -1: mean_objects
  double mean_objects = 0;
  double outage_every_s = 0;
  double outage_s = 0;
};

/// What a module really costs, as against what the planner believes.
struct ModuleCost {
  double seconds = 0;
  double per_object_s = 0;
  double variation = 0;
  double bytes_out = 0;
  double memory_bytes = 0;
  double passes = 1;
  double rate = 0;           ///< frames a second that it lets through; 0: all
  int queue = 4;
  WhenFull when_full = WhenFull::kLatest;
};

struct LinkRule {
  std::string from, to;
  double bytes_per_second = 0;
  double rtt_s = 0;
  double jitter_s = 0;
  int trace = -1;
};

/// Bandwidth over time, in steps; repeated when it ends.
struct Trace {
  std::vector<std::pair<double, double>> steps;  ///< seconds, bytes a second
  double duration_s = 0;
  double at(double seconds) const;
};

/// Objects a frame, one sample a second; repeated when it ends.
using Scene = std::vector<float>;

struct Owned {
  plan::ApplicationWish wish;
  int of = 0;          ///< index into FleetFile::applications
  bool starts = true;
};

/// A fleet file, spelled out: every node, camera and application by itself.
class World {
 public:
  /// Throws Error(kInvalidConfig | kNotFound) for a trace or a file of counts that does not read.
  explicit World(FleetFile file);

  const FleetFile& file() const { return file_; }
  const std::vector<NodeSpec>& nodes() const { return nodes_; }
  const std::vector<CameraSpec>& cameras() const { return cameras_; }
  const std::vector<Owned>& applications() const { return applications_; }
  const std::vector<LinkRule>& links() const { return links_; }
  const std::vector<Trace>& traces() const { return traces_; }
  const std::vector<Scene>& scenes() const { return scenes_; }

  /// Another version of an application: its first module has other settings.
  plan::ApplicationWish changed(const plan::ApplicationWish& wish) const;
  /// Must be told of every application before it runs: remembers what its modules cost, at every level.
  void know(const plan::ApplicationWish& wish);
  const ModuleCost& cost(const std::string& type, const std::string& settings) const;
  /// What a planner that has seen these applications run before knows.
  void teach(plan::Profiles& profiles, const plan::Shared& shared) const;

 private:
  int scene_of(const std::string& text, size_t camera);
  int trace_of(const std::string& name);
  void add_application(const ApplicationsOf& from, int index);

  FleetFile file_;
  std::vector<NodeSpec> nodes_;
  std::vector<CameraSpec> cameras_;
  std::vector<std::string> camera_node_;
  std::vector<Owned> applications_;
  std::unordered_map<std::string, int> template_of_;  // application → index into FleetFile::applications
  std::vector<LinkRule> links_;
  std::vector<Trace> traces_;
  std::vector<Scene> scenes_;
  std::unordered_map<std::string, int> trace_index_;
  std::unordered_map<std::string, std::vector<int>> scene_index_;
  std::unordered_map<std::string, ModuleCost> costs_;
};

}  // namespace vedette::sim
