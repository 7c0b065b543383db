#pragma once

#include <algorithm>
#include <cstdint>

#include "vedette/base/time.h"

namespace vedette::broker {

// Who cannot keep up gets no more frames by letting them wait, only older ones. Both of these let fewer wait then, and
// as many as before when it keeps up again. Pure.

/// A frame that waited longer than this was let wait in vain.
constexpr Duration kLongWait = std::chrono::milliseconds(20);

/// How many frames a live subscriber may lag at the broker before it is given the newest.
class AllowedLag {
 public:
  /// It had the newest frame so often in a row: it keeps up.
  static constexpr int kCalmFrames = 32;

  explicit AllowedLag(uint32_t most) : most_(std::max<uint64_t>(most, 1)), allowed_(most_) {}

  /// It takes a frame that has waited so long, with so many newer ones there already: whether it is to have the newest
  /// instead.
  bool is_exceeded(uint64_t behind, Duration waited) {
    calm_ = behind == 0 ? calm_ + 1 : 0;
    if (behind > allowed_) {
      if (waited > kLongWait) allowed_ = std::max<uint64_t>(allowed_ / 2, 1);
      return true;
    }
    if (calm_ >= kCalmFrames) {
      allowed_ = std::min(allowed_ * 2, most_);
      calm_ = 0;
    }
    return false;
  }
  uint64_t allowed() const { return allowed_; }

 private:
  const uint64_t most_;
  uint64_t allowed_;
  int calm_ = 0;
};

/// How many frames a subscriber lets the broker send ahead of the one that it takes: with one it never waits for a
/// frame that is there, and none waits for it longer than it takes for one.
class CreditWindow {
 public:
  /// Of a subscriber that is quick; also what the broker sends before it is told anything (kFirstCredit).
  static constexpr uint64_t kMost = 8;
  /// The subscriber took a frame that had waited so long. Gives back what to tell the broker: the number of frames that
  /// it may have sent in all; 0: nothing.
  uint64_t taken(Duration waited) {
    ++taken_;
    window_ = waited > kLongWait ? 1 : std::min(window_ * 2, kMost);
    const uint64_t credit = taken_ + window_;
    if (credit < told_ + std::max<uint64_t>(window_ / 2, 1)) return 0;
    return told_ = credit;
  }

 private:
  uint64_t taken_ = 0, told_ = kMost, window_ = kMost;
};

}  // namespace vedette::broker
