#pragma once

#include <array>
#include <cstdint>

#include "vedette/plan/report.h"

namespace vedette::sim {

/// Spans of time in 128 buckets, eight an octave from 0.1 ms to 6.5 s (more goes into the last): quantiles are within 6
/// %. Weights instead of counts, because a slot stands for several frames at once.
template <typename Weight>
class BasicLatency {
 public:
  static constexpr size_t kBuckets = 128;

  void record(double seconds, double weight = 1);
  template <typename Other>
  void add(const BasicLatency<Other>& other) {
    for (size_t i = 0; i < kBuckets; ++i) weights_[i] += static_cast<Weight>(other.weights_[i]);
    count_ += other.count_;
    sum_ += other.sum_;
  }
  void clear() { *this = BasicLatency(); }
  double count() const { return count_; }
  double mean() const { return count_ > 0 ? sum_ / count_ : 0; }
  double quantile(double q) const;  ///< seconds; 0 when nothing was recorded
  plan::Quantiles quantiles() const;

 private:
  template <typename Other>
  friend class BasicLatency;

  std::array<Weight, kBuckets> weights_{};
  double count_ = 0;
  double sum_ = 0;
};

using LatencyHistogram = BasicLatency<double>;
using SmallLatency = BasicLatency<float>;  ///< for some thousands of frames, of which there are many

/// What happened within the last ten seconds: two halves, of which the older one goes every five, into what happened
/// before.
class RecentLatency {
 public:
  void record(double seconds, double weight = 1) { halves_[now_].record(seconds, weight); }
  void turn() {
    now_ ^= 1;
    before_.add(halves_[now_]);
    halves_[now_].clear();
  }
  SmallLatency all() const {
    SmallLatency out = both();
    out.add(before_);
    return out;
  }
  SmallLatency both() const {
    SmallLatency out = halves_[0];
    out.add(halves_[1]);
    return out;
  }

 private:
  std::array<SmallLatency, 2> halves_;
  SmallLatency before_;
  unsigned now_ = 0;
};

}  // namespace vedette::sim
