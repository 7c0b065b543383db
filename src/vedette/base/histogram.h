#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "vedette/base/time.h"

namespace vedette {

/// A point-in-time copy of a Histogram. Bucket i counts spans of at most `upper_bound(i)`; the last bucket has no
/// bound.
struct HistogramSnapshot {
  static constexpr size_t kBuckets = 28;
  std::array<uint64_t, kBuckets> counts{};
  uint64_t count = 0;
  double sum_seconds = 0;

  /// Upper bound of bucket i in seconds: 1 µs · 2^i, infinite for the last.
  static double upper_bound(size_t i);
  /// Estimate of the q-quantile (0 < q < 1) in seconds, linear within its bucket; 0 when nothing was recorded.
  double quantile(double q) const;
  /// What was recorded since `earlier`.
  HistogramSnapshot since(const HistogramSnapshot& earlier) const;
  /// Takes in what another histogram recorded.
  void add(const HistogramSnapshot& other);
};

/// Spans of time in buckets that double from 1 µs to 67 s. record() is wait-free and may be called from any thread.
class Histogram {
 public:
  void record(Duration span);
  HistogramSnapshot snapshot() const;

 private:
  std::array<std::atomic<uint64_t>, HistogramSnapshot::kBuckets> counts_{};
  std::atomic<uint64_t> sum_ns_{0};
};

}  // namespace vedette
