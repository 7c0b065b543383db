#include "vedette/lab/tracking_metrics.h"

#include <gmock/gmock.h>

#include <cmath>

#include "vedette/base/error.h"

namespace vedette::lab {
namespace {

MotRow row(int64_t frame, int64_t id, double left, double confidence = 1) {
  return {frame, id, left, 0, 10, 10, confidence, static_cast<size_t>(frame)};
}

TrackingData data(std::vector<MotRow> truth, const std::vector<MotRow>& result) {
  return bring_together(std::move(truth), result, "truth", "result");
}

std::vector<MotRow> still(int64_t id, double left, int64_t first, int64_t last) {
  std::vector<MotRow> rows;
  for (int64_t f = first; f <= last; ++f) rows.push_back(row(f, id, left));
  return rows;
}

std::vector<MotRow> operator+(std::vector<MotRow> a, const std::vector<MotRow>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(TrackingMetrics, PerfectResultIsOneEverywhere) {
  const auto d = data(still(1, 0, 1, 10) + still(2, 50, 3, 8), still(7, 0, 1, 10) + still(5, 50, 3, 8));
  const auto clear = clear_metrics(d);
  EXPECT_DOUBLE_EQ(clear.mota, 1);
  EXPECT_DOUBLE_EQ(clear.motp, 1);
  EXPECT_EQ(clear.mostly_tracked, 2u);
  EXPECT_DOUBLE_EQ(identity_metrics(d).idf1, 1);
  const auto hota = hota_metrics(d);
  EXPECT_NEAR(hota.hota, 1, 1e-12);
  EXPECT_NEAR(hota.localization_accuracy, 1, 1e-12);
}

TEST(TrackingMetrics, CountsASwitchAFragmentAndMisses) {
  // Truth of 10 frames; id 5 covers 1-4, nothing 5-6, id 6 covers 7-10; and a box on nothing in frame 10.
  const auto d = data(still(1, 0, 1, 10), still(5, 0, 1, 4) + still(6, 0, 7, 10) + still(9, 500, 10, 10));
  const auto m = clear_metrics(d);
  EXPECT_EQ(m.matches, 8u);
  EXPECT_EQ(m.misses, 2u);
  EXPECT_EQ(m.false_positives, 1u);
  EXPECT_EQ(m.switches, 1u);
  EXPECT_EQ(m.fragmentations, 1u);
  EXPECT_EQ(m.mostly_tracked, 1u) << "exactly 80 %";
  EXPECT_DOUBLE_EQ(m.mota, 1 - 4.0 / 10);
  EXPECT_DOUBLE_EQ(m.precision, 8.0 / 9);
  EXPECT_DOUBLE_EQ(m.recall, 0.8);
  EXPECT_DOUBLE_EQ(m.f1, 16.0 / 19);
  const auto id = identity_metrics(d);
  EXPECT_EQ(id.true_positives, 4u);
  EXPECT_DOUBLE_EQ(id.idf1, 2 * 4.0 / 19);
  EXPECT_DOUBLE_EQ(id.precision, 4.0 / 9);
  EXPECT_DOUBLE_EQ(id.recall, 0.4);
  // At every overlap: 8 matches of 11 boxes; each match belongs to a pair with 4 of 10 frames in common.
  const auto hota = hota_metrics(d);
  EXPECT_NEAR(hota.detection_accuracy, 8.0 / 11, 1e-12);
  EXPECT_NEAR(hota.association_accuracy, 0.4, 1e-12);
  EXPECT_NEAR(hota.hota, std::sqrt(8.0 / 11 * 0.4), 1e-12);

  const auto strict = clear_metrics(d, 0.5, ClearRule::kTrackEval);
  EXPECT_EQ(strict.mostly_tracked, 0u) << "TrackEval wants more than 80 %";
  EXPECT_EQ(strict.switches, 1u);
}

TEST(TrackingMetrics, APairOfThePastStaysTogetherThoughAnotherBoxFitsBetter) {
  // Overlap of a box moved by 2: 8/12 = 0.67.
  const auto d = data(still(1, 0, 1, 3), still(5, 0, 1, 1) + still(5, 2, 2, 3) + still(6, 0, 2, 3));
  const auto m = clear_metrics(d);
  EXPECT_EQ(m.switches, 0u);
  EXPECT_EQ(m.false_positives, 2u);
  EXPECT_NEAR(m.motp, (1 + 2 * 8.0 / 12) / 3, 1e-12);
}

TEST(TrackingMetrics, IgnoredTruthCostsNoMissAndSparesNoFalsePositive) {
  auto truth = still(1, 0, 1, 5);
  truth.push_back(row(3, 2, 100, 0));
  EXPECT_DOUBLE_EQ(clear_metrics(data(truth, still(5, 0, 1, 5))).mota, 1);
  EXPECT_EQ(clear_metrics(data(truth, still(5, 0, 1, 5) + still(6, 100, 3, 3))).false_positives, 1u);
}

TEST(TrackingMetrics, NoResultIsAllMisses) {
  const auto d = data(still(1, 0, 1, 5), {});
  EXPECT_DOUBLE_EQ(clear_metrics(d).mota, 0);
  EXPECT_EQ(clear_metrics(d).mostly_lost, 1u);
  EXPECT_DOUBLE_EQ(identity_metrics(d).idf1, 0);
  EXPECT_DOUBLE_EQ(hota_metrics(d).hota, 0);
}

TEST(TrackingMetrics, RefusesRowsWithoutIdDoubledIdsAndEmptyTruth) {
  const auto refusal = [](std::vector<MotRow> truth, const std::vector<MotRow>& result) -> std::string {
    try {
      data(std::move(truth), result);
    } catch (const Error& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal(still(1, 0, 1, 1), still(-1, 0, 1, 1)), "result:1: id -1 is no track");
  EXPECT_EQ(refusal(still(1, 0, 2, 2) + still(1, 5, 2, 2), {}), "truth:2: id 1 is in frame 2 already, on line 2");
  EXPECT_EQ(refusal({}, still(1, 0, 1, 1)), "truth has no box that counts");
}

}  // namespace
}  // namespace vedette::lab
