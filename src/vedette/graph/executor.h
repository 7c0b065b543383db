#pragma once

#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <typeindex>
#include <vector>

#include "vedette/graph/application.h"
#include "vedette/graph/module.h"
#include "vedette/graph/status.h"
#include "vedette/graph/worker_pool.h"

namespace vedette::graph {

class RunningApplication;

/// Runs applications on one small thread pool. Thread-safe.
///
///   application:  start() ──▶ running ──all streams ended──▶ finished
///                     │           │
///                     ▼           └──drain(), stop()──▶ draining, stopping ──▶ stopped
///                 (refused)
///
/// Threads: one for each source (it mostly waits for the network or paces a file, and decodes), `threads` workers for
/// all modules of all applications, whatever a module starts for itself.
class Executor {
 public:
  struct Options {
    size_t threads = 0;  ///< workers; 0: as many as the process may use cores
    size_t pool_idle_bytes = 64u << 20;
  };

  Executor() : Executor(Options{}) {}
  explicit Executor(Options options);
  /// Stops every application.
  ~Executor();

  /// Offers modules a service of type T; before start(). Must outlive the executor.
  template <typename T>
  void offer(T& service) {
    services_[typeid(T)] = &service;
  }

  /// Starts every module, then every source. Throws what a module's start() throws, and then nothing runs. A source
  /// that cannot be opened does not stop the others: it shows as failed. Throws Error(kInvalidConfig) when an
  /// application of that name runs.
  void start(const Application& application);
  /// Ends the sources and lets everything already in the application come out; gives up and stops after `limit`.
  /// Throws Error(kNotFound).
  void drain(const std::string& application, Duration limit);
  /// Ends the application now; what is queued is dropped and counted. Throws Error(kNotFound).
  void stop(const std::string& application);
  /// Waits until every application has finished, or `stop` is requested. True when all have finished.
  bool wait_finished(std::stop_token stop);
  std::vector<ApplicationStatus> status() const;

 private:
  std::shared_ptr<RunningApplication> find(const std::string& application) const;

  ModuleContext::Services services_;
  std::shared_ptr<BufferPool> buffers_;
  WorkerPool pool_;
  std::mutex starting_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<RunningApplication>> applications_;
};

}  // namespace vedette::graph
