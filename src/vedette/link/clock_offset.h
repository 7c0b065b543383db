#pragma once

#include <cstddef>
#include <deque>

#include "vedette/base/time.h"

namespace vedette::link {

/// What the peer's monotonic clock shows more than ours, after NTP (RFC 5905 §8): from four times of an exchange, the
/// one with the least round trip of the last few counts, since queues only ever add to a trip. A sample loses worth
/// with age, at the pace that two crystals may drift apart. Pure. The error is at most half of rtt().
class ClockOffset {
 public:
  /// We sent at `t1` and had the answer at `t4`, in our clock; the peer received at `t2` and answered at `t3`, in its
  /// own. An exchange that cannot be (a negative trip) is left out.
  void add(MonotonicTime t1, MonotonicTime t2, MonotonicTime t3, MonotonicTime t4);

  bool known() const { return !samples_.empty(); }
  Duration offset() const { return best_.offset; }
  Duration rtt() const { return best_.rtt; }  ///< smallest of late
  MonotonicTime to_mine(MonotonicTime of_peer) const { return of_peer - best_.offset; }

 private:
  struct Sample {
    Duration offset{0};
    Duration rtt{0};
    MonotonicTime at{};
  };
  static constexpr size_t kWindow = 16;
  static constexpr int64_t kDriftPerMillion = 50;

  std::deque<Sample> samples_;
  Sample best_;
};

}  // namespace vedette::link
