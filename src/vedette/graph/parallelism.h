#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "vedette/base/time.h"

namespace vedette::graph {

/// How many calls of a stateless module may run at the same time.
struct Parallel {
  size_t calls = 0;        ///< 0: one a worker
  bool automatic = false;  ///< as many as the frames that come need: more than one only when a call takes longer than
                           ///< the frame interval (paper 001 §3.1.2)
};

/// Measures how busy a module is and says how many calls at once that takes. Pure; the owner guards it.
///
/// The functions inside a module (resize, infer, decode the output) are run one after the other for one frame; when
/// their sum exceeds the interval in which frames come, the next frame's begin before the last one's are through. By
/// Little's law, `rate × seconds` calls are then under way on average; a quarter more takes up the unevenness.
class ParallelismMeter {
 public:
  void record(size_t observations, Duration execution) {
    observations_ += observations;
    busy_ += execution;
  }

  /// The number of calls to allow, `most` at most. Looks at spans of half a second.
  size_t advise(MonotonicTime now, size_t current, size_t most) {
    if (began_ == MonotonicTime{}) began_ = now;
    const Duration span = now - began_;
    if (span < std::chrono::milliseconds(500)) return current;
    const double under_way = observations_ == 0 ? 0 : to_seconds(busy_) / to_seconds(span);
    began_ = now;
    observations_ = 0;
    busy_ = Duration(0);
    const auto wanted = static_cast<size_t>(std::ceil(under_way * 1.25));
    return std::clamp<size_t>(wanted, 1, most);
  }

 private:
  MonotonicTime began_{};
  size_t observations_ = 0;
  Duration busy_{0};
};

}  // namespace vedette::graph
