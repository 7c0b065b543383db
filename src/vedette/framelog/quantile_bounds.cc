#include "vedette/framelog/quantile_bounds.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::framelog {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr size_t kNone = KnobTable::npos;
constexpr double kUpWithin = 0.9;     // go up only to what is predicted to take at most this share of the bound
constexpr double kMostLoad = 0.85;    // of a link's time; beyond it queues build up
constexpr double kExploreWithin = 1.25;
constexpr double kOverdue = 1.2;       // times the predicted quantile before a frame on the link is evidence
constexpr double kOverdueGuess = 1.5;  // an overdue frame is guessed to take its age times this
constexpr double kLostRatio = 2.4;     // below LatencyModel::kAlarm: one lost frame changes nothing, two of three do
constexpr double kDoubt = 0.03;        // share of lost feedback from which its absence is no evidence
constexpr double kSeldom = 0.002;
constexpr double kAsQuick = 1.02;
constexpr double kSmallGain = 0.003;
constexpr size_t kColdFrames = 10;
constexpr Duration kDwell = milliseconds(600);
constexpr Duration kDwellSmallGain = seconds(10);
constexpr Duration kTrial = seconds(5);
constexpr Duration kFirstHold = seconds(1);
constexpr Duration kFailedHold = seconds(4);
constexpr Duration kLongestHold = seconds(60);
constexpr Duration kForgiven = seconds(30);
constexpr Duration kExploreFirst = seconds(3);
constexpr Duration kReportAfter = milliseconds(300);
constexpr Duration kClearAfter = milliseconds(500);
constexpr Duration kSilence = milliseconds(500);
constexpr Duration kProbeFirst = milliseconds(100);
constexpr Duration kProbeMost = seconds(1);

/// A share in [0, 1) that differs from camera to camera.
double share_of(uint64_t seed) {
  uint64_t x = seed + 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return static_cast<double>((x ^ (x >> 31U)) >> 11U) / 9007199254740992.0;
}

}  // namespace

QuantileBounds::QuantileBounds(std::shared_ptr<const KnobTable> table, const Bounds& bounds,
                               const BoundsOptions& options)
    : table_(std::move(table)), bounds_(bounds), options_(options), explore_after_(kExploreFirst) {
  VEDETTE_ASSERT(table_ && !table_->empty());
  check(bounds);
  std::map<uint32_t, size_t> families;
  for (const auto& row : table_->rows()) family_.push_back(families.emplace(row.family, families.size()).first->second);
  holds_.resize(table_->rows().size());
  all_.assign(table_->frontier().begin(), table_->frontier().end());
  use_bounds();
  current_ = quickest(rows_, 1);
}

void QuantileBounds::set_bounds(const Bounds& bounds) {
  check(bounds);
  bounds_ = bounds;
  use_bounds();
}

void QuantileBounds::use_bounds() {
  bound_ms_ = to_milliseconds(bounds_.latency);
  // Aim above the asked percentile, so that the share over any few seconds keeps it, not only the share over hours.
  quantile_ = bounds_.percentile + 0.6 * (1 - bounds_.percentile);
  rows_.clear();
  for (const size_t row : all_) {
    if (table_->rows()[row].f1 >= bounds_.accuracy) rows_.push_back(row);
  }
  accurate_enough_ = !rows_.empty();
  if (!accurate_enough_) rows_.push_back(table_->best());
  if (std::find(rows_.begin(), rows_.end(), current_) == rows_.end()) current_ = quickest(rows_, 1);
}

double QuantileBounds::bytes_of(size_t row) const {
  return table_->rows()[row].bytes_mean * sizes_.scale(family_[row]);
}

double QuantileBounds::prepare_ms(size_t row) const {
  const double known = table_->rows()[row].cost_ms;
  return known > 0 ? known * prepare_.scale(family_[row]) : prepare_plain_ms_;
}

double QuantileBounds::compute_ms(size_t row) const {
  if (!compute_told_) return 0;
  const double known = table_->rows()[row].infer_ms;
  return known > 0 ? known * compute_.scale(family_[row]) : compute_plain_ms_;
}

double QuantileBounds::interval_ms() const { return gaps_ms_.quantile(0.3, 0); }

void QuantileBounds::sent(const Sent& frame) {
  const size_t row = table_->index_of(frame.combination);
  if (row == kNone) return;
  if (last_sent_ != MonotonicTime{} && feasible_) gaps_ms_.push(to_milliseconds(frame.at - last_sent_));
  last_sent_ = frame.at;
  if (probing_) probe_gap_ = std::min<Duration>(2 * std::max(probe_gap_, kProbeFirst), kProbeMost);
  if (!waiting_since_) waiting_since_ = frame.at;
  in_flight_.add({frame, row, bytes_of(row)});
  sizes_.observe(family_[row], table_->rows()[row].bytes_mean, static_cast<double>(frame.bytes));
  if (frame.prepared > Duration{}) {
    const double ms = to_milliseconds(frame.prepared);
    prepare_.observe(family_[row], table_->rows()[row].cost_ms, ms);
    prepare_plain_ms_ += prepare_plain_ms_ == 0 ? ms : 0.1 * (ms - prepare_plain_ms_);
  }
}

void QuantileBounds::observe(const Feedback& feedback) {
  const auto landed = in_flight_.land(feedback);
  if (!landed) return;
  for (size_t i = 0; i <= landed->unheard; ++i)
    lost_feedback_ += 0.05 * ((i < landed->unheard ? 1 : 0) - lost_feedback_);
  waiting_since_ = in_flight_.empty() ? std::nullopt : std::optional(in_flight_.frames().front().sent.at);
  probe_gap_ = kProbeFirst;
  const auto& frame = landed->frame;
  if (feedback.dropped) {
    link_.observe_at_least(frame.expected_bytes, kLostRatio * link_.expect(frame.expected_bytes), feedback.at);
    return;
  }
  // Against the expected size, so that the residuals hold what frames vary in size too.
  link_.observe(frame.expected_bytes, landed->service_ms, feedback.at);
  return_ms_.push(std::max(0.0, to_milliseconds(feedback.at - frame.sent.at - feedback.network)));
  if (frame.row == current_) ++landed_since_switch_;
  if (feedback.compute > Duration{}) {
    const double ms = to_milliseconds(feedback.compute);
    compute_told_ = true;
    compute_.observe(family_[frame.row], table_->rows()[frame.row].infer_ms, ms);
    compute_plain_ms_ += compute_plain_ms_ == 0 ? ms : 0.2 * (ms - compute_plain_ms_);
  }
  if (link_.changed() != links_change_) {
    links_change_ = link_.changed();
    if (link_.improved()) std::fill(holds_.begin(), holds_.end(), Hold{});
    explore_after_ = kExploreFirst;
  }
}

bool QuantileBounds::in_doubt() const { return lost_feedback_ > kDoubt; }

size_t QuantileBounds::seldom_lost() const {
  if (!in_doubt()) return 0;
  return static_cast<size_t>(std::log(kSeldom) / std::log(std::min(lost_feedback_, 0.5)));
}

double QuantileBounds::overdue(MonotonicTime now) const {
  if (in_flight_.empty() || link_.empty()) return 1;
  // Where feedback gets lost, a frame without it says little; as many in a row as are seldom all lost do.
  const size_t later = seldom_lost();
  if (in_flight_.frames().size() <= later) return 1;
  const auto& oldest = in_flight_.frames()[later];
  const MonotonicTime began = in_doubt() ? oldest.sent.at : in_flight_.oldest_began();
  const double age = to_milliseconds(now - began) - return_ms_.quantile(0.95, 0);
  const double expected = link_.expect(oldest.expected_bytes);
  if (age <= kOverdue * link_.spread(quantile_) * expected) return 1;
  return kOverdueGuess * age / expected;
}

double QuantileBounds::backlog_ms(MonotonicTime now, double slower) const {
  if (in_flight_.empty() || link_.empty()) return 0;
  MonotonicTime free = in_flight_.oldest_began();
  for (const auto& frame : in_flight_.frames()) {
    free = std::max(free, frame.sent.at) + from_milliseconds(link_.per_byte() * frame.expected_bytes * slower);
  }
  return std::max(0.0, to_milliseconds(free - now));
}

QuantileBounds::Predicted QuantileBounds::predict(size_t row, double slower, double backlog) const {
  const double bytes = bytes_of(row);
  const double link_ms = link_.expect(bytes) * slower;
  const double fixed_ms = prepare_ms(row) + compute_ms(row);
  Predicted p;
  p.p50_ms = fixed_ms + backlog + link_ms;
  p.high_ms = fixed_ms + backlog + link_ms * link_.spread(quantile_);
  const double interval = interval_ms();
  if (interval > 0) p.load = link_.per_byte() * slower * bytes * table_->rows()[row].kept / interval;
  return p;
}

bool QuantileBounds::fits(size_t row, double slower, double within) const {
  const Predicted p = predict(row, slower, 0);
  return p.high_ms <= within * bound_ms_ && p.load <= kMostLoad * within;
}

size_t QuantileBounds::quickest(const std::vector<size_t>& rows, double slower) const {
  const auto cost = [&](size_t row) { return link_.empty() ? bytes_of(row) : predict(row, slower, 0).high_ms; };
  double least = std::numeric_limits<double>::infinity();
  for (const size_t row : rows) least = std::min(least, cost(row));
  // Of what is as quick, that which sends fewer frames: where little fits, the queue is what makes frames late.
  size_t best = kNone;
  for (const size_t row : rows) {
    if (cost(row) > kAsQuick * least) continue;
    if (best == kNone || table_->rows()[row].load_bytes() < table_->rows()[best].load_bytes()) best = row;
  }
  return best;
}

size_t QuantileBounds::most_accurate(const std::vector<size_t>& rows, double slower, double backlog) const {
  size_t best = kNone;
  for (const size_t row : rows) {
    if (best != kNone && table_->rows()[row].f1 <= table_->rows()[best].f1) continue;
    const Predicted p = predict(row, slower, backlog);
    if (p.high_ms > bound_ms_ || p.load > kMostLoad) continue;
    best = row;
  }
  return best;
}

void QuantileBounds::expire(MonotonicTime now) {
  const Duration patience = std::max<Duration>(seconds(1), 4 * bounds_.latency);
  while (const auto lost = in_flight_.expire(now - patience)) {
    link_.observe_at_least(lost->expected_bytes, kLostRatio * link_.expect(lost->expected_bytes), now);
  }
}

std::optional<uint64_t> QuantileBounds::abandon(MonotonicTime now, double slower) {
  // What is abandoned does not come back: not where a frame without feedback may well have come.
  if (!options_.can_abandon || in_doubt() || in_flight_.empty() || link_.empty()) return std::nullopt;
  size_t instead = most_accurate(rows_, slower, 0);
  if (instead == kNone) instead = quickest(rows_, slower);
  std::optional<uint64_t> through;
  double whole_at = to_milliseconds(in_flight_.oldest_began().time_since_epoch());
  const double now_ms = to_milliseconds(now.time_since_epoch());
  for (const auto& frame : in_flight_.frames()) {
    whole_at = std::max(now_ms, whole_at + slower * link_.expect(frame.expected_bytes));
    const double total = whole_at - to_milliseconds(frame.sent.at.time_since_epoch()) + prepare_ms(frame.row);
    if (total + compute_ms(frame.row) > 1.1 * bound_ms_ && frame.expected_bytes > 1.3 * bytes_of(instead)) {
      through = frame.sent.sequence;
    }
  }
  if (through) {
    const auto& oldest = in_flight_.frames().front();
    link_.observe_at_least(oldest.expected_bytes, slower * link_.expect(oldest.expected_bytes), now);
    in_flight_.abandon(*through, now);
  }
  return through;
}

void QuantileBounds::switch_to(size_t row, MonotonicTime now) {
  if (row == current_) return;
  const bool up = table_->rows()[row].f1 > table_->rows()[current_].f1;
  if (!up) {
    Hold& hold = holds_[current_];
    const bool failed_trial = on_trial_ && now - switched_ < kTrial;
    if (failed_trial && exploring_) explore_after_ = std::min(2 * explore_after_, kLongestHold);
    if (now - switched_ > kForgiven) hold.length = Duration{};
    hold.length = std::clamp(2 * hold.length, failed_trial ? kFailedHold : kFirstHold, kLongestHold);
    hold.until = now + from_seconds(to_seconds(hold.length) * (1 + 0.5 * share_of(options_.seed)));
  }
  on_trial_ = up;
  exploring_ = false;
  current_ = row;
  switched_ = now;
  landed_since_switch_ = 0;
}

/// One step upwards if it is time for one; true when it was taken.
bool QuantileBounds::go_up(MonotonicTime now) {
  const auto rows = table_->rows();
  const bool cold = link_.seen() < kColdFrames;
  if (link_.seen() < 2) return false;
  if (!cold && (now - switched_ < kDwell || landed_since_switch_ < 3)) return false;
  size_t best = kNone;
  size_t explore = kNone;
  for (const size_t row : rows_) {
    const double gain = rows[row].f1 - rows[current_].f1;
    if (gain <= 0 || (limit_bytes_ > 0 && rows[row].bytes_mean > limit_bytes_)) continue;
    if (gain < kSmallGain && !cold && now - switched_ < kDwellSmallGain) continue;
    // Where a smaller one failed lately, a larger one would too.
    const bool held = std::any_of(rows_.begin(), rows_.end(), [&](size_t other) {
      return rows[other].bytes_mean <= rows[row].bytes_mean && holds_[other].until > now;
    });
    if (held) continue;
    if (fits(row, 1, kUpWithin)) {
      if (best == kNone || rows[row].f1 > rows[best].f1) best = row;
    } else if (explore == kNone || rows[row].bytes_mean < rows[explore].bytes_mean) {
      // Worth a try only while nobody knows how much of the latency a smaller frame does not save.
      const Predicted p = predict(row, 1, 0);
      if (!link_.founded(now) && p.p50_ms <= kExploreWithin * bound_ms_ && p.load <= 1) explore = row;
    }
  }
  if (best != kNone) {
    switch_to(best, now);
    return true;
  }
  const Duration wait = from_seconds(to_seconds(explore_after_) * (1 + 0.5 * share_of(options_.seed)));
  if (explore == kNone || cold || now - switched_ < wait) return false;
  switch_to(explore, now);
  exploring_ = true;
  return true;
}

void QuantileBounds::adjust(MonotonicTime now) {
  if (link_.empty()) return;
  const bool over_limit = limit_bytes_ > 0 && table_->rows()[current_].bytes_mean > limit_bytes_;
  const bool given_time = exploring_ && landed_since_switch_ < 2;  // the prediction said no; the link has the word
  if ((!fits(current_, 1, 1) && !given_time) || over_limit) {
    std::vector<size_t> within;
    for (const size_t row : rows_) {
      if (limit_bytes_ == 0 || table_->rows()[row].bytes_mean <= limit_bytes_) within.push_back(row);
    }
    const size_t best = within.empty() ? kNone : most_accurate(within, 1, 0);
    switch_to(best != kNone ? best : quickest(within.empty() ? rows_ : within, 1), now);
    return;
  }
  if (on_trial_ && now - switched_ > kForgiven) {
    on_trial_ = false;
    holds_[current_] = {};
    explore_after_ = kExploreFirst;
  }
  go_up(now);
}

bool QuantileBounds::silent(MonotonicTime now) const {
  const double patience =
      std::max({to_milliseconds(kSilence), 2 * bound_ms_, static_cast<double>(3 + seldom_lost()) * interval_ms()});
  return waiting_since_ && to_milliseconds(now - *waiting_since_) > patience;
}

void QuantileBounds::track_feasible(MonotonicTime now, bool fits) {
  if (fits == feasible_) {
    differs_since_.reset();
    return;
  }
  if (!differs_since_) differs_since_ = now;
  if (now - *differs_since_ >= (feasible_ ? kReportAfter : kClearAfter)) {
    feasible_ = fits;
    differs_since_.reset();
  }
}

void QuantileBounds::offer(Decision& decision) const {
  if (link_.empty()) return;
  decision.best_latency = from_milliseconds(predict(quickest(rows_, 1), 1, 0).high_ms);
  for (const size_t row : all_) {
    if (fits(row, 1, 1)) decision.best_accuracy = std::max(decision.best_accuracy, table_->rows()[row].f1);
  }
}

Decision QuantileBounds::decide(MonotonicTime now) {
  Decision decision;
  expire(now);
  double slower = overdue(now);
  decision.abandon = abandon(now, slower);
  if (decision.abandon) slower = overdue(now);
  adjust(now);

  const bool no_word = silent(now);
  probing_ = no_word;
  const double backlog = backlog_ms(now, slower);
  size_t row = current_;
  bool fits_now = true;
  decision.reason = "fits";
  if (link_.empty()) {
    decision.reason = "nothing known of the link yet";
  } else {
    const size_t possible = most_accurate(rows_, slower, 0);
    fits_now = possible != kNone;
    if (predict(row, slower, backlog).high_ms > bound_ms_) {
      // For this frame only: what is before it on the link leaves less time.
      const size_t now_fits = most_accurate(rows_, slower, backlog);
      row = now_fits != kNone ? now_fits : quickest(rows_, slower);
      if (table_->rows()[row].bytes_mean > table_->rows()[current_].bytes_mean) row = current_;
      decision.reason = "the link is behind";
    }
  }
  if (no_word) row = quickest(rows_, 1);
  track_feasible(now, fits_now && !no_word && accurate_enough_);
  if (!accurate_enough_) feasible_ = false;

  if (no_word) {
    decision.reason = "no feedback";
    decision.send = now - last_sent_ >= probe_gap_;
  } else if (!fits_now) {
    decision.reason = accurate_enough_ ? "no combination keeps both bounds" : "no combination is as accurate";
    // One that waits behind one: if only the feedback of the first was lost, the second tells.
    decision.send = backlog <= 0.25 * std::max(interval_ms(), 10.0) || in_flight_.frames().size() < 2;
  } else if (backlog > 0 && in_flight_.frames().size() >= 2 && predict(row, slower, backlog).p50_ms > bound_ms_) {
    decision.reason = "it would only be late";
    decision.send = false;
  }
  if (!accurate_enough_) decision.reason = "no combination is as accurate";
  decision.combination = table_->rows()[row].id;
  decision.feasible = feasible_;
  decision.expected = from_milliseconds(predict(row, slower, backlog).high_ms);
  if (!feasible_) offer(decision);
  return decision;
}

}  // namespace vedette::framelog
