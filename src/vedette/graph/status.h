#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/base/histogram.h"

namespace vedette::graph {

/// Counters of one module of one application, over all of its instances and streams, since it started.
struct ModuleStatus {
  std::string key;                          ///< plan::Stage::key
  std::string name;
  std::string type;
  std::vector<std::string> inputs;
  uint64_t received = 0;                    ///< observations put into its queue
  uint64_t processed = 0;                   ///< calls that returned
  uint64_t emitted = 0;
  uint64_t errors = 0;                      ///< calls that threw
  std::string last_error;
  std::optional<ErrorCode> failure;         ///< code of the first error; kInternal when it was no vedette::Error
  std::map<std::string, uint64_t, std::less<>>
      dropped;  ///< by reason: "queue_full", "superseded", and what the module itself names
  size_t queue_depth = 0;                   ///< now, over all streams
  size_t queue_capacity = 0;                ///< per stream
  HistogramSnapshot wait;                   ///< time in the queue
  HistogramSnapshot execution;              ///< time in process()
  HistogramSnapshot latency;  ///< a frame's arrival to the end of process(); of modules that nothing reads
  std::vector<std::string> streams;  ///< keys, of those that pass through
  std::vector<std::string> users;  ///< applications, sorted
};

struct StreamStatus {
  std::string key;  ///< plan::Stream::key
  std::string name;
  std::string url;  ///< without credentials
  std::string state;  ///< "connecting", "streaming", "waiting", "ended", "failed"
  std::string last_error;
  std::string capture_clock;
  uint64_t frames = 0;
  uint64_t reconnects = 0;
  std::optional<ErrorCode> failure;  ///< why the state is "failed"
  std::map<std::string, uint64_t, std::less<>> dropped;  ///< frames lost before the first module, by reason
  double fps = 0;  ///< over the last seconds
  int width = 0;
  int height = 0;
};

struct ApplicationStatus {
  std::string name;
  std::string tenant;
  std::string state;  ///< "running", "draining", "finished" (every stream has ended), "stopped"
  double objective_latency_p95_ms = 0;  ///< 0: none asked for
  uint64_t gaps = 0;  ///< observations that links lost on the way here
  HistogramSnapshot latency;  ///< arrival to the end of a sink's process(), over all sinks
  std::vector<StreamStatus> streams;
  std::vector<ModuleStatus> modules;  ///< in the application file's order
};

}  // namespace vedette::graph
