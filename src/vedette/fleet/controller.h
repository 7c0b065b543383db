#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "vedette/base/settings.h"
#include "vedette/fleet/controller_core.h"
#include "vedette/fleet/diff.h"
#include "vedette/fleet/event_log.h"
#include "vedette/fleet/otlp.h"
#include "vedette/fleet/store.h"
#include "vedette/fleet/trace_store.h"

namespace vedette::fleet {

struct ControllerOptions {
  std::string name = "controller";  ///< among those that stand by
  std::string url;                  ///< of its API, told to others by those who stand by
  StoreOptions store;
  double lease_seconds = 2;         ///< a node that was not heard of for so long is lost
  double patience_seconds = 3;      ///< how long an objective must be missed before something is done about it
  OtlpOptions otlp;

  void fields(Fields& f);
};

/// The controller: holds the wanted state, plans, answers nodes and people. A mutex, one thread that plans and stores,
/// and ControllerCore. Thread-safe.
///
/// When it does not lead (Store::Leader), everything but status() and changed() throws Error(kUnavailable) that names
/// the leader.
class Controller {
 public:
  /// Opens the store and starts. Throws Error for a store that does not open.
  Controller(const ControllerOptions& options, std::string version, const Clock& clock = Clock::system());
  Controller(ControllerOptions options, std::string version, std::unique_ptr<Store> store,
             const Clock& clock = Clock::system());
  /// Ends waiting calls, and joins. Leadership goes to another at once.
  ~Controller();
  /// Ends waiting calls (long polls, streams) before the server is stopped.
  void stop();
  bool stopping() const;

  struct Status {
    std::string name;
    std::string epoch;
    std::string version;
    bool leader = false;
    Store::Leader who;
    std::string store;
    double lease_seconds = 0;
    std::string problem;  ///< why nothing can be stored now; empty: all is well
    OtlpExporter::Status otlp;
  };
  Status status() const;
  Snapshot snapshot() const;

  /// A node's report; held back up to `wait` until there is another plan for it than it has. Throws as
  /// ControllerCore::on_report.
  ControllerCore::Answer report(plan::NodeReport report, Duration wait);

  /// Who asks, and what of.
  struct Caller {
    std::string name;
    std::string tenant;  ///< empty: of all
  };
  struct Refusal {
    std::string message;
    plan::Prediction best;
  };
  struct ApplyOptions {
    std::string origin;  ///< file name for messages; empty: the application's name
    bool dry_run = false;
    bool force = false;  ///< an objective that cannot be kept is no reason to refuse
  };
  struct Applied {
    std::string application;
    uint64_t version = 0;
    std::vector<Change> changes;
    std::vector<std::string> effect;
    std::optional<plan::Prediction> prediction;
    std::optional<Refusal> refused;
    bool dry_run = false;
  };
  /// Creates or changes an application. Throws Error(kInvalidConfig) with every fault; net::HttpError(409) for an
  /// objective that no placement keeps, with the best that is possible, and for a name that another tenant has.
  Applied apply(const Caller& caller, const std::string& name, const std::string& yaml, const ApplyOptions& options);
  /// Changes settings of a module: JSON map, null takes one away.
  Applied update(const Caller& caller, const std::string& name, const std::string& module, const std::string& settings,
                 const ApplyOptions& options);
  // These throw Error(kNotFound) with the nearest name; for a tenant, what is another's does not exist.
  void remove(const Caller& caller, const std::string& application);
  void set_running(const Caller& caller, const std::string& application, bool running);
  void drain(const Caller& caller, const std::string& node, bool drained);
  void set_labels(const Caller& caller, const std::string& node, std::map<std::string, std::string> labels);
  /// Throws Error(kUsage) for a node that is alive.
  void forget(const Caller& caller, const std::string& node);

  const EventLog& log() const { return events_; }
  const TraceStore& traces() const { return traces_; }
  /// A number that grows with everything that snapshot() or log() would show.
  uint64_t revision() const;
  /// Waits until revision() is not `seen`, at most `limit`. False when nothing changed.
  bool changed(uint64_t seen, Duration limit) const;
  /// Waits for `limit`, or until stop().
  void pause(Duration limit) const;

 private:
  struct Basis;  // what an apply is judged by
  void run(std::stop_token stop);
  void take_over(const Store::Leader& leader);
  void step_down(const std::string& why);
  void plan_once();
  bool save();
  void save_log(bool now);
  void take_lines();  // mutex_ held
  ControllerCore& core() const;  // mutex_ held; throws when this one does not lead
  std::shared_ptr<const Application> find(const Caller& caller, const std::string& application) const;
  std::shared_ptr<const NodeState> find_node(const std::string& node) const;
  void commit(const std::vector<Store::Write>& writes);
  void say(const Caller& caller, const std::string& node, const std::string& application, const std::string& text);
  Basis basis() const;
  void judge(const Caller& caller, const Definition& definition, const Basis& basis, Applied& applied) const;
  void kick();

  const ControllerOptions options_;
  const std::string version_;
  const std::string epoch_;
  const Clock& clock_;
  const std::unique_ptr<Store> store_;
  EventLog events_;
  TraceStore traces_;
  std::unique_ptr<OtlpExporter> otlp_;

  std::mutex changes_mutex_;  ///< one change of the store at a time; taken before mutex_
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;   ///< revision; told every tick at most
  std::condition_variable plans_;             ///< what report() waits for
  std::condition_variable_any work_;          ///< for the planning thread
  std::unique_ptr<ControllerCore> core_;      ///< null: stands by
  uint64_t term_ = 0;
  uint64_t revision_ = 1;
  std::string problem_;
  bool stopping_ = false;
  bool work_waits_ = false;
  std::deque<std::string> log_keys_;          // the planning thread's own
  MonotonicTime next_log_{}, next_profiles_{};
  std::jthread thread_;
};

}  // namespace vedette::fleet
