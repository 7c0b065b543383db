#include "vedette/broker/given_limits.h"

#include <cmath>

namespace vedette::broker {

void GivenLimits::give(const std::string& by, double bytes, MonotonicTime now) {
  if (!std::isfinite(bytes) || bytes < 0) return;
  if (bytes == 0) {
    limits_.erase(by);
  } else if (limits_.size() < kMost || limits_.contains(by)) {
    limits_[by] = {bytes, now + kLives};
  }
}

double GivenLimits::least(MonotonicTime now) {
  std::erase_if(limits_, [now](const auto& entry) { return entry.second.until <= now; });
  double least = 0;
  for (const auto& [by, limit] : limits_)
    if (least == 0 || limit.bytes < least) least = limit.bytes;
  return least;
}

}  // namespace vedette::broker
