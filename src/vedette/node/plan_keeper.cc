#include "vedette/node/plan_keeper.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/base/thread.h"
#include "vedette/graph/executor.h"

namespace vedette::node {
namespace {

std::string count(size_t n, std::string_view thing) { return fmt::format("{} {}{}", n, thing, n == 1 ? "" : "s"); }

}  // namespace

bool idle(const plan::NodePlan& plan) { return plan.stages.empty() && plan.sources.empty(); }

PlanKeeper::PlanKeeper(std::string node, Host& host, Memory& memory, std::function<void()> changed, Say say,
                       Duration retry)
    : node_(std::move(node)),
      host_(host),
      memory_(memory),
      changed_(std::move(changed)),
      say_(std::move(say)),
      first_retry_(retry) {
  state_.running = std::make_shared<const plan::NodePlan>();
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

PlanKeeper::~PlanKeeper() { stop(); }

void PlanKeeper::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

PlanKeeper::State PlanKeeper::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void PlanKeeper::announce_remembered() {
  const auto plan = memory_.plan();
  if (!plan) return;
  const std::lock_guard lock(mutex_);
  state_.version = plan->version;
  state_.phase = "applying";
}

void PlanKeeper::resume() {
  auto plan = memory_.plan();
  if (!plan) return;
  {
    const std::lock_guard lock(mutex_);
    if (next_ || in_hand_) return;  // the controller was quicker
    state_.version = plan->version;
    state_.phase = "applying";
    in_hand_ = plan;
    next_ = Task{.plan = *std::move(plan), .remembered = true};
  }
  wake_.notify_all();
  changed_();
}

void PlanKeeper::want(plan::NodePlan plan) {
  if (plan.node != node_) {
    say_(log::Level::kError, {},
         fmt::format("plan {} is of node '{}', not of '{}': passed over", plan.version, plan.node, node_));
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (thread_.get_stop_token().stop_requested() || (in_hand_ && *in_hand_ == plan)) return;
    state_.version = plan.version;
    state_.phase = "applying";
    state_.error.clear();
    state_.failed.clear();
    in_hand_ = plan;
    next_ = Task{.plan = std::move(plan)};
  }
  wake_.notify_all();
  changed_();
}

void PlanKeeper::work(const std::stop_token& stop) {
  name_this_thread("plans");
  while (!stop.stop_requested()) {
    if (const auto task = wait_for_task(stop)) {
      apply(*task);
    } else {
      settle();
    }
  }
  settle();  // an end by request is no crash
}

/// The next thing to do; none: the probation is over, or the end has come.
std::optional<PlanKeeper::Task> PlanKeeper::wait_for_task(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto come = [&] { return next_.has_value(); };
  const auto until = settles_ && retries_ ? std::min(settles_, retries_) : settles_ ? settles_ : retries_;
  if (until) {
    wake_.wait_until(lock, stop, *until, come);
  } else {
    wake_.wait(lock, stop, come);
  }
  if (stop.stop_requested()) return std::nullopt;
  if (next_) {
    retry_ = first_retry_;
    retries_.reset();
    return std::exchange(next_, std::nullopt);
  }
  if (retries_ && retries_ == until) {
    retries_.reset();
    return Task{.plan = *in_hand_, .again = true};
  }
  return std::nullopt;
}

void PlanKeeper::apply(const Task& task) {
  const auto& [plan, remembered, again] = task;
  State outcome;
  {
    const std::lock_guard lock(mutex_);
    outcome = state_;
  }
  const uint64_t before = outcome.running->version;
  int starts = 0;
  try {
    if (remembered) {
      starts = memory_.begin_start();
      unsettled_ = true;
    }
  } catch (const Error& e) {
    say_(log::Level::kWarn, {}, "the node's memory cannot be written: " + e.line());
  }
  if (starts > kMostStarts) {
    outcome.phase = "failed";
    outcome.error =
        fmt::format("{} starts in a row with the remembered plan {} did not last {:.0f} s: it is left alone",
                    starts - 1, plan.version, to_seconds(kProbation));
  } else {
    if (remembered) settles_ = std::chrono::steady_clock::now() + kProbation;
    apply_parts(plan, before == 0, outcome);
    if (outcome.phase == "failed") {
      retries_ = std::chrono::steady_clock::now() + retry_;
      retry_ = std::min(2 * retry_, kLongestRetry);
    }
  }
  say_outcome(task, outcome, before);
  if (outcome.phase == "running") {
    remember(plan);
    if (!remembered && !again) settle();
  }
  {
    const std::lock_guard lock(mutex_);
    if (next_) {
      state_.running = outcome.running;  // the newer one is in hand
    } else {
      outcome.version = plan.version;
      state_ = std::move(outcome);
    }
  }
  changed_();
}

void PlanKeeper::say_outcome(const Task& task, const State& outcome, uint64_t before) const {
  const auto& plan = task.plan;
  if (outcome.phase == "running") {
    say_(log::Level::kInfo, {},
         fmt::format("plan {} runs{}: {}, {}, {}", plan.version,
                     task.remembered ? ", from memory"
                     : task.again    ? " after all"
                                     : "",
                     count(plan.applications.size(), "application"), count(plan.sources.size(), "source"),
                     count(plan.stages.size(), "module")));
  } else if (!task.again) {
    const auto goes_on = outcome.running->version == plan.version ? "; the rest of it runs"
                         : before > 0                             ? fmt::format("; plan {} goes on", before)
                                                                  : "; nothing runs";
    say_(log::Level::kError, {}, fmt::format("plan {} cannot be run: {}{}", plan.version, outcome.error, goes_on));
    for (const auto& application : outcome.failed)
      say_(log::Level::kError, application,
           fmt::format("its part on {} could not be started: {}", node_, outcome.error));
  }
}

/// Applies the plan, or, if `parts`, as much of it as can be started.
void PlanKeeper::apply_parts(plan::NodePlan plan, bool parts, State& outcome) {
  outcome.phase = "failed";
  outcome.error.clear();
  outcome.failed.clear();
  while (true) {
    try {
      host_.apply(plan);
      if (outcome.failed.empty()) outcome.phase = "running";
      outcome.running = std::make_shared<const plan::NodePlan>(std::move(plan));
      return;
    } catch (const graph::PlanError& e) {
      if (outcome.error.empty()) outcome.error = e.line();
      std::vector<std::string> more;
      for (const auto& name : e.applications())
        if (std::find(outcome.failed.begin(), outcome.failed.end(), name) == outcome.failed.end()) more.push_back(name);
      outcome.failed.insert(outcome.failed.end(), more.begin(), more.end());
      if (!parts || more.empty()) return;
      plan = plan::without(plan, more);
    } catch (const Error& e) {
      if (outcome.error.empty()) outcome.error = e.line();
      return;
    } catch (const std::exception& e) {
      if (outcome.error.empty()) outcome.error = e.what();
      return;
    }
  }
}

void PlanKeeper::remember(const plan::NodePlan& plan) {
  try {
    memory_.save(plan);
  } catch (const Error& e) {
    say_(log::Level::kWarn, {}, fmt::format("plan {} runs but could not be remembered: {}", plan.version, e.line()));
  }
}

void PlanKeeper::settle() {
  settles_.reset();
  if (!std::exchange(unsettled_, false)) return;
  try {
    memory_.settled();
  } catch (const Error& e) {
    say_(log::Level::kWarn, {}, "the node's memory cannot be written: " + e.line());
  }
}

}  // namespace vedette::node
