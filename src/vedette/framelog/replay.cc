#include "vedette/framelog/replay.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace vedette::framelog {

MonotonicTime ReplaySchedule::due(int64_t time_us, MonotonicTime now) {
  if (speed_ <= 0) return now;
  if (!started_) {
    started_ = true;
    first_us_ = time_us;
    start_ = now;
  }
  return start_ + from_seconds(static_cast<double>(time_us - first_us_) * 1e-6 / speed_);
}

ReplayResult replay(Cursor& frames, const ReplayOptions& options,
                    const std::function<void(const FrameRef&)>& consumer) {
  std::mutex mutex;
  std::condition_variable_any woken;
  const auto wait = [&](MonotonicTime until) {
    if (options.wait) return options.wait(until);
    std::unique_lock lock(mutex);
    woken.wait_until(lock, options.stop, until, [] { return false; });
    return !options.stop.stop_requested();
  };
  ReplaySchedule schedule(options.speed);
  ReplayResult result;
  const uint64_t missed_before = frames.missed();
  while (const auto frame = frames.next()) {
    const MonotonicTime now = Clock::system().monotonic();
    const MonotonicTime due = schedule.due(frame->time_us(), now);
    result.stopped = due > now ? !wait(due) : options.stop.stop_requested();
    if (result.stopped) break;
    consumer(*frame);
    ++result.frames;
  }
  result.missed = frames.missed() - missed_before;
  return result;
}

}  // namespace vedette::framelog
