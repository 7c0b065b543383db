#pragma once

#include <cstdint>

#include "vedette/base/settings.h"
#include "vedette/base/time.h"

namespace vedette::media {

struct BackoffOptions {
  double initial_seconds = 0.5;  ///< before the first retry
  double max_seconds = 30;       ///< the wait doubles up to this
  double jitter = 0.5;           ///< 0 … 1: each wait is shortened by a random share of up to this much
  double healthy_seconds = 10;   ///< a connection that lasted so long starts the waits from `initial_seconds` again

  void fields(Fields& f);
};

/// When to try a lost connection again: exponential back-off with jitter, so that fifty cameras behind one switch do
/// not all knock at the same moment when it comes back. Pure: told what happened and when, it answers how long to wait.
/// The jitter is a function of `seed` alone.
class Backoff {
 public:
  Backoff(BackoffOptions options, uint64_t seed);

  /// The connection stood (a first frame came).
  void connected(MonotonicTime now);
  /// It failed or was lost: how long to wait before the next try.
  Duration failed(MonotonicTime now);
  /// Failures since the last connection that delivered a frame.
  int failures_in_a_row() const { return failures_; }

 private:
  double next_random();

  BackoffOptions options_;
  uint64_t random_;
  int failures_ = 0;
  int step_ = 0;
  bool up_ = false;
  MonotonicTime up_since_{};
};

}  // namespace vedette::media
