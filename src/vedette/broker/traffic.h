#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "vedette/base/histogram.h"

namespace vedette::broker {

/// Why frames will not come; numbers as Gap::Reason.
enum class GapReason { kUnknown = 0, kBehind = 1, kOverwritten = 2, kSkipped = 3, kLost = 4 };

/// What went through this broker of one camera since it is known, whatever the quality. Thread-safe.
struct Traffic {
  struct Count {
    std::atomic<uint64_t> frames{0}, bytes{0};
    void add(size_t size) {
      frames.fetch_add(1, std::memory_order_relaxed);
      bytes.fetch_add(size, std::memory_order_relaxed);
    }
  };
  Count published;                   ///< by who publishes it here
  Count sent;                        ///< to subscribers, each by itself
  std::atomic<uint64_t> direct{0};   ///< frames that subscribers took by a lane
  std::array<std::atomic<uint64_t>, 5> missed{};  ///< frames that subscribers were told will not come, by GapReason
  Histogram wait;  ///< from a frame's arrival here to when it was handed to a subscriber's connection
};

}  // namespace vedette::broker
