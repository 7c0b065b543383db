#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/media/backoff.h"
#include "vedette/node/chronicle.h"
#include "vedette/node/host.h"
#include "vedette/node/machine.h"
#include "vedette/node/memory.h"
#include "vedette/node/outbox.h"
#include "vedette/node/plan_keeper.h"
#include "vedette/node/reporter.h"
#include "vedette/node/status.h"

namespace vedette::node {

struct RunnerOptions {
  std::string name;
  std::string version;  ///< of the program
  std::map<std::string, std::string> labels;
  double cores = 0;  ///< 0: as many as the machine gives
  double speed = 1;  ///< of one core
  Duration interval = std::chrono::milliseconds(500);  ///< of reports; a quarter of the lease when that is shorter
  Duration move_limit = std::chrono::seconds(5);       ///< drain(): for the controller to move things away
  Duration no_move = std::chrono::seconds(2);  ///< … which it will not, when it knew so long and sent no plan
  Duration drain_limit = std::chrono::seconds(5);  ///< drain(): for what is here to come out
  /// Between reports that nobody answers: short, for a controller that stands by takes over within two seconds.
  media::BackoffOptions failed{.initial_seconds = 0.1, .max_seconds = 1, .jitter = 0.5, .healthy_seconds = 0};
  /// Between reports that are refused. The first is soon: this process may be one that was restarted, whose
  /// predecessor's lease still runs.
  media::BackoffOptions refused{.initial_seconds = 1, .max_seconds = 30, .jitter = 0.5, .healthy_seconds = 0};
};

/// What a node does about its controller: reports, gets plans and has the host run them, and does without when nobody
/// answers. Threads: one that reports, one that applies (PlanKeeper).
///
///   starting ──first answer, or none to be had──▶ running ──drain()──▶ draining ──▶ drained
///
/// A node that starts asks first: what the controller wants by now is run rather than what is remembered. Without an
/// answer it goes on with what it remembers.
class Runner {
 public:
  /// What is passed outlives it. Nothing runs before start().
  Runner(RunnerOptions options, Host& host, Reporter& reporter, Memory& memory, Machine& machine,
         const Clock& clock = Clock::system());
  ~Runner();

  /// The URL that reports name. Before start().
  void set_console(std::string url) { console_ = std::move(url); }
  void start();
  /// Tells the controller, waits until it has moved away what runs here, lets the rest come out, and reports a last
  /// time. `at_once` cuts every wait short. start() cannot follow.
  void drain(const std::stop_token& at_once = {});
  void stop();

  /// Why this node does not do its work yet, or any more; empty: ready.
  std::vector<std::string> unready_reasons() const;
  /// The newest report that was built, without log and spans.
  plan::NodeReport last_report() const;
  /// Whether a controller answered the last report.
  bool connected() const;

 private:
  enum class Contact { kUnknown, kReached, kUnreachable, kRefused };

  void run(const std::stop_token& stop);
  plan::NodeReport build();
  bool send(const plan::NodeReport& report, Duration wait);
  void answered(const plan::NodeReport& report, Answer answer);
  void unanswered(Contact contact, const Error& error);
  Duration pause_after_failure();
  void say(log::Level level, const std::string& application, const std::string& text);
  std::vector<std::string> unready_reasons_locked(const PlanKeeper::State& state) const;
  void notice_change();

  const RunnerOptions options_;
  Host& host_;
  Reporter& reporter_;
  Machine& machine_;
  const Clock& clock_;
  const std::string epoch_;
  std::string console_;
  Outbox outbox_;
  StatusWindow window_;  // the reporting thread's own, as the next ones
  Chronicle chronicle_;
  media::Backoff failures_;
  media::Backoff refusals_;
  bool drained_reported_ = false;  // the last report said that nothing runs here any more

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  uint64_t changes_ = 0;
  Contact contact_ = Contact::kUnknown;
  std::string controller_;
  Duration interval_;
  bool started_ = false;
  bool draining_ = false;
  bool drained_ = false;
  bool last_word_ = false;  // … and the controller knows
  std::optional<MonotonicTime> drain_known_;  // since when the controller knows and has not sent another plan
  plan::NodeReport last_;

  PlanKeeper keeper_;
  std::jthread thread_;
};

}  // namespace vedette::node
