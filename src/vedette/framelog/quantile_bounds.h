#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "vedette/framelog/bounds.h"
#include "vedette/framelog/in_flight.h"
#include "vedette/framelog/latency_model.h"

namespace vedette::framelog {

/// Our policy. For every combination that keeps the accuracy it predicts the latency that the asked share of frames
/// stays below: knobs + what the link has yet to carry + (base + rate · size) · quantile of the residuals + inference,
/// each learnt as frames go, and takes the most accurate that fits.
///
/// - Down at once: a frame on the link that is older than predicted is evidence before its feedback comes.
/// - Up after a dwell, with a margin, and not again for a while to where it failed: the hold doubles from 2 s to 60 s,
/// so
///   that a steady link sees at most kMostSwitches switches a minute.
/// - Sizes and inference times drift from the table: one scale for the scene, one per family of combinations.
/// - Nothing fits: the quickest combination within the accuracy is the probe, one frame on the link at a time; reported
///   once it has lasted 400 ms. No feedback at all: likewise, and probes thin out to one a second.
class QuantileBounds final : public BoundsPolicy {
 public:
  static constexpr int kMostSwitches = 6;

  QuantileBounds(std::shared_ptr<const KnobTable> table, const Bounds& bounds, const BoundsOptions& options);

  void sent(const Sent& frame) override;
  void observe(const Feedback& feedback) override;
  Decision decide(MonotonicTime now) override;
  void set_bounds(const Bounds& bounds) override;
  void limit(double bytes) override { limit_bytes_ = bytes; }

 private:
  struct Hold {
    MonotonicTime until;
    Duration length{};
  };
  struct Predicted {
    double p50_ms = 0;
    double high_ms = 0;  ///< at the asked percentile, with a margin for what the estimate does not know
    double load = 0;     ///< share of the time that such frames keep the link busy at the rate at which they come
  };

  void use_bounds();
  double bytes_of(size_t row) const;
  double prepare_ms(size_t row) const;
  double compute_ms(size_t row) const;
  double interval_ms() const;
  /// How many times slower than predicted the oldest frame on the link already is; 1 when it is not overdue.
  double overdue(MonotonicTime now) const;
  double backlog_ms(MonotonicTime now, double slower) const;
  /// `slower` multiplies what the link takes; `backlog` is what it has to carry before.
  Predicted predict(size_t row, double slower, double backlog) const;
  bool fits(size_t row, double slower, double within) const;
  size_t quickest(const std::vector<size_t>& rows, double slower) const;
  /// The most accurate of `rows` that fits after `backlog`; npos: none.
  size_t most_accurate(const std::vector<size_t>& rows, double slower, double backlog) const;
  /// So much feedback gets lost that one frame without it says nothing.
  bool in_doubt() const;
  /// So many frames in a row without feedback are no evidence yet.
  size_t seldom_lost() const;
  void expire(MonotonicTime now);
  void adjust(MonotonicTime now);
  bool go_up(MonotonicTime now);
  void switch_to(size_t row, MonotonicTime now);
  std::optional<uint64_t> abandon(MonotonicTime now, double slower);
  bool silent(MonotonicTime now) const;
  void track_feasible(MonotonicTime now, bool fits);
  void offer(Decision& decision) const;

  std::shared_ptr<const KnobTable> table_;
  Bounds bounds_;
  BoundsOptions options_;
  std::vector<size_t> family_;     // of each row, from 0
  std::vector<size_t> rows_;       // within the accuracy, none beaten by another
  std::vector<size_t> all_;        // as many of the whole table
  double quantile_ = 0.98;
  double bound_ms_ = 100;
  double limit_bytes_ = 0;
  bool accurate_enough_ = true;

  InFlight in_flight_;
  LatencyModel link_;
  ScaleModel sizes_;
  ScaleModel prepare_;
  ScaleModel compute_;
  double prepare_plain_ms_ = 0;  // where the table knows no cost
  double compute_plain_ms_ = 0;
  bool compute_told_ = false;
  LastValues<32> return_ms_;  // feedback's own way back
  LastValues<32> gaps_ms_;    // between frames that were sent

  size_t current_ = 0;
  MonotonicTime switched_;
  bool on_trial_ = false;   // went up a moment ago
  bool exploring_ = false;  // … against the prediction, to learn the base of the latency
  size_t landed_since_switch_ = 0;
  std::vector<Hold> holds_;
  Duration explore_after_{};
  MonotonicTime links_change_;

  MonotonicTime last_sent_;
  double lost_feedback_ = 0;  // share of frames whose feedback never came though later ones' did
  std::optional<MonotonicTime> waiting_since_;  // the first frame sent after the last feedback
  Duration probe_gap_{};
  bool probing_ = false;  // no word from the other end: each probe doubles the gap to the next
  bool feasible_ = true;
  std::optional<MonotonicTime> differs_since_;
};

}  // namespace vedette::framelog
