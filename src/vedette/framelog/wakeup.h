#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>

#include "vedette/base/time.h"

namespace vedette::framelog {

/// An event count: many sleepers, one waker that must lose no time. The waker makes one futex call that wakes one
/// thread, and none at all when nobody sleeps. Of few sleepers that one wakes the others; for many there is a helper
/// thread, of a scheduling class that does not take the processor from the waker. A sleeper does
///
///   const uint32_t seen = wakeup.epoch();
///   if (!condition()) wakeup.wait(seen, deadline);
///
/// in a loop: a notify() after epoch() is never missed.
class Wakeup {
 public:
  /// With more sleepers at once than this the helper thread is started, and stays.
  static constexpr uint32_t kFewSleepers = 2;

  Wakeup() = default;
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  uint32_t epoch() const { return epoch_.load(std::memory_order_seq_cst); }
  /// Returns after a notify() since `seen`, at the deadline, or now and then for no reason.
  void wait(uint32_t seen, MonotonicTime deadline);
  void notify();

 private:
  void help();

  // Apart from each other: the writer's own line is not the one that sleepers change.
  alignas(64) std::atomic<uint32_t> epoch_{0};
  std::atomic<uint32_t> passed_on_{0};  // the epoch of which a sleeper woke the others
  alignas(64) std::atomic<uint32_t> sleepers_{0};
  alignas(64) std::atomic<uint32_t> calls_{0};  // for the helper
  std::atomic<bool> helper_sleeps_{false};
  std::atomic<bool> helped_{false};
  std::atomic<bool> stopping_{false};
  std::once_flag once_;
  std::jthread helper_;
};

}  // namespace vedette::framelog
