#pragma once

#include <array>
#include <cstddef>

#include "vedette/base/time.h"

namespace vedette::framelog {

/// The last `N` values, oldest overwritten.
template <size_t N>
class LastValues {
 public:
  void push(double value) {
    values_[next_ % N] = value;
    ++next_;
  }
  void clear() { next_ = 0; }
  size_t size() const { return next_ < N ? next_ : N; }
  /// The i-th newest, from 0.
  double& newest(size_t i) { return values_[(next_ - 1 - i) % N]; }
  double newest(size_t i) const { return values_[(next_ - 1 - i) % N]; }
  /// The q-quantile of the newest `of` values (nearest rank above), `none` when there are none.
  double quantile(double q, double none, size_t of = N) const;

 private:
  std::array<double, N> values_{};
  size_t next_ = 0;
};

/// How long a frame of so many bytes takes over one link, learnt as frames go: latency = base + per_byte · bytes, which
/// paper 004 (§2.3, Figure 5) found to hold nearly exactly, times a residual whose quantiles are kept.
///
/// Two estimators, because one is either slow or nervous: a regression (least squares with relative weights, Huber
/// weights against outliers, forgetting over ~60 frames and 20 s, the base pulled towards its last well-founded value
/// when all sizes are alike), and above it a level: the median of the last three residuals, which follows a step after
/// two frames and ignores one outlier. A single residual above kAlarm counts at once, unless such alarms proved false
/// lately. A level that stays is folded into the regression.
///
/// Who sends follows the link: large frames while it is fast, small ones when it is slow. Frames from both sides of a
/// step look like a large base; so what began at frames of one size is a step of the rate and says nothing of the base,
/// what began where the size changed is news of the base.
class LatencyModel {
 public:
  static constexpr double kAlarm = 2.5;

  void observe(double bytes, double ms, MonotonicTime at);
  /// Evidence without a latency: a frame was lost or is late; it would have taken at least `ms`.
  void observe_at_least(double bytes, double ms, MonotonicTime at);

  bool empty() const { return seen_ == 0; }
  size_t seen() const { return seen_; }
  /// Expected latency in ms, level included, of a frame of `bytes`; 0 before the first observation.
  double expect(double bytes) const;
  /// The factor on expect() that a share q of the frames stays below; at least 1.
  double spread(double q) const;
  /// ms per byte as it is now, level included.
  double per_byte() const { return now_per_byte_; }
  double base_ms() const { return now_base_; }
  double level() const { return level_; }
  /// When the link last became at least twice as fast or slow for good.
  MonotonicTime changed() const { return changed_; }
  bool improved() const { return improved_; }
  /// Frames of clearly different sizes were seen in the last minute, so that the base is known and not only assumed.
  bool founded(MonotonicTime now) const { return founded_ && now - founded_at_ < std::chrono::minutes(1); }

 private:
  void note_step(double bytes, double ratio);
  void solve();
  void relevel(MonotonicTime at);
  void refresh();

  double weight_ = 0, x_ = 0, y_ = 0, xx_ = 0, xy_ = 0;
  double count_ = 0;
  double base_ = 0, per_byte_ = 0;
  double prior_base_ = 0;
  double reference_ = 0;
  double now_base_ = 0, now_per_byte_ = 0;
  double level_ = 1;
  double alarm_above_ = kAlarm;
  bool alarmed_ = false;
  size_t since_alarm_ = 0;
  size_t seen_ = 0;
  double as_expected_bytes_ = 0;  // size of the last frame that took what was expected; 0: the newest did not
  bool stepped_ = false;
  bool improved_ = false;
  bool founded_ = false;
  MonotonicTime founded_at_;
  MonotonicTime last_;
  MonotonicTime changed_;
  LastValues<100> ratios_;
};

/// What the frames of a table's combinations really weigh, or really cost: observed = table · common · own. `common`
/// follows the scene (median of the last five), `own` is each family's lasting deviation from the others.
class ScaleModel {
 public:
  void observe(size_t family, double expected, double observed);
  double scale(size_t family) const;

 private:
  static constexpr size_t kFamilies = 256;  // beyond it families share
  std::array<double, kFamilies> own_log_{};
  LastValues<5> recent_;
  double common_ = 1;
};

}  // namespace vedette::framelog
