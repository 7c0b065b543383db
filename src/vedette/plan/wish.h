#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace vedette::plan {

/// Where something must run. Both empty: anywhere.
struct Pin {
  std::string node;                            ///< only on the node of this name
  std::map<std::string, std::string> labels;   ///< only on nodes that carry all of these

  bool empty() const { return node.empty() && labels.empty(); }
  friend bool operator==(const Pin&, const Pin&) = default;
};

/// What a module keeps between observations, and so what may be placed apart (graph::Concurrency says the same to
/// authors).
enum class Scope {
  kStateless,  ///< nothing: each stream's part may run anywhere
  kPerStream,  ///< state of one stream: each stream's part may run anywhere, and forgets when it moves
  kGlobal,     ///< state over all streams: one place for all of them
};

struct SourceWish {
  std::string name;
  std::string settings;  ///< URL and options in canonical form (JSON); with the name it says which camera it is
  Pin pin;               ///< a camera on a node's own bus, or a file, is pinned; an RTSP camera mostly is not
  double fps = 0;        ///< frames a second it is known to give; 0: not known before it runs
};

struct ModuleWish {
  std::string name;                  ///< within its application
  std::string type;
  std::string settings;  ///< everything that decides what comes out: settings, queue, parallel; canonical JSON
  std::vector<std::string> inputs;  ///< names of modules of this application, or kSource
  Scope scope = Scope::kStateless;
  bool sink = false;  ///< its effects are the application's own: never shared
  bool reads_pixels = false;  ///< of the frame
  bool reads_crops = false;  ///< of objects
  Pin pin;
};

inline constexpr const char* kSource = "source";

/// What an owner asks of an application. Zero: not asked for.
struct Objective {
  double latency_p95_ms = 0;  ///< from a frame's arrival to the end of the last sink
  double min_fps = 0;  ///< of each stream

  friend bool operator==(const Objective&, const Objective&) = default;
};

/// What the supervisor may take from an application to keep the rest, in the order in which it is taken.
struct Allowance {
  std::vector<double> fps;  ///< lower frame rates, falling
  std::map<std::string, std::vector<std::string>> models;  ///< module → cheaper models, best first
};

/// An application as its owner wants it, as far as planning must know it.
struct ApplicationWish {
  std::string name;
  std::string tenant;
  uint64_t version = 0;
  int priority = 50;  ///< 0 … 100; the greater one is kept when not all can be
  bool share = true;  ///< whether its modules may serve other tenants' applications as well
  Objective objective;
  Allowance allowance;
  std::vector<SourceWish> sources;
  std::vector<ModuleWish> modules;  ///< in the file's order; acyclic
};

}  // namespace vedette::plan
