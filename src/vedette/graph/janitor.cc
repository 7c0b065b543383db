#include "vedette/graph/janitor.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "vedette/base/log.h"
#include "vedette/base/thread.h"

namespace vedette::graph {
namespace {

/// How long the janitor itself waits for a running call before it sees to the others.
constexpr Duration kAttempt = std::chrono::milliseconds(100);
/// How often it looks again at what did not say that it has ended.
constexpr Duration kLook = std::chrono::milliseconds(100);
/// What those who wait for the janitor add to its limits: it may be at another's attempt.
constexpr Duration kSlack = std::chrono::seconds(1);

MonotonicTime now() { return Clock::system().monotonic(); }

}  // namespace

Janitor::Janitor(Limits limits, std::function<void()> on_gone)
    : limits_(limits), on_gone_(std::move(on_gone)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

Janitor::~Janitor() {
  thread_.request_stop();
  thread_.join();
}

void Janitor::add(Leaving leaving, Duration patience) {
  leaving.deadline = now() + patience;
  leaving.cut_short = patience == Duration{0};
  const std::lock_guard lock(mutex_);
  leaving_.push_back(std::move(leaving));
  ++looks_;
  changed_.notify_all();
}

void Janitor::add(Departure departure, Duration patience) {
  Leaving leaving;
  leaving.key = std::move(departure.key);
  leaving.name = departure.stage->options().name;
  leaving.stage = std::move(departure.stage);
  leaving.lanes = std::move(departure.lanes);
  leaving.whole = departure.whole;
  add(std::move(leaving), patience);
}

void Janitor::take(std::shared_ptr<SourceFeed> feed) {
  Leaving leaving;
  leaving.name = "source '" + feed->name() + "'";
  leaving.feed = std::move(feed);
  add(std::move(leaving), limits_.drain);
}

void Janitor::take(std::shared_ptr<Import> import, const std::string& name) {
  if (import->ended()) return;
  Leaving leaving;
  leaving.name = "link of " + name;
  leaving.import = std::move(import);
  add(std::move(leaving), limits_.drain);
}

void Janitor::hurry() {
  const std::lock_guard lock(mutex_);
  for (auto& leaving : leaving_) leaving.deadline = std::min(leaving.deadline, now());
  ++looks_;
  changed_.notify_all();
}

void Janitor::look() {
  const std::lock_guard lock(mutex_);
  ++looks_;
  changed_.notify_all();
}

bool Janitor::busy() const {
  return std::any_of(leaving_.begin(), leaving_.end(), [](const auto& l) { return !l.left_behind; });
}

bool Janitor::rests() const {
  const std::lock_guard lock(mutex_);
  return !busy();
}

std::vector<std::string> Janitor::remaining() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& leaving : leaving_) names.push_back(leaving.name);
  return names;
}

bool Janitor::wait_gone(const std::string& key) {
  std::unique_lock lock(mutex_);
  const auto leaving = [&](bool also_left_behind) {
    return std::any_of(leaving_.begin(), leaving_.end(),
                       [&](const auto& l) { return l.stage && l.key == key && (also_left_behind || !l.left_behind); });
  };
  changed_.wait_for(lock, limits_.drain + limits_.call + kSlack, [&] { return !leaving(false); });
  return !leaving(true);
}

void Janitor::wait_rest() {
  std::unique_lock lock(mutex_);
  if (changed_.wait_for(lock, limits_.drain + limits_.call + kSlack, [&] { return !busy(); })) return;
  std::vector<std::string> names;
  for (const auto& leaving : leaving_)
    if (!leaving.left_behind) names.push_back(leaving.name);
  log::warn("{}: not stopped within {:.1f} s, and nobody waits any longer", fmt::join(names, ", "),
            to_seconds(limits_.drain + limits_.call + kSlack));
}

/// True when it has gone. Without the lock: it calls modules.
bool Janitor::see_off(Leaving& leaving, MonotonicTime deadline) {
  if (leaving.import) {
    if (leaving.import->ended()) return true;
    if (now() < deadline) return false;
    if (!std::exchange(leaving.cut_short, true))
      log::warn("{}: not everything came out within {:.1f} s; the rest is dropped", leaving.name,
                to_seconds(limits_.drain));
    leaving.import->cut_off();
    return leaving.import->ended();
  }
  if (leaving.feed) {
    if (!leaving.feed->ended()) return false;
    leaving.feed->join();
    return true;
  }
  const bool out =
      std::all_of(leaving.lanes.begin(), leaving.lanes.end(), [](const auto& lane) { return lane->ended(); });
  if (!out && now() < deadline) return false;
  if (!out && !std::exchange(leaving.cut_short, true))
    log::warn("{}: not everything came out within {:.1f} s; the rest is dropped", leaving.name,
              to_seconds(limits_.drain));
  const Duration attempt = leaving.left_behind ? Duration{0} : kAttempt;
  std::erase_if(leaving.lanes, [&](const auto& lane) { return leaving.stage->remove_stream(*lane, attempt); });
  return leaving.lanes.empty() && (!leaving.whole || leaving.stage->stop(attempt));
}

/// Whether anything has gone or was left behind. The lock is released meanwhile.
bool Janitor::see_off_all(std::unique_lock<std::mutex>& lock) {
  bool any = false;
  for (auto it = leaving_.begin(); it != leaving_.end();) {
    if (it->import && it->deadline > now()) {  // hurry() has not come
      const auto last = it->import->last_sequence();
      if (std::exchange(it->last_sequence, last) != last) it->deadline = now() + limits_.drain;
    }
    const MonotonicTime deadline = it->deadline;
    lock.unlock();
    const bool gone = see_off(*it, deadline);
    std::list<Leaving> let_go;  // destroyed without the lock: it may be the last to know the stage
    lock.lock();
    if (gone) {
      let_go.splice(let_go.begin(), leaving_, it++);
      lock.unlock();
      let_go.clear();
      lock.lock();
      any = true;
      continue;
    }
    if (!it->left_behind && now() >= it->deadline + limits_.call) {
      it->left_behind = any = true;
      log::warn("{}: a call has not returned {:.1f} s after it had to; it is left behind, with its thread", it->name,
                to_seconds(limits_.call));
    }
    ++it;
  }
  return any;
}

void Janitor::run(const std::stop_token& stop) {
  name_this_thread("janitor");
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const uint64_t seen = looks_;
    if (see_off_all(lock)) {
      changed_.notify_all();
      lock.unlock();
      on_gone_();
      lock.lock();
    }
    const auto looked = [&] { return looks_ != seen; };
    if (leaving_.empty()) {
      changed_.wait(lock, stop, looked);
    } else {
      changed_.wait_for(lock, stop, kLook, looked);
    }
  }
}

}  // namespace vedette::graph
