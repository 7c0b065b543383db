#include "vedette/base/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace vedette {

double HistogramSnapshot::upper_bound(size_t i) {
  if (i + 1 >= kBuckets) return std::numeric_limits<double>::infinity();
  if (i == 0) return 1e-6;
  const double eighths = static_cast<double>(kPerOctave + 1 + (i - 1) % kPerOctave);
  return std::ldexp(1e-6 * eighths / kPerOctave, static_cast<int>((i - 1) / kPerOctave));
}

double HistogramSnapshot::quantile(double q) const {
  if (count == 0) return 0;
  const double rank = q * static_cast<double>(count);
  double below = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    const double here = static_cast<double>(counts[i]);
    if (below + here >= rank && here > 0) {
      const double low = i == 0 ? 0 : upper_bound(i - 1);
      const double high = i + 1 < kBuckets ? upper_bound(i) : 2 * low;
      return low + (high - low) * (rank - below) / here;
    }
    below += here;
  }
  return upper_bound(kBuckets - 2);
}

HistogramSnapshot HistogramSnapshot::since(const HistogramSnapshot& earlier) const {
  HistogramSnapshot difference;
  for (size_t i = 0; i < kBuckets; ++i) difference.counts[i] = counts[i] - earlier.counts[i];
  difference.count = count - earlier.count;
  difference.sum_seconds = sum_seconds - earlier.sum_seconds;
  return difference;
}

void HistogramSnapshot::add(const HistogramSnapshot& other) {
  for (size_t i = 0; i < kBuckets; ++i) counts[i] += other.counts[i];
  count += other.count;
  sum_seconds += other.sum_seconds;
}

void Histogram::record(Duration span) {
  const auto ns = static_cast<uint64_t>(std::max<int64_t>(0, span.count()));
  // The position of the highest bit and the three bits below it number the buckets: no logarithm.
  constexpr uint64_t kUnitNs = 1000 / HistogramSnapshot::kPerOctave;
  constexpr int kFractionBits = std::bit_width(HistogramSnapshot::kPerOctave) - 1;
  const uint64_t units = ns == 0 ? 0 : (ns - 1) / kUnitNs;  // a bound belongs to the bucket that it ends
  size_t bucket = 0;
  if (units >= HistogramSnapshot::kPerOctave) {
    const int octave = std::bit_width(units) - 1 - kFractionBits;
    const uint64_t fraction = (units >> octave) - HistogramSnapshot::kPerOctave;
    bucket = 1 + static_cast<size_t>(octave) * HistogramSnapshot::kPerOctave + fraction;
  }
  bucket = std::min(bucket, HistogramSnapshot::kBuckets - 1);
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_ns_.fetch_add(ns, std::memory_order_relaxed);
}

HistogramSnapshot Histogram::snapshot() const {
  HistogramSnapshot copy;
  for (size_t i = 0; i < HistogramSnapshot::kBuckets; ++i) {
    copy.counts[i] = counts_[i].load(std::memory_order_relaxed);
    copy.count += copy.counts[i];
  }
  copy.sum_seconds = static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) * 1e-9;
  return copy;
}

}  // namespace vedette
