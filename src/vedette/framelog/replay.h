#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>

#include "vedette/framelog/cursor.h"

namespace vedette::framelog {

/// When the frames of the past are due now. Pure.
class ReplaySchedule {
 public:
  /// 1: as they were taken; 2: twice as fast; 0: all at once.
  explicit ReplaySchedule(double speed) : speed_(speed) {}
  /// The first frame is due at `now`; later ones as long after it as they were taken, divided by the speed.
  MonotonicTime due(int64_t time_us, MonotonicTime now);

 private:
  double speed_;
  bool started_ = false;
  int64_t first_us_ = 0;
  MonotonicTime start_{};
};

struct ReplayOptions {
  double speed = 1;       ///< 0: flat out
  std::stop_token stop{};
  /// Waits until then; false: stop. Empty: on the machine's clock until `stop`.
  std::function<bool(MonotonicTime)> wait{};
};

struct ReplayResult {
  uint64_t frames = 0;
  uint64_t missed = 0;  ///< sequence numbers without a frame in between
  bool stopped = false;
};

/// Hands the frames of a cursor, as far as they are there, to a consumer in their own rhythm. A frame that is due while
/// the consumer still works on the one before follows at once: none is left out.
ReplayResult replay(Cursor& frames, const ReplayOptions& options, const std::function<void(const FrameRef&)>& consumer);

}  // namespace vedette::framelog
