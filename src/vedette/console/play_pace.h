#pragma once

#include <optional>

#include "vedette/base/time.h"

namespace vedette::console {

/// When each frame of a recording is to be shown: as far apart as they were taken, over `speed`; holes are passed over
/// in a moment. Pure; the time comes with the calls.
class PlayPace {
 public:
  static constexpr Duration kLeastHole = std::chrono::seconds(2);
  static constexpr Duration kHolePause = std::chrono::milliseconds(300);

  explicit PlayPace(double speed) : speed_(speed) {}

  /// When a frame of this time is due: the first one, and the first one after restart(), at once. Frames come in order.
  MonotonicTime due(Timestamp time, MonotonicTime now);
  /// What comes next is shown at once, and the pace counts from there: at the live end, where frames come as they are
  /// taken.
  void restart() { anchor_.reset(); }
  /// How much time without frames lies before the frame that due() was last asked for; 0 when it is no hole.
  Duration hole() const { return hole_; }

 private:
  struct Anchor {
    Timestamp time;
    MonotonicTime at;
  };
  MonotonicTime at(Timestamp time) const;

  const double speed_;
  std::optional<Anchor> anchor_;
  std::optional<Timestamp> last_;
  Duration hole_{0};
};

}  // namespace vedette::console
