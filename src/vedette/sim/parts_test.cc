#include <gtest/gtest.h>

#include <vector>

#include "vedette/sim/event_queue.h"
#include "vedette/sim/latency_histogram.h"
#include "vedette/sim/random.h"

namespace vedette::sim {
namespace {

TEST(EventQueue, GivesEventsInOrderOfTimeAndThenOfComing) {
  EventQueue queue;
  Random dice(1);
  for (uint32_t i = 0; i < 5000; ++i) queue.push(static_cast<Nanos>(dice.below(500)), 0, i);
  Event before = queue.pop();
  size_t popped = 1;
  for (; !queue.empty(); ++popped) {
    const Event event = queue.pop();
    ASSERT_TRUE(before.before(event));
    before = event;
    if (popped < 3000) queue.push(before.time + static_cast<Nanos>(dice.below(100)), 0, 0);
  }
  EXPECT_EQ(popped, 5000U + 2999U);
}

TEST(Random, IsTheSameForTheSameSeedAndUseOnly) {
  EXPECT_EQ(Random(1, 2, 3).next(), Random(1, 2, 3).next());
  EXPECT_NE(Random(1, 2, 3).next(), Random(2, 2, 3).next());
  EXPECT_NE(Random(1, 2, 3).next(), Random(1, 3, 3).next());
  EXPECT_NE(Random(1, 2, 3).next(), Random(1, 2, 4).next());
}

TEST(Random, DistributionsHaveTheirMoments) {
  Random random(5);
  const Spread spread(0.5);
  double normal = 0, square = 0, exponential = 0, service = 0, service_square = 0, cheap = 0;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) {
    const double n = random.normal(), s = spread.draw(random), c = random.about_normal();
    normal += n;
    square += n * n;
    cheap += c * c;
    exponential += random.exponential();
    service += s;
    service_square += s * s;
  }
  EXPECT_NEAR(normal / kDraws, 0, 0.01);
  EXPECT_NEAR(square / kDraws, 1, 0.02);
  EXPECT_NEAR(cheap / kDraws, 1, 0.02);
  EXPECT_NEAR(exponential / kDraws, 1, 0.01);
  EXPECT_NEAR(service / kDraws, 1, 0.01);
  EXPECT_NEAR(service_square / kDraws - 1, 0.25, 0.01);
}

TEST(Latency, QuantilesAreWithinABucket) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.record(i * 1e-3);
  EXPECT_NEAR(histogram.quantile(0.5), 0.5, 0.03);
  EXPECT_NEAR(histogram.quantile(0.95), 0.95, 0.06);
  EXPECT_NEAR(histogram.mean(), 0.5005, 1e-9);
  EXPECT_EQ(histogram.quantiles().count, 1000U);
  histogram.record(1e6);
  EXPECT_GT(histogram.quantile(0.9999), 6);
  histogram.record(0);
  EXPECT_LT(histogram.quantile(0.0001), 2e-4);
  RecentLatency recent;
  recent.record(1);
  recent.turn();
  recent.record(2);
  EXPECT_EQ(recent.both().count(), 2);
  recent.turn();
  EXPECT_EQ(recent.both().count(), 1);
}

}  // namespace
}  // namespace vedette::sim
