#include "vedette/sim/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace vedette::sim {
namespace {

constexpr double kLeast = 1e-4;
constexpr size_t kPerOctave = 8;

double upper(size_t bucket) {
  return kLeast * std::ldexp(1 + static_cast<double>(bucket % kPerOctave + 1) / kPerOctave,
                             static_cast<int>(bucket / kPerOctave));
}
double lower(size_t bucket) { return bucket == 0 ? 0 : upper(bucket - 1); }

}  // namespace

template <typename Weight>
void BasicLatency<Weight>::record(double seconds, double weight) {
  // The exponent and the first three bits of the fraction number the buckets: no logarithm.
  const double scaled = seconds / kLeast;
  size_t bucket = 0;
  if (scaled >= 1) bucket = static_cast<size_t>((std::bit_cast<uint64_t>(scaled) >> 49) - (uint64_t{1023} << 3));
  weights_[std::min(kBuckets - 1, bucket)] += static_cast<Weight>(weight);
  count_ += weight;
  sum_ += weight * seconds;
}

template <typename Weight>
double BasicLatency<Weight>::quantile(double q) const {
  if (count_ <= 0) return 0;
  double left = q * count_;
  for (size_t i = 0; i < kBuckets; ++i) {
    const double weight = static_cast<double>(weights_[i]);
    if (left <= weight && weight > 0) return lower(i) + (upper(i) - lower(i)) * left / weight;
    left -= weight;
  }
  return upper(kBuckets - 1);
}

template <typename Weight>
plan::Quantiles BasicLatency<Weight>::quantiles() const {
  return {static_cast<uint64_t>(std::llround(count_)), quantile(0.5), quantile(0.95), quantile(0.99), mean()};
}

template class BasicLatency<double>;
template class BasicLatency<float>;

}  // namespace vedette::sim
