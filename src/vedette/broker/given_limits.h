#pragma once

#include <map>
#include <string>

#include "vedette/base/time.h"

namespace vedette::broker {

/// The limits that servers gave the policy of one quality (FeedbackRequest.limit_bytes). Each counts until it was not
/// given again for kLives: a server that died, or feedback that gets lost, pins no camera. Of several servers' the
/// least counts, for each knows only the channel that it hears. Pure; one thread at a time.
class GivenLimits {
 public:
  static constexpr Duration kLives = std::chrono::seconds(3);
  static constexpr size_t kMost = 64;

  /// `by`: the subscription that gave it. 0 takes its limit back; what is no size is ignored.
  void give(const std::string& by, double bytes, MonotonicTime now);
  /// 0: none.
  double least(MonotonicTime now);

 private:
  struct Limit {
    double bytes = 0;
    MonotonicTime until{};
  };
  std::map<std::string, Limit> limits_;
};

}  // namespace vedette::broker
