#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "vedette/base/config.h"
#include "vedette/base/settings.h"

namespace vedette::sim {

/// A fleet as a file describes it (docs/simulator.md). `*` in a name stands for any text.
using Pairs = std::vector<std::pair<std::string, std::string>>;

struct NodesOf {
  std::string name;
  int count = 1;            ///< more than one: name-1, name-2, …
  double cores = 4;
  double speed = 1;
  double memory_gb = 8;
  double joins_at_s = 0;
  Pairs labels;
  void fields(Fields& f);
};

struct LinksOf {
  std::string from = "*";
  std::string to = "*";
  double mbps = 1000;
  double rtt_ms = 1;
  double jitter_ms = 0;
  std::string trace;        ///< file of bandwidths; relative to `data`
  void fields(Fields& f);
};

struct CamerasOf {
  std::string name;
  int count = 1;
  std::string on;           ///< on the bus of each of these nodes: `count` each, pinned there
  double fps = 15;
  double jitter_ms = 2;
  double picture_kb = 60;
  double decode_ms = 5;
  std::string objects;      ///< file of counts, with `#scene` for one camera of it; relative to `data`
  double mean_objects = 4;  ///< without a file
  double outage_every_s = 0;
  double outage_s = 5;
  void fields(Fields& f);
};

enum class WhenFull { kBlock, kLatest, kDropOldest };

struct CheaperModel {
  std::string model;
  double cost_ms = 1;
  void fields(Fields& f);
};

struct ModuleOf {
  std::string name;
  std::string type;         ///< empty: its name
  std::vector<std::string> inputs{"source"};
  double cost_ms = 1;
  double per_object_ms = 0;
  double spread = 0.1;      ///< standard deviation of the service time over its mean
  double bytes_out = 1500;
  double memory_mb = 20;
  double passes = 1;        ///< share of observations that it hands on
  int scope = 0;            ///< plan::Scope
  bool sink = false;
  int reads = 0;            ///< 0 nothing but objects, 1 the objects' pixels, 2 the picture
  std::string model;
  std::vector<CheaperModel> cheaper;
  int queue = 4;
  WhenFull when_full = WhenFull::kLatest;
  std::string node;
  Pairs labels;
  void fields(Fields& f);
};

struct ApplicationsOf {
  std::string name;
  bool each_camera = false;   ///< one application for each camera: name@camera
  bool each_node = false;     ///< … for each node that has cameras: name@node
  std::vector<std::string> cameras{"*"};
  std::string tenant = "default";
  int priority = 50;
  bool share = true;
  bool starts = true;         ///< false: an event adds it
  double latency_p95_ms = 0;
  double min_fps = 0;
  std::vector<std::string> lower_fps;  ///< frame rates that the supervisor may fall back to
  std::vector<ModuleOf> modules;
  void fields(Fields& f);
};

enum class Happening {
  kKillNode,
  kDrainNode,
  kKillController,
  kAddApplication,
  kRemoveApplication,
  kChangeApplication,
  kSlowLink,
  kCrowd,
  kCameraOutage,
};

struct EventOf {
  double at_s = -1;        ///< once
  double every_s = 0;      ///< or at random, so often at the mean
  Happening what = Happening::kKillNode;
  std::string target = "*";
  std::string other = "*"; ///< of slow_link: the other end
  double for_s = 0;        ///< then it is undone; 0: never
  double factor = 1;       ///< of slow_link: bandwidth; of crowd: objects
  void fields(Fields& f);
};

struct ControllerOf {
  double lease_s = 2;
  double report_s = 0.5;
  double supervise_s = 1;
  double plan_s = 0.2;     ///< from a cause to the plan
  double deliver_s = 0.02; ///< from the plan to a node
  double start_s = 0.3;    ///< to start modules on a node
  double full = 0.85;
  double effort = 0;       ///< of the planner's search (plan::PlacementProblem::effort); 0: its own
  bool knows = true;       ///< what modules cost, from earlier runs; else it guesses by type and learns
  void fields(Fields& f);
};

enum class Mode { kAuto, kFrames, kSlots };

struct FleetFile {
  std::string name = "fleet";
  uint64_t seed = 1;
  double duration_s = 60;
  Mode mode = Mode::kAuto;
  int frames_up_to = 500;  ///< cameras; more are simulated in slots
  double slot_ms = 100;
  std::string data;        ///< folder of traces and counts
  std::vector<NodesOf> nodes;
  std::vector<LinksOf> links;
  std::vector<CamerasOf> cameras;
  std::vector<ApplicationsOf> applications;
  std::vector<EventOf> events;
  ControllerOf controller;
  void fields(Fields& f);
};

/// Reads and checks a whole file. `folder` is what its `data` is relative to.
/// Throws Error(kInvalidConfig) with every fault, each with file:line and what would be right.
FleetFile read_fleet(const ConfigNode& root, const std::string& folder);
FleetFile load_fleet(const std::string& path);
/// The part of read_fleet() that looks at several fields together; completes types and `data`.
void check_fleet(const ConfigNode& root, const std::string& folder, FleetFile& file);

/// "box-*" against "box-12".
bool matches(std::string_view pattern, std::string_view name);
/// "name", or "name-1", "name-2", … when there are several.
std::vector<std::string> names_of(const std::string& name, int count);
/// Of a group; those on nodes are "box-1-cam-1", …, node by node, and "cam-1" when they are all on one.
std::vector<std::string> camera_names(const CamerasOf& cameras, const std::vector<std::string>& nodes);

}  // namespace vedette::sim
