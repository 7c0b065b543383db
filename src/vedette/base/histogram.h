#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "vedette/base/time.h"

namespace vedette {

/// A point-in-time copy of a Histogram. Bucket i counts spans of at most `upper_bound(i)`; the last bucket has no
/// bound.
struct HistogramSnapshot {
  /// Eight buckets an octave, like HdrHistogram's: a bucket is at most 1/8 as wide as its bound.
  static constexpr size_t kPerOctave = 8;
  static constexpr size_t kOctaves = 26;
  static constexpr size_t kBuckets = 1 + kOctaves * kPerOctave + 1;
  std::array<uint64_t, kBuckets> counts{};
  uint64_t count = 0;
  double sum_seconds = 0;

  /// Upper bound of bucket i in seconds, infinite for the last: 1 µs · 2^(i / 8) where 8 divides i, linear in between.
  static double upper_bound(size_t i);
  /// Calls visit(bound_seconds, count_up_to_it) for each octave's bound and for infinity: what Prometheus is shown.
  template <typename Visit>
  void visit_octaves(Visit visit) const {
    uint64_t cumulative = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      cumulative += counts[i];
      if (i % kPerOctave == 0 || i + 1 == kBuckets) visit(upper_bound(i), cumulative);
    }
  }
  /// Estimate of the q-quantile (0 < q < 1) in seconds, linear within its bucket; 0 when nothing was recorded.
  double quantile(double q) const;
  /// What was recorded since `earlier`.
  HistogramSnapshot since(const HistogramSnapshot& earlier) const;
  /// Takes in what another histogram recorded.
  void add(const HistogramSnapshot& other);
};

/// Spans of time in buckets from 1 µs to 67 s. record() is wait-free and may be called from any thread.
class Histogram {
 public:
  void record(Duration span);
  HistogramSnapshot snapshot() const;

 private:
  std::array<std::atomic<uint64_t>, HistogramSnapshot::kBuckets> counts_{};
  std::atomic<uint64_t> sum_ns_{0};
};

}  // namespace vedette
