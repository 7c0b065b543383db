#pragma once

#include <memory>

#include "vedette/framelog/bounds.h"

namespace vedette::framelog {

/// The controller of paper 004 (Mez), §4.2, Algorithm 1, for comparison: a proportional-integral controller on (target
/// − observed latency), the worst of a sampling interval, gives a latency for the next frames; a linear regression made
/// beforehand turns it into the largest size; look-up tables turn the size into an accuracy and the accuracy into
/// knobs. As published it has no anti-windup, sees neither drops nor frames on the way, and takes the largest size that
/// fits as the most accurate. The paper gives no gains; these are the best of `bench_bounds --tune`.
class PiBounds final : public BoundsPolicy {
 public:
  struct Settings {
    double proportional = 0.2;  ///< K1
    double integral = 1.6;  ///< K2, per sampling interval
    int sample_frames = 5;  ///< frames per sampling interval; the slowest counts, as the bound is one at p95
    double threshold = 0.05;  ///< errors below this share of the target change nothing
    double base_ms = 2;  ///< the regression: latency = base + per_byte · bytes, as measured without other senders:
    double ms_per_byte = 72.72 / 1.74e6;  ///< 72.72 ms for 1.74 MB (Table 1, DukeMTMC complex)
  };

  PiBounds(std::shared_ptr<const KnobTable> table, const Bounds& bounds, const Settings& settings);
  PiBounds(std::shared_ptr<const KnobTable> table, const Bounds& bounds)
      : PiBounds(std::move(table), bounds, Settings{}) {}

  void sent(const Sent& frame) override;
  void observe(const Feedback& feedback) override;
  Decision decide(MonotonicTime now) override;
  void set_bounds(const Bounds& bounds) override;
  void limit(double /*bytes*/) override {}

 private:
  void step(double observed_ms);

  std::shared_ptr<const KnobTable> table_;
  Bounds bounds_;
  Settings settings_;
  size_t row_ = 0;
  bool feasible_ = true;
  double worst_ms_ = 0;
  int samples_ = 0;
  double integral_ms_ = 0;
};

}  // namespace vedette::framelog
