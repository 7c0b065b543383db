#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/config.h"
#include "vedette/graph/bounded_queue.h"
#include "vedette/graph/parallelism.h"
#include "vedette/graph/registry.h"
#include "vedette/media/source.h"
#include "vedette/plan/wish.h"

namespace vedette::graph {

/// What the owner asks of the whole. Zero: not asked for.
struct Objective {
  double latency_p95_ms = 0;  ///< from a frame's arrival to the end of the last sink
  double min_fps = 0;
  int priority = 50;  ///< 0 … 100: whose objective is kept when not all can be

  void fields(Fields& f);
};

/// What may be lowered, step by step, when the objective cannot be kept otherwise.
struct Adapt {
  std::vector<double> fps;                                        ///< frame rates, falling
  std::vector<std::pair<std::string, std::vector<std::string>>> models;  ///< module → cheaper models, best first
};

struct SourceSpec {
  std::string name;
  media::SourceOptions options;
  std::string settings;  ///< options in canonical form, JSON
  plan::Pin pin;
};

/// The queue a file asks for. `auto` is block, except right behind a live source, where it is latest: what is too much
/// for the application is let go once, before any work went into it.
struct QueueSpec {
  int size = 0;  ///< 0: one place a core, at least 4, so that a queue never keeps a stateless module before it from
                 ///< using all cores
  enum class WhenFull { kAuto, kBlock, kLatest, kDropOldest } when_full = WhenFull::kAuto;

  void fields(Fields& f);
  QueueOptions resolve(bool behind_live_source) const;
};

struct ModuleSpec {
  std::string name;
  const ModuleType* type = nullptr;
  std::vector<size_t> inputs;  ///< indices of earlier or later modules; `from_source` besides
  bool from_source = false;
  QueueSpec queue;
  Parallel parallel;
  ModuleFactory factory;
  ModuleTraits traits;   ///< the type's, as its settings adjust them
  std::string settings;  ///< its own settings, queue and parallel in canonical form, JSON
  plan::Pin pin;
  std::string place;  ///< "file:line", for messages
};

/// A directed acyclic graph of modules with sources, an objective and an owner, read and checked as a whole: nothing
/// runs unless everything is right.
///
///   application: people
///   tenant: front-desk
///   objective: {latency_p95_ms: 500}
///   sources:
///     - {name: yard, url: "rtsp://10.0.0.5/stream1"}
///   modules:
///     - type: detect            # named "detect"; reads from the module above, the first one from the sources
///       model: nanodet-g-320
///     - type: track
///     - {type: jsonl, path: events.jsonl}
///     - {type: console}         # a sink passes nothing on: this one, too, reads from track
///
/// Each module takes `type`, `name` (default: the type), `inputs` (names, or `source`; default: the nearest module
/// above that is not a sink), `queue` {size, when_full: auto|block|latest|drop_oldest}, `parallel`, and its own
/// settings. On a fleet, sources and modules may say where they run: `node: cam-3`, `labels: {gpu: yes}`; `share:
/// false` keeps modules from serving other tenants; `adapt` says what may be lowered:
///
///   adapt:
///     fps: [15, 10, 5]
///     models: {detect: [yolo11n-416, nanodet-g-320]}
struct Application {
  std::string name;
  std::string tenant;
  Objective objective;
  bool share = true;
  Adapt adapt;
  std::vector<SourceSpec> sources;
  std::vector<ModuleSpec> modules;
};

/// Reads an application. Throws Error(kInvalidConfig) that lists every fault, each with file:line and the nearest valid
/// name: unknown keys, types and inputs, two modules or sources of one name, cycles, something read that nothing before
/// it adds.
Application parse_application(const ConfigNode& root);

/// One module by itself, from its type and ModuleSpec::settings, as a node gets it. Throws Error(kInvalidConfig).
ModuleSpec parse_module(const std::string& type, const std::string& settings);
/// A source's options from SourceSpec::settings. Throws Error(kInvalidConfig).
media::SourceOptions parse_source(const std::string& settings);

/// Edits made before parsing, for the command line. Each throws Error(kUsage) naming the argument that is wrong.
void set_override(ConfigNode& root, std::string_view assignment);  ///< "module.key=value", "module.group.key=value"
void replace_sources(ConfigNode& root,
                     const std::vector<std::string>& urls);  ///< keeps the options of a source with that URL
void set_for_sources(ConfigNode& root, const std::string& key, const std::string& value);
void append_sink(ConfigNode& root,
                 std::string_view kind_and_path);  ///< "mot:out.txt": after the last module that passes on

}  // namespace vedette::graph
