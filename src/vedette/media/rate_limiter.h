#pragma once

#include "vedette/base/time.h"

namespace vedette::media {

/// Thins a stream to at most `max_fps` by capture time. Works on an even grid, so the average rate is met also when it
/// does not divide the camera's (25 to 10), and forgives jitter of a tenth of the period. Pure.
class RateLimiter {
 public:
  /// 0 keeps every frame.
  explicit RateLimiter(double max_fps) : period_(max_fps > 0 ? from_seconds(1 / max_fps) : Duration{0}) {}

  bool keep(Timestamp capture_time) {
    if (period_ == Duration{0}) return true;
    const bool clock_stepped_back = capture_time < due_ - 2 * period_;
    if (started_ && !clock_stepped_back && capture_time < due_ - period_ / 10) return false;
    const bool behind = !started_ || clock_stepped_back || capture_time - due_ > period_;
    due_ = (behind ? capture_time : due_) + period_;
    started_ = true;
    return true;
  }

 private:
  Duration period_;
  Timestamp due_{};
  bool started_ = false;
};

}  // namespace vedette::media
