#include "vedette/framelog/bounds.h"

#include <algorithm>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/framelog/bounds_pi.h"
#include "vedette/framelog/quantile_bounds.h"

namespace vedette::framelog {

namespace {

/// No control: the untouched frames, whatever happens.
class NoBounds final : public BoundsPolicy {
 public:
  explicit NoBounds(const KnobTable& table) {
    // Nothing saved, nothing withheld. The most accurate may be another: F1 is not monotone in size.
    decision_.combination = std::ranges::max_element(table.rows(), {}, &Combination::load_bytes)->id;
  }
  void sent(const Sent& /*frame*/) override {}
  void observe(const Feedback& /*feedback*/) override {}
  Decision decide(MonotonicTime /*now*/) override { return decision_; }
  void set_bounds(const Bounds& bounds) override { check(bounds); }
  void limit(double /*bytes*/) override {}

 private:
  Decision decision_;
};

}  // namespace

void check(const Bounds& bounds) {
  if (bounds.latency <= Duration{} || bounds.latency > std::chrono::hours(1)) {
    throw Error(ErrorCode::kUsage, "the latency bound is " + std::to_string(to_milliseconds(bounds.latency)) + " ms",
                "give one above 0 and up to an hour");
  }
  if (!(bounds.accuracy >= 0 && bounds.accuracy <= 1)) {
    throw Error(ErrorCode::kUsage, "the accuracy bound is " + std::to_string(bounds.accuracy),
                "give a share of the untouched frames' F1 between 0 and 1");
  }
  if (!(bounds.percentile >= 0.5 && bounds.percentile <= 0.999)) {
    throw Error(ErrorCode::kUsage, "the percentile of the bound is " + std::to_string(bounds.percentile),
                "give a share between 0.5 and 0.999");
  }
}

std::unique_ptr<BoundsPolicy> make_bounds_policy(const std::string& name, std::shared_ptr<const KnobTable> table,
                                                 const Bounds& bounds, const BoundsOptions& options) {
  VEDETTE_ASSERT(table && !table->empty());
  check(bounds);
  if (name == "vedette") return std::make_unique<QuantileBounds>(std::move(table), bounds, options);
  if (name == "pi") return std::make_unique<PiBounds>(std::move(table), bounds);
  if (name == "none") return std::make_unique<NoBounds>(*table);
  throw Error(ErrorCode::kUsage, "no bounds policy is called '" + name + "'", "use vedette, pi or none");
}

}  // namespace vedette::framelog
