#include "vedette/framelog/latency_model.h"

#include <algorithm>
#include <cmath>

namespace vedette::framelog {

namespace {

constexpr double kForgetCount = 60;
constexpr double kForgetSeconds = 20;
constexpr double kBasePull = 3;        // the prior of the base weighs as much as so many frames
constexpr double kHuber = 0.3;         // relative residual beyond which a frame's weight falls
constexpr double kSpreadOfSizes = 0.3;  // relative deviation of the sizes that founds a base
constexpr double kAlike = 0.3;  // sizes that differ by less tell nothing of the base
constexpr double kLowLevel = 0.8;
constexpr double kHighLevel = 1.25;
constexpr size_t kToFold = 5;
constexpr double kLeastMs = 1e-3;
constexpr double kFirstSpread = 1.25;
constexpr size_t kFirstSpreadUntil = 20;

}  // namespace

template <size_t N>
double LastValues<N>::quantile(double q, double none, size_t of) const {
  const size_t n = std::min(size(), of);
  if (n == 0) return none;
  std::array<double, N> sorted{};
  for (size_t i = 0; i < n; ++i) sorted[i] = newest(i);
  const size_t rank = std::min(n - 1, static_cast<size_t>(std::ceil(q * static_cast<double>(n))) - (q > 0 ? 1 : 0));
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(sorted.begin(), at, sorted.begin() + static_cast<std::ptrdiff_t>(n));
  return *at;
}

template class LastValues<5>;
template class LastValues<32>;
template class LastValues<100>;

void LatencyModel::observe(double bytes, double ms, MonotonicTime at) {
  bytes = std::max(bytes, 1.0);
  ms = std::max(ms, kLeastMs);
  const double expected = base_ + per_byte_ * bytes;
  const double ratio = seen_ == 0 ? 1 : ms / std::max(expected, kLeastMs);
  const double forget =
      seen_ == 0 ? 1 : std::exp(-1 / kForgetCount - std::max(0.0, to_seconds(at - last_)) / kForgetSeconds);
  for (double* sum : {&weight_, &x_, &y_, &xx_, &xy_, &count_}) *sum *= forget;
  const double scale = seen_ == 0 ? ms : std::max(expected, kLeastMs);
  const double w = 1 / (scale * scale) * std::min(1.0, kHuber / std::max(std::abs(ratio - 1), 1e-9));
  weight_ += w;
  x_ += w * bytes;
  y_ += w * ms;
  xx_ += w * bytes * bytes;
  xy_ += w * bytes * ms;
  count_ += 1;
  reference_ = bytes;
  last_ = at;
  ++seen_;
  ratios_.push(ratio);
  note_step(bytes, ratio);
  solve();
  relevel(at);
  refresh();
}

void LatencyModel::observe_at_least(double bytes, double ms, MonotonicTime at) {
  if (seen_ == 0) {
    observe(bytes, ms, at);
    return;
  }
  if (ms <= expect(bytes)) return;
  ratios_.push(ms / std::max(base_ + per_byte_ * bytes, kLeastMs));
  note_step(bytes, ratios_.newest(0));
  reference_ = bytes;
  relevel(at);
  refresh();
}

void LatencyModel::note_step(double bytes, double ratio) {
  if (ratio > kLowLevel && ratio < kHighLevel) {
    as_expected_bytes_ = bytes;
    stepped_ = false;
  } else if (as_expected_bytes_ > 0) {
    stepped_ = std::abs(bytes - as_expected_bytes_) < kAlike * as_expected_bytes_;
    as_expected_bytes_ = 0;
  }
}

void LatencyModel::solve() {
  const double mean_x = x_ / weight_;
  const double mean_y = y_ / weight_;
  const double var_x = xx_ / weight_ - mean_x * mean_x;
  // Ridge on the base only: minimise Σ w (y − a − b x)² + p (a − prior)².
  const double pull = kBasePull * weight_ / count_;
  const double a11 = weight_ + pull;
  const double r1 = y_ + pull * prior_base_;
  const double determinant = a11 * xx_ - x_ * x_;
  double a = (r1 * xx_ - xy_ * x_) / determinant;
  double b = (a11 * xy_ - x_ * r1) / determinant;
  if (!(a >= 0) || !std::isfinite(b)) a = 0;
  a = std::min(a, 0.95 * mean_y);
  if (a == 0 || !(b > 0)) {
    b = (xy_ - a * x_) / xx_;
  }
  base_ = a;
  per_byte_ = std::max(b, 1e-12);
  if (!stepped_ && var_x > kSpreadOfSizes * kSpreadOfSizes * mean_x * mean_x && count_ > 4) {
    prior_base_ = base_;
    founded_ = true;
    founded_at_ = last_;
  }
}

void LatencyModel::relevel(MonotonicTime at) {
  const double newest = ratios_.newest(0);
  ++since_alarm_;
  if (alarmed_ && since_alarm_ == 3) {
    // Three later frames tell whether the alarm was true. False ones raise the threshold, quiet lowers it again.
    const bool was_true = ratios_.quantile(0.5, 1, 3) > kHighLevel;
    alarm_above_ = was_true ? kAlarm : std::min(alarm_above_ * 2, 40.0);
    alarmed_ = false;
  }
  if (since_alarm_ > 400) alarm_above_ = kAlarm;
  const double median = ratios_.quantile(0.5, 1, 3);
  level_ = ratios_.size() < 3 ? 1 : median;
  if (newest > alarm_above_ && newest > level_) {
    level_ = newest;
    if (!alarmed_) {
      alarmed_ = true;
      since_alarm_ = 0;
    }
  }
  if (level_ > kLowLevel && level_ < kHighLevel) level_ = 1;
  if (ratios_.size() < kToFold) return;
  const double low = ratios_.quantile(0, 1, kToFold);
  const double high = ratios_.quantile(1, 1, kToFold);
  if (high >= kLowLevel && low <= kHighLevel) return;
  // Five on one side: the link changed. The regression is moved as a whole; older residuals keep their meaning.
  const double moved = ratios_.quantile(0.5, 1, kToFold);
  const double target = std::max(kLeastMs, moved * (base_ + per_byte_ * reference_));
  const double base = std::min(stepped_ ? prior_base_ : base_, 0.5 * target);
  const double per_byte = (target - base) / reference_;
  y_ = base * weight_ + per_byte * x_;
  xy_ = base * x_ + per_byte * xx_;
  base_ = base;
  prior_base_ = std::min(prior_base_, base);
  per_byte_ = per_byte;
  const double rescale = 1 / (moved * moved);
  for (double* sum : {&weight_, &x_, &y_, &xx_, &xy_}) *sum *= rescale;
  for (size_t i = 0; i < kToFold; ++i) ratios_.newest(i) /= moved;
  if (moved > 2 || moved < 0.5) {
    changed_ = at;
    improved_ = moved < 1;
  }
  level_ = 1;
}

void LatencyModel::refresh() {
  // The level is a matter of the rate more than of the base: the base only shrinks when it must.
  const double target = std::max(kLeastMs, level_ * (base_ + per_byte_ * reference_));
  now_base_ = level_ == 1 ? base_ : std::min(base_, 0.5 * target);
  now_per_byte_ = level_ == 1 ? per_byte_ : (target - now_base_) / reference_;
}

double LatencyModel::expect(double bytes) const { return now_base_ + now_per_byte_ * bytes; }

double LatencyModel::spread(double q) const {
  const double seen = std::max(1.0, ratios_.quantile(q, kFirstSpread));
  return ratios_.size() < kFirstSpreadUntil ? std::max(seen, kFirstSpread) : seen;
}

void ScaleModel::observe(size_t family, double expected, double observed) {
  if (!(expected > 0) || !(observed > 0)) return;
  double& own = own_log_[family % kFamilies];
  const double ratio = std::log(observed / expected);
  // Against what the others say, before this one has its say.
  const double off = recent_.size() == 0 ? 0 : ratio - own - std::log(common_);
  recent_.push(ratio - own);
  common_ = std::exp(recent_.quantile(0.5, 0));
  own = std::clamp(own + 0.02 * off, -2.0, 2.0);
}

double ScaleModel::scale(size_t family) const { return common_ * std::exp(own_log_[family % kFamilies]); }

}  // namespace vedette::framelog
