#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include "vedette/base/histogram.h"
#include "vedette/graph/application.h"
#include "vedette/graph/source_feed.h"
#include "vedette/graph/stage.h"

namespace vedette::graph {

/// One application at work: its stages, wired as its file says, and its sources' threads. Belongs to an Executor, whose
/// comment has the states.
class RunningApplication {
 public:
  enum class State { kRunning, kDraining, kStopping, kFinished, kStopped };

  /// Builds and starts everything. Throws what a module's start() throws, with nothing left running.
  RunningApplication(const Application& application, WorkerPool& pool, std::shared_ptr<BufferPool> buffers,
                     const ModuleContext::Services* services);
  ~RunningApplication();

  const std::string& name() const { return spec_.name; }
  ApplicationStatus status() const;
  void drain(Duration limit);
  void stop();
  /// Whether it has finished or was stopped, and nothing of it runs any more.
  bool ended() const;
  /// Waits for every stream's end to have passed through every module, or for the stop request. True when it has.
  bool wait_finished(const std::stop_token& stop);

 private:
  void build_stages(WorkerPool& pool, const ModuleContext::Services* services);
  void add_sources();
  void start_modules();
  void delivered(const Observation& observation);
  void stream_done();
  void close(State end);

  const Application spec_;
  const std::shared_ptr<BufferPool> buffers_;
  Histogram latency_;
  std::vector<std::unique_ptr<Stage>> stages_;      // in the file's order
  std::vector<std::unique_ptr<SourceFeed>> feeds_;  // one a stream
  std::mutex closing_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  State state_ = State::kRunning;
  size_t ends_missing_ = 0;  // stream ends that have not passed through every stage
};

}  // namespace vedette::graph
