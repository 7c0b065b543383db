#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <typeindex>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/base/trace.h"
#include "vedette/graph/application.h"
#include "vedette/graph/exchange.h"
#include "vedette/graph/module.h"
#include "vedette/graph/status.h"
#include "vedette/graph/worker_pool.h"
#include "vedette/plan/node_plan.h"

namespace vedette::graph {

class Network;

/// A plan that could not be started. Nothing of it runs; what ran before still does.
class PlanError : public Error {
 public:
  PlanError(const Error& cause, std::vector<std::string> applications);
  /// Those whose part could not be started.
  const std::vector<std::string>& applications() const { return applications_; }

 private:
  std::vector<std::string> applications_;
};

/// Runs modules of any number of applications on one small thread pool. What applications have in common runs once
/// (plan/sharing.h). Thread-safe; apply() and start() one at a time.
///
/// Threads: one for each source (it mostly waits for the network or paces a file, and decodes), `threads` workers for
/// all modules of all applications, one that sees off what is leaving, whatever a module starts for itself.
class Executor {
 public:
  struct Options {
    size_t threads = 0;  ///< workers; 0: as many as the process may use cores
    size_t pool_idle_bytes = 64u << 20;
    std::string node = "local";
    Duration drain_limit = std::chrono::seconds(5);  ///< how long what leaves may take to come out
    Duration call_limit = std::chrono::seconds(5);   ///< … and a call that runs after that to return, see network.h
    TraceBuffer* traces = nullptr;  ///< where the steps of sampled frames go; null: nothing is sampled
    double traces_per_second = 1;  ///< frames sampled, of each source
  };

  Executor() : Executor(Options{}) {}
  explicit Executor(Options options);
  /// Ends everything now. A module that hangs in a call takes the process with it, see network.h.
  ~Executor();

  /// Offers modules a service of type T; before anything runs. Must outlive the executor.
  template <typename T>
  void offer(T& service) {
    services_[typeid(T)] = &service;
  }
  /// The links to other nodes; before anything runs. Must outlive the executor.
  void connect(Exchange& exchange);

  /// Makes what runs here equal to `plan`. What is in both goes on untouched, and loses no frame; what is new is
  /// started before anything else is changed; what has gone drains. Throws PlanError when a module's start() throws,
  /// Error(kInvalidConfig) for a plan with a module type or settings that this program does not know.
  void apply(const plan::NodePlan& plan);
  /// Runs these applications, all on this node, in place of what runs. Throws as apply().
  void start(std::span<const Application> applications);

  /// Ends all sources and lets everything already here come out; gives up and stops after `limit`, and leaves calls
  /// behind that have not returned Options::call_limit later.
  void drain(Duration limit);
  /// Waits until every stream of every application has ended and come out, or `stop` is requested. True when all have.
  bool wait_finished(std::stop_token stop);

  std::vector<ApplicationStatus> status() const;  ///< as their owners see them: shared modules stand in each
  std::vector<StreamStatus> streams() const;  ///< whose source runs here
  std::vector<ModuleStatus> modules() const;  ///< stages that run here, each once

 private:
  ModuleContext::Services services_;
  std::unique_ptr<Network> network_;
};

/// Applications as plan/ sees them: what decides what comes out, in canonical form.
plan::ApplicationWish wish_of(const Application& application);

}  // namespace vedette::graph
