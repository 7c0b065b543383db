#include "vedette/link/clock_offset.h"

#include <algorithm>

namespace vedette::link {

void ClockOffset::add(MonotonicTime t1, MonotonicTime t2, MonotonicTime t3, MonotonicTime t4) {
  // Differences of each clock with itself only: the clocks may be centuries apart, and a hostile peer may say anything.
  const auto ns = [](MonotonicTime t) { return static_cast<double>(t.time_since_epoch().count()); };
  const double trip = (ns(t4) - ns(t1)) - (ns(t3) - ns(t2));
  const double apart = ((ns(t2) - ns(t1)) + (ns(t3) - ns(t4))) / 2;
  constexpr double kMost = 4e18;
  if (!(trip >= 0 && trip < 60e9) || !(apart > -kMost && apart < kMost)) return;
  samples_.push_back({Duration((t2 - t1) / 2 + (t3 - t4) / 2), Duration(static_cast<int64_t>(trip)), t4});
  if (samples_.size() > kWindow) samples_.pop_front();
  const auto worth = [&](const Sample& s) { return s.rtt + (t4 - s.at) * kDriftPerMillion / 1'000'000; };
  best_ = *std::min_element(samples_.begin(), samples_.end(),
                            [&](const Sample& a, const Sample& b) { return worth(a) < worth(b); });
}

}  // namespace vedette::link
