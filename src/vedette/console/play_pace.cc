#include "vedette/console/play_pace.h"

#include <algorithm>

namespace vedette::console {

MonotonicTime PlayPace::at(Timestamp time) const {
  return anchor_->at + from_seconds(to_seconds(time - anchor_->time) / speed_);
}

MonotonicTime PlayPace::due(Timestamp time, MonotonicTime now) {
  hole_ = last_ && time - *last_ > kLeastHole ? time - *last_ : Duration{0};
  if (!anchor_) {
    anchor_ = {time, now};
  } else if (hole_ > Duration{0}) {
    anchor_ = {time, std::max(now, at(*last_)) + kHolePause};
  }
  last_ = time;
  return at(time);
}

}  // namespace vedette::console
