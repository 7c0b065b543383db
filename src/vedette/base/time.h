#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace vedette {

using Duration = std::chrono::nanoseconds;

/// A point in time since the Unix epoch, UTC. Capture times and event times are of this type.
using Timestamp = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// A point on the monotonic clock, for deadlines and measured spans.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// The seam through which code learns the time, so that unit tests and the simulator never sleep.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
  virtual MonotonicTime monotonic() const = 0;

  /// The machine's own clocks.
  static const Clock& system();
};

/// A clock that moves only when told to. Not thread-safe: advance it while nothing else reads it.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start = Timestamp{}) : now_(start) {}
  Timestamp now() const override { return now_; }
  MonotonicTime monotonic() const override { return MonotonicTime{now_.time_since_epoch()}; }
  void advance(Duration by) { now_ += by; }

 private:
  Timestamp now_;
};

inline double to_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
inline double to_milliseconds(Duration d) { return std::chrono::duration<double, std::milli>(d).count(); }
inline Duration from_seconds(double s) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}
inline Duration from_milliseconds(double ms) { return from_seconds(ms / 1e3); }

/// Nanoseconds of CPU time the calling thread has used.
Duration thread_cpu_time();

/// RFC 3339 in UTC with microseconds: "2026-01-31T12:00:00.000000Z".
std::string to_rfc3339(Timestamp t);

}  // namespace vedette
