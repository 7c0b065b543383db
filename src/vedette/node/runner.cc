#include "vedette/node/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/base/thread.h"

namespace vedette::node {
namespace {

constexpr std::chrono::milliseconds kLeastSpacing{
    50};  // of reports, whatever changes and however fast the answers come
constexpr Duration kLastWordLimit = std::chrono::seconds(2);

std::string_view word(log::Level level) {
  return level >= log::Level::kError ? "error" : level == log::Level::kWarn ? "warning" : "info";
}

}  // namespace

Runner::Runner(RunnerOptions options, Host& host, Reporter& reporter, Memory& memory, Machine& machine,
               const Clock& clock)
    : options_(std::move(options)),
      host_(host),
      reporter_(reporter),
      machine_(machine),
      clock_(clock),
      epoch_(TraceId::make().hex().substr(0, 16)),
      failures_(options_.failed, std::hash<std::string>{}(options_.name + epoch_)),
      refusals_(options_.refused, std::hash<std::string>{}(epoch_ + options_.name)),
      interval_(options_.interval),
      keeper_(
          options_.name, host, memory, [this] { notice_change(); },
          [this](log::Level level, const std::string& application, const std::string& text) {
            say(level, application, text);
          }) {}

Runner::~Runner() { stop(); }

void Runner::start() {
  VEDETTE_ASSERT(!thread_.joinable());
  keeper_.announce_remembered();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Runner::stop() {
  thread_.request_stop();
  reporter_.cancel();
  if (thread_.joinable()) thread_.join();
  keeper_.stop();
}

void Runner::notice_change() {
  {
    const std::lock_guard lock(mutex_);
    ++changes_;
  }
  changed_.notify_all();
}

void Runner::say(log::Level level, const std::string& application, const std::string& text) {
  if (log::enabled(level)) log::write(level, application.empty() ? text : application + ": " + text);
  outbox_.add(plan::LogLine{to_seconds(clock_.now().time_since_epoch()), std::string(word(level)), options_.name,
                            application, text});
}

void Runner::run(const std::stop_token& stop) {
  name_this_thread("reports");
  while (!stop.stop_requested()) {
    const auto began = std::chrono::steady_clock::now();
    uint64_t seen = 0;
    Duration interval{};
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      seen = changes_;
      interval = interval_;
      first = contact_ == Contact::kUnknown;
    }
    const auto report = build();
    // While a plan is being applied the end of that is news that must not wait for an answer that is held back.
    const bool hold = !first && !drained_reported_ && report.plan_state != "applying";
    const bool reached = send(report, hold ? interval : Duration{0});
    if (stop.stop_requested()) return;
    if (!reached) interval = pause_after_failure();

    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, stop, began + kLeastSpacing, [] { return false; });
    changed_.wait_until(lock, stop, (reached ? began : std::chrono::steady_clock::now()) + interval,
                        [&] { return reached && changes_ != seen; });
  }
}

plan::NodeReport Runner::build() {
  const MonotonicTime now = clock_.monotonic();
  plan::NodeReport report;
  report.node = options_.name;
  report.epoch = epoch_;
  report.version = options_.version;
  report.labels = options_.labels;
  report.link_addresses = host_.link_addresses();
  report.console = console_;
  report.cores = options_.cores > 0 ? options_.cores : machine_.cores();
  report.memory_bytes = machine_.memory_bytes();
  report.speed = options_.speed;
  const auto load = machine_.load(now);
  report.cpu = load.cpu;
  report.machine_cpu = load.machine_cpu;
  report.memory_used_bytes = load.memory_used_bytes;

  const auto state = keeper_.state();
  report.plan_version = state.version;
  report.plan_state = state.phase;
  report.plan_error = state.error;
  report.plan_failed = state.failed;
  {
    const std::lock_guard lock(mutex_);
    report.draining = draining_;
    drained_reported_ = drained_;
    report.ready = unready_reasons_locked(state).empty();
  }
  window_.fill(report, host_.status(), *state.running, now);
  for (auto& line : chronicle_.look(report, *state.running, now, clock_.now())) outbox_.add(std::move(line));
  for (const auto& step : host_.spans()) outbox_.add(to_span(step, options_.name));
  {
    const std::lock_guard lock(mutex_);
    last_ = report;
  }
  outbox_.fill(report);
  return report;
}

bool Runner::send(const plan::NodeReport& report, Duration wait) {
  try {
    answered(report, reporter_.report(report, wait));
    return true;
  } catch (const Refused& e) {
    unanswered(Contact::kRefused, e);
  } catch (const Error& e) {
    unanswered(Contact::kUnreachable, e);
  } catch (const std::exception& e) {
    unanswered(Contact::kUnreachable, Error(ErrorCode::kInternal, e.what()));
  }
  return false;
}

void Runner::answered(const plan::NodeReport& report, Answer answer) {
  outbox_.delivered();
  failures_.connected(clock_.monotonic());
  refusals_.connected(clock_.monotonic());
  Contact before = Contact::kUnknown;
  std::string other;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(contact_, Contact::kReached);
    other = std::exchange(controller_, answer.controller);
    if (answer.lease_seconds > 0) interval_ = std::min(options_.interval, from_seconds(answer.lease_seconds / 4));
    started_ = true;
    if (report.draining) {
      if (answer.plan || !drain_known_) drain_known_ = clock_.monotonic();
      last_word_ = drained_reported_;
    }
  }
  changed_.notify_all();  // for drain()
  if (before != Contact::kReached || other != answer.controller)
    say(log::Level::kInfo, {}, fmt::format("controller {} reached", answer.controller));
  if (answer.plan) {
    keeper_.want(std::move(*answer.plan));
  } else if (before == Contact::kUnknown) {
    keeper_.resume();
  }
}

void Runner::unanswered(Contact contact, const Error& error) {
  Contact before = Contact::kUnknown;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(contact_, contact);
    started_ = true;
    drain_known_.reset();
  }
  changed_.notify_all();
  if (before == Contact::kUnknown) keeper_.resume();
  if (before == contact) return;
  const auto state = keeper_.state();
  const std::string goes_on = state.running->version > 0 ? fmt::format("plan {} goes on", state.running->version)
                              : state.version > 0        ? fmt::format("plan {}, from memory, is used", state.version)
                                                         : "nothing runs here";
  if (contact == Contact::kRefused) {
    say(log::Level::kError, {}, fmt::format("the controller refuses this node: {}; {}", error.line(), goes_on));
  } else {
    say(log::Level::kWarn, {}, fmt::format("no controller answers: {}; {}", error.line(), goes_on));
  }
}

Duration Runner::pause_after_failure() {
  const MonotonicTime now = clock_.monotonic();
  const std::lock_guard lock(mutex_);
  return contact_ == Contact::kRefused ? refusals_.failed(now) : failures_.failed(now);
}

void Runner::drain(const std::stop_token& at_once) {
  {
    const std::lock_guard lock(mutex_);
    if (draining_) return;
    draining_ = true;
    ++changes_;
  }
  changed_.notify_all();
  say(log::Level::kInfo, {}, "draining");
  const auto moved = [&] {
    const auto state = keeper_.state();
    if (state.phase != "applying" && idle(*state.running)) return true;
    if (contact_ != Contact::kReached) return started_;  // nobody is there who could move anything
    return drain_known_ && state.phase != "applying" && clock_.monotonic() - *drain_known_ >= options_.no_move;
  };
  {
    const auto limit = std::chrono::steady_clock::now() + options_.move_limit;
    std::unique_lock lock(mutex_);
    // Each answer to a report, and so at least every interval, has it look again.
    if (thread_.joinable()) changed_.wait_until(lock, at_once, limit, moved);
  }
  keeper_.stop();
  host_.drain(at_once.stop_requested() ? Duration{0} : options_.drain_limit);
  std::unique_lock lock(mutex_);
  drained_ = true;
  ++changes_;
  changed_.notify_all();
  if (thread_.joinable() && contact_ == Contact::kReached)
    changed_.wait_until(lock, at_once, std::chrono::steady_clock::now() + kLastWordLimit,
                        [&] { return last_word_ || contact_ != Contact::kReached; });
}

std::vector<std::string> Runner::unready_reasons_locked(const PlanKeeper::State& state) const {
  std::vector<std::string> reasons;
  if (!started_) reasons.emplace_back("starting");
  if (draining_) reasons.emplace_back("draining");
  if (state.running->version == 0) {
    if (state.phase == "applying") reasons.push_back(fmt::format("plan {} is being applied", state.version));
    if (state.phase == "failed") reasons.push_back(fmt::format("plan {} failed: {}", state.version, state.error));
  }
  return reasons;
}

std::vector<std::string> Runner::unready_reasons() const {
  const auto state = keeper_.state();
  const std::lock_guard lock(mutex_);
  return unready_reasons_locked(state);
}

plan::NodeReport Runner::last_report() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

bool Runner::connected() const {
  const std::lock_guard lock(mutex_);
  return contact_ == Contact::kReached;
}

}  // namespace vedette::node
