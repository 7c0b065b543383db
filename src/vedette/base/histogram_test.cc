#include "vedette/base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

namespace vedette {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, BoundsAreInclusive) {
  Histogram h;
  h.record(1us);
  h.record(1001ns);
  h.record(2us);
  h.record(2001ns);
  const auto s = h.snapshot();
  EXPECT_EQ(s.counts[0], 1u);
  EXPECT_EQ(s.counts[1], 2u);
  EXPECT_EQ(s.counts[2], 1u);
  EXPECT_EQ(s.count, 4u);
  EXPECT_NEAR(s.sum_seconds, 6.002e-6, 1e-12);
}

TEST(Histogram, TakesTheOddAndTheLong) {
  Histogram h;
  h.record(-5s);
  h.record(0ns);
  h.record(24h);
  const auto s = h.snapshot();
  EXPECT_EQ(s.counts[0], 2u);
  EXPECT_EQ(s.counts[HistogramSnapshot::kBuckets - 1], 1u);
  EXPECT_TRUE(std::isinf(HistogramSnapshot::upper_bound(HistogramSnapshot::kBuckets - 1)));
  EXPECT_TRUE(std::isfinite(s.quantile(0.99)));
}

TEST(Histogram, NothingRecordedIsZero) { EXPECT_EQ(HistogramSnapshot{}.quantile(0.5), 0); }

// Buckets double, so an estimate lies within a factor of two of the truth; within a bucket it is linear.
TEST(Histogram, QuantilesLieInTheBucketOfTheExactOnes) {
  std::mt19937 random(1);
  std::lognormal_distribution<double> milliseconds(3, 1);
  Histogram h;
  std::vector<double> exact;
  for (int i = 0; i < 20'000; ++i) {
    const auto span = from_milliseconds(milliseconds(random));
    h.record(span);
    exact.push_back(to_seconds(span));
  }
  std::sort(exact.begin(), exact.end());
  const auto s = h.snapshot();
  double last = 0;
  for (const double q : {0.01, 0.1, 0.5, 0.9, 0.95, 0.99}) {
    const double truth = exact[static_cast<size_t>(q * static_cast<double>(exact.size()))];
    EXPECT_GT(s.quantile(q), truth / 2) << q;
    EXPECT_LT(s.quantile(q), truth * 2) << q;
    EXPECT_GE(s.quantile(q), last);
    last = s.quantile(q);
  }
  EXPECT_NEAR(s.quantile(0.5), exact[10'000], 0.25 * exact[10'000]);
}

TEST(Histogram, SinceIsWhatCameLater) {
  Histogram h;
  h.record(1ms);
  const auto before = h.snapshot();
  h.record(1s);
  const auto later = h.snapshot().since(before);
  EXPECT_EQ(later.count, 1u);
  EXPECT_NEAR(later.sum_seconds, 1, 1e-9);
  EXPECT_GT(later.quantile(0.5), 0.5);
}

TEST(Histogram, CountsFromManyThreads) {
  Histogram h;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&h] {
        for (int i = 0; i < 5'000; ++i) h.record(std::chrono::microseconds(i));
      });
  }
  EXPECT_EQ(h.snapshot().count, 20'000u);
}

}  // namespace
}  // namespace vedette
