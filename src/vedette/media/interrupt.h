#pragma once

#include <optional>
#include <stop_token>

#include "vedette/base/time.h"

namespace vedette::media {

/// What FFmpeg asks, every 100 ms or oftener, while it blocks on a socket: whether to give up.
class Interrupt {
 public:
  explicit Interrupt(const Clock& clock) : clock_(clock) {}

  /// The next blocking calls may last until `deadline` or a stop.
  void arm(MonotonicTime deadline, std::stop_token stop) {
    deadline_ = deadline;
    stop_ = std::move(stop);
  }
  bool timed_out() const { return deadline_ && clock_.monotonic() >= *deadline_; }
  bool stopped() const { return stop_.stop_requested(); }

  /// For AVIOInterruptCB; `self` is an Interrupt.
  static int callback(void* self) {
    const auto& interrupt = *static_cast<const Interrupt*>(self);
    return interrupt.stopped() || interrupt.timed_out();
  }

 private:
  const Clock& clock_;
  std::optional<MonotonicTime> deadline_;
  std::stop_token stop_;
};

}  // namespace vedette::media
