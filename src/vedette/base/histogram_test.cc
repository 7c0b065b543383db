#include "vedette/base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace vedette {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, BoundsAreInclusive) {
  for (size_t i = 0; i + 1 < HistogramSnapshot::kBuckets; ++i) {
    const auto bound = std::chrono::nanoseconds(std::llround(HistogramSnapshot::upper_bound(i) * 1e9));
    Histogram h;
    h.record(bound);
    h.record(bound + 1ns);
    const auto s = h.snapshot();
    EXPECT_EQ(s.counts[i], 1u) << i;
    EXPECT_EQ(s.counts[i + 1], 1u) << i;
  }
}

TEST(Histogram, ABucketIsAtMostAnEighthOfItsBound) {
  for (size_t i = 1; i + 1 < HistogramSnapshot::kBuckets; ++i) {
    const double low = HistogramSnapshot::upper_bound(i - 1), high = HistogramSnapshot::upper_bound(i);
    EXPECT_GT(high, low);
    EXPECT_LE((high - low) / high, 1.0 / 8) << i;
  }
  EXPECT_DOUBLE_EQ(HistogramSnapshot::upper_bound(26 * 8), 67.108864);
}

TEST(Histogram, OctavesAreCumulative) {
  Histogram h;
  for (const auto span : {1us, 3us, 4us, 5us}) h.record(span);
  h.record(24h);
  std::vector<std::pair<double, uint64_t>> seen;
  h.snapshot().visit_octaves([&](double bound, uint64_t below) { seen.emplace_back(bound, below); });
  ASSERT_EQ(seen.size(), 28u);
  EXPECT_EQ(seen[0], std::pair(1e-6, uint64_t{1}));
  EXPECT_EQ(seen[1], std::pair(2e-6, uint64_t{1}));
  EXPECT_EQ(seen[2], std::pair(4e-6, uint64_t{3}));
  EXPECT_EQ(seen[3], std::pair(8e-6, uint64_t{4}));
  EXPECT_EQ(seen[26].second, 4u);
  EXPECT_TRUE(std::isinf(seen[27].first));
  EXPECT_EQ(seen[27].second, 5u);
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

// A bucket is an eighth of its bound wide, so an estimate lies within that of the truth; within a bucket it is linear.
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
    EXPECT_GT(s.quantile(q), truth * 7 / 8) << q;
    EXPECT_LT(s.quantile(q), truth * 9 / 8) << q;
    EXPECT_GE(s.quantile(q), last);
    last = s.quantile(q);
  }
  EXPECT_NEAR(s.quantile(0.5), exact[10'000], 0.05 * exact[10'000]);
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
