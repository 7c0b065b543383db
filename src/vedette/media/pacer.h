#pragma once

#include "vedette/base/time.h"

namespace vedette::media {

/// Plays media time against the monotonic clock without drift: each frame is due at its own distance from the first.
/// When the consumer has fallen more than a second behind, or media time jumps, the clock starts anew there rather than
/// rushing. Pure.
class Pacer {
 public:
  static constexpr Duration kMostLate = std::chrono::seconds(1);
  static constexpr Duration kLargestStep = std::chrono::seconds(10);

  /// When the frame at `position` is to be shown; never before `now`.
  MonotonicTime due(Duration position, MonotonicTime now) {
    const MonotonicTime at = anchor_ + (position - first_);
    const bool jumped = position < last_ || position - last_ > kLargestStep;
    last_ = position;
    if (!started_ || jumped || now - at > kMostLate) {
      started_ = true;
      anchor_ = now;
      first_ = position;
      return now;
    }
    return std::max(at, now);
  }

 private:
  bool started_ = false;
  MonotonicTime anchor_{};
  Duration first_{0};
  Duration last_{0};
};

}  // namespace vedette::media
