#include "vedette/framelog/bounds_pi.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::framelog {

PiBounds::PiBounds(std::shared_ptr<const KnobTable> table, const Bounds& bounds, const Settings& settings)
    : table_(std::move(table)), bounds_(bounds), settings_(settings) {
  VEDETTE_ASSERT(table_ && !table_->empty());
  check(bounds);
  row_ = table_->best();
}

void PiBounds::set_bounds(const Bounds& bounds) {
  check(bounds);
  bounds_ = bounds;
  integral_ms_ = 0;
}

void PiBounds::sent(const Sent& /*frame*/) {}

void PiBounds::observe(const Feedback& feedback) {
  if (feedback.dropped) return;
  worst_ms_ = std::max(worst_ms_, to_milliseconds(feedback.network + feedback.compute));
  if (++samples_ < settings_.sample_frames) return;
  step(worst_ms_);
  worst_ms_ = 0;
  samples_ = 0;
}

void PiBounds::step(double observed_ms) {
  const double target = to_milliseconds(bounds_.latency);
  const double error = target - observed_ms;
  if (std::abs(error) <= settings_.threshold * target) return;
  integral_ms_ += error;
  // Step 1: the largest size whose latency, by the regression, is what the controller allows.
  const double allowed = target + settings_.proportional * error + settings_.integral * integral_ms_;
  const double size = (allowed - settings_.base_ms) / settings_.ms_per_byte;
  // Step 2: size → accuracy → knobs. Rows are sorted by size; the largest within it is looked up.
  const auto rows = table_->rows();
  size_t found = 0;
  size_t smallest = KnobTable::npos;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].bytes_mean <= size) found = i;
    if (smallest == KnobTable::npos && rows[i].f1 >= bounds_.accuracy) smallest = i;
  }
  feasible_ = rows[found].f1 >= bounds_.accuracy && rows[found].bytes_mean <= size;
  if (rows[found].f1 < bounds_.accuracy) found = smallest != KnobTable::npos ? smallest : table_->best();
  row_ = found;
}

Decision PiBounds::decide(MonotonicTime /*now*/) {
  Decision decision;
  decision.combination = table_->rows()[row_].id;
  decision.feasible = feasible_;
  decision.reason = feasible_ ? "fits" : "no combination keeps both bounds";
  return decision;
}

}  // namespace vedette::framelog
