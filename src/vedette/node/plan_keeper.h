#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "vedette/base/log.h"
#include "vedette/node/host.h"
#include "vedette/node/memory.h"
#include "vedette/plan/node_plan.h"

namespace vedette::node {

/// Has the host run what the controller wants, one plan after the other on a thread of its own, and remembers the last
/// one that ran.
///
///   running ──want(), resume()──▶ applying ──▶ running ◀──┐
///                                    └──▶ failed ─────────┘ (tried again): what ran before goes on
///
/// Where nothing ran before (after a start) a plan of which some applications cannot be started runs without these.
/// A plan that failed is tried again, after a pause that doubles up to kLongestRetry: a disk may have room by then, a
/// module may have come to its end, and the controller sends a plan only once.
class PlanKeeper {
 public:
  /// After so many starts in a row with the remembered plan that did not last kProbation, it is left alone: it may be
  /// what ends the process.
  static constexpr int kMostStarts = 3;
  static constexpr Duration kProbation = std::chrono::seconds(30);
  static constexpr Duration kRetry = std::chrono::seconds(5);
  static constexpr Duration kLongestRetry = std::chrono::minutes(1);

  struct State {
    uint64_t version = 0;  ///< of the newest plan taken in hand; 0: none was
    std::string phase = "running";  ///< "running", "applying", "failed"
    std::string error;
    std::vector<std::string> failed;  ///< applications whose part could not be started
    std::shared_ptr<const plan::NodePlan> running;  ///< never null; of version 0 while nothing runs
  };
  /// Takes the lines that belong into the event log: level, application (or empty), text.
  using Say = std::function<void(log::Level, const std::string&, const std::string&)>;

  /// `changed` is called, without locks held, after the state changed. What is passed outlives it. `retry`: the first
  /// pause before a plan that failed is tried again.
  PlanKeeper(std::string node, Host& host, Memory& memory, std::function<void()> changed, Say say,
             Duration retry = kRetry);
  ~PlanKeeper();

  /// What was remembered from before, as if it were applied at this moment: resume() or want() follows.
  void announce_remembered();
  /// Runs the remembered plan; does nothing when there is none.
  void resume();
  /// The controller wants this plan. One that is in hand already is passed over; one that waits its turn is replaced.
  void want(plan::NodePlan plan);
  /// Waits for a plan that is being applied; later ones are passed over.
  void stop();
  State state() const;

 private:
  /// A plan and why it is applied.
  struct Task {
    plan::NodePlan plan;
    bool remembered = false;
    bool again = false;  ///< it failed before, and that was said
  };
  void work(const std::stop_token& stop);
  std::optional<Task> wait_for_task(const std::stop_token& stop);
  void apply(const Task& task);
  void say_outcome(const Task& task, const State& outcome, uint64_t before) const;
  void apply_parts(plan::NodePlan plan, bool parts, State& outcome);
  void remember(const plan::NodePlan& plan);
  void settle();

  const std::string node_;
  Host& host_;
  Memory& memory_;
  const std::function<void()> changed_;
  const Say say_;
  const Duration first_retry_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<Task> next_;
  std::optional<plan::NodePlan> in_hand_;
  // The thread's own:
  std::optional<std::chrono::steady_clock::time_point> settles_;
  bool unsettled_ = false;  // begin_start() without settled()
  std::optional<std::chrono::steady_clock::time_point> retries_;
  Duration retry_{};
  State state_;
  std::jthread thread_;
};

/// Whether a plan gives its node anything to do.
bool idle(const plan::NodePlan& plan);

}  // namespace vedette::node
