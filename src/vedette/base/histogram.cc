#include "vedette/base/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace vedette {

double HistogramSnapshot::upper_bound(size_t i) {
  return i + 1 < kBuckets ? std::ldexp(1e-6, static_cast<int>(i)) : std::numeric_limits<double>::infinity();
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
  const uint64_t us = (ns + 999) / 1000;
  const size_t bucket = us <= 1 ? 0 : std::min<size_t>(std::bit_width(us - 1), HistogramSnapshot::kBuckets - 1);
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
