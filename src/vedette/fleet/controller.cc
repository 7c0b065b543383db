#include "vedette/fleet/controller.h"

#include <fmt/format.h>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/base/nearest.h"
#include "vedette/base/thread.h"
#include "vedette/fleet/report_check.h"
#include "vedette/net/token.h"

namespace vedette::fleet {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(50);
constexpr Duration kSaveLogEvery = std::chrono::seconds(2);
constexpr Duration kSaveProfilesEvery = std::chrono::seconds(30);
constexpr size_t kLogChunks = 40;
constexpr size_t kMaxProfilesBytes = 1u << 20;

ControllerCore::Options core_options(const ControllerOptions& options, const std::string& version) {
  ControllerCore::Options core;
  core.lease = from_seconds(options.lease_seconds);
  core.supervisor.patience = from_seconds(options.patience_seconds);
  core.version = version;
  core.read = [](const std::string& yaml) { return read_definition(yaml, "stored").wish; };
  return core;
}

}  // namespace

void ControllerOptions::fields(Fields& f) {
  f.text("name", name, "of this controller, among those that stand by");
  f.text("url", url, "of its API, for those who ask one that stands by; default: what it listens on");
  store.fields(f);
  f.number("lease_seconds", lease_seconds, "a node that was not heard of for so long is lost", {0.2, 600});
  f.number("patience_seconds", patience_seconds,
           "how long an objective must be missed before something is done about it", {0.1, 3600});
  f.group("otlp", otlp, "where sampled traces go");
}

Controller::Controller(const ControllerOptions& options, std::string version, const Clock& clock)
    : Controller(options, std::move(version), open_store(options.store, options.name, options.url), clock) {}

Controller::Controller(ControllerOptions options, std::string version, std::unique_ptr<Store> store, const Clock& clock)
    : options_(std::move(options)),
      version_(std::move(version)),
      epoch_(net::random_token_id()),
      clock_(clock),
      store_(std::move(store)) {
  if (!is_name(options_.name))
    throw Error(ErrorCode::kUsage, fmt::format("'{}' is no name for a controller", options_.name.substr(0, 64)),
                "letters, digits, '-', '_' and '.', at most 64");
  if (!options_.otlp.endpoint.empty()) otlp_ = std::make_unique<OtlpExporter>(options_.otlp, version_);
  // A store that leads at once is read here, so that what is wrong with it stops the start.
  if (const auto leader = store_->leader(); leader.self) take_over(leader);
  thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

Controller::~Controller() {
  stop();
  thread_.request_stop();
  thread_.join();
}

void Controller::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  plans_.notify_all();
  changed_.notify_all();
}

bool Controller::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

ControllerCore& Controller::core() const {
  if (core_) return *core_;
  const Store::Leader leader = store_->leader();
  if (leader.name.empty() || leader.self)
    throw Error(ErrorCode::kUnavailable,
                fmt::format("controller {} stands by, and nobody leads at the moment", options_.name),
                "try again soon");
  throw Error(ErrorCode::kUnavailable,
              fmt::format("controller {} stands by: the leader is {}{}", options_.name, leader.name,
                          leader.url.empty() ? "" : " at " + leader.url),
              "ask it");
}

Controller::Status Controller::status() const {
  Status status{.name = options_.name,
                .epoch = epoch_,
                .version = version_,
                .leader = false,
                .who = store_->leader(),
                .store = std::string(store_->kind()),
                .lease_seconds = options_.lease_seconds,
                .problem = {},
                .otlp = otlp_ ? otlp_->status() : OtlpExporter::Status{}};
  const std::lock_guard lock(mutex_);
  status.leader = core_ != nullptr;
  status.problem = problem_;
  return status;
}

Snapshot Controller::snapshot() const {
  const std::lock_guard lock(mutex_);
  return core().snapshot(Instant::now(clock_));
}

ControllerCore::Answer Controller::report(plan::NodeReport report, Duration wait) {
  const std::string node = report.node;
  const uint64_t has = report.plan_version;
  const auto until = std::chrono::steady_clock::now() + wait;
  std::unique_lock lock(mutex_);
  ControllerCore::Answer answer = core().on_report(std::move(report), Instant::now(clock_));
  ++revision_;
  take_lines();
  kick();
  while (!answer.plan && !stopping_ && std::chrono::steady_clock::now() < until) {
    plans_.wait_until(lock, until);
    answer = core().answer(node, has);
  }
  return answer;
}

uint64_t Controller::revision() const {
  const std::lock_guard lock(mutex_);
  return revision_;
}

bool Controller::changed(uint64_t seen, Duration limit) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [&] { return stopping_ || revision_ != seen; });
  return revision_ != seen;
}

void Controller::pause(Duration limit) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [&] { return stopping_; });
}

/// Wakes the planning thread; mutex_ held.
void Controller::kick() {
  work_waits_ = true;
  work_.notify_one();
}

void Controller::take_lines() {
  for (auto& [line, everybody] : core_->take_log()) {
    if (line.node.empty() || everybody || line.level == "error")
      log::info("{}{}", line.application.empty() ? "" : line.application + ": ", line.text);
    events_.add(std::move(line), everybody);
  }
  const auto spans = core_->take_spans();
  if (spans.empty()) return;
  traces_.add(spans);
  if (otlp_) otlp_->offer(spans);
}

void Controller::run(std::stop_token stop) {
  name_this_thread("controller");
  while (!stop.stop_requested()) {
    const Store::Leader leader = store_->leader();
    bool leads = false;
    {
      const std::lock_guard lock(mutex_);
      leads = core_ != nullptr;
    }
    try {
      if (leads && (!leader.self || leader.term != term_)) {
        step_down(leader.name.empty() ? "its lease at the store is over" : leader.name + " leads");
        leads = false;
      }
      if (!leads && leader.self) {
        take_over(leader);
        leads = true;
      }
      if (leads) plan_once();
    } catch (const Error& e) {
      const std::lock_guard lock(mutex_);
      if (problem_ != e.line()) log::error("{}", e.line());
      problem_ = e.line();
    }
    std::unique_lock lock(mutex_);
    changed_.notify_all();
    work_.wait_for(lock, stop, kTick, [this] { return std::exchange(work_waits_, false); });
  }
  try {
    save_log(true);
  } catch (const Error&) {  // the newest lines are lost
  }
}

void Controller::take_over(const Store::Leader& leader) {
  const auto entries = store_->read("");
  auto core = std::make_unique<ControllerCore>(core_options(options_, version_));
  core->restore(entries, Instant::now(clock_));
  log_keys_.clear();
  for (const auto& entry : entries) {
    if (!entry.key.starts_with("log/")) continue;
    events_.load(entry.value);
    log_keys_.push_back(entry.key);
  }
  events_.end_load();
  const std::lock_guard lock(mutex_);
  core_ = std::move(core);
  term_ = leader.term;
  problem_.clear();
  next_log_ = next_profiles_ = clock_.monotonic() + kSaveLogEvery;
  ++revision_;
  events_.add({to_unix(clock_.now()), "info", "", "", fmt::format("controller {} leads", options_.name)}, true);
  take_lines();
  changed_.notify_all();
}

void Controller::step_down(const std::string& why) {
  const std::lock_guard lock(mutex_);
  log::warn("controller {} does not lead any more: {}", options_.name, why);
  core_.reset();
  ++revision_;
  plans_.notify_all();
}

void Controller::plan_once() {
  std::optional<PlanRequest> request;
  {
    const std::lock_guard lock(mutex_);
    core_->tick(Instant::now(clock_));
    request = core_->begin(Instant::now(clock_));
    take_lines();
  }
  if (request) {
    // Only this thread replaces core_, and only here is its supervisor used.
    try {
      PlanOutcome outcome = make_plan(*request, core_->supervisor(), clock_.monotonic());
      const std::lock_guard lock(mutex_);
      core_->finish(*request, std::move(outcome), Instant::now(clock_));
      take_lines();
    } catch (const Error&) {
      const std::lock_guard lock(mutex_);
      core_->retry(*request);
      throw;
    }
  }
  if (!save()) return;
  save_log(false);
  const std::lock_guard lock(mutex_);
  problem_.clear();
}

bool Controller::save() {
  const std::lock_guard changes(changes_mutex_);
  ControllerCore::Unsaved unsaved;
  {
    const std::lock_guard lock(mutex_);
    unsaved = core_->take_unsaved();
  }
  try {
    if (!unsaved.writes.empty()) store_->commit(unsaved.writes);
  } catch (const Error&) {
    const std::lock_guard lock(mutex_);
    core_->give_back(unsaved);
    throw;
  }
  const std::lock_guard lock(mutex_);
  if (core_->publish()) {
    ++revision_;
    plans_.notify_all();
  }
  return true;
}

void Controller::save_log(bool now) {
  std::vector<Store::Write> writes;
  std::string profiles;
  {
    const std::lock_guard lock(mutex_);
    if (!core_) return;
    const MonotonicTime time = clock_.monotonic();
    if (now || time >= next_profiles_) {
      next_profiles_ = time + kSaveProfilesEvery;
      profiles = core_->profiles().to_json();
    }
    if (!now && time < next_log_) return;
    next_log_ = time + kSaveLogEvery;
  }
  if (std::string lines = events_.take_unsaved(); !lines.empty()) {
    log_keys_.push_back(fmt::format("log/{:020}", events_.newest()));
    writes.push_back({log_keys_.back(), std::move(lines), std::nullopt});
    while (log_keys_.size() > kLogChunks) {
      writes.push_back({log_keys_.front(), std::nullopt, std::nullopt});
      log_keys_.pop_front();
    }
  }
  if (!profiles.empty() && profiles.size() <= kMaxProfilesBytes)
    writes.push_back({"profiles", std::move(profiles), std::nullopt});
  const std::lock_guard changes(changes_mutex_);
  if (!writes.empty()) store_->commit(writes);
}

}  // namespace vedette::fleet
