#include "vedette/media/backoff.h"

#include <gtest/gtest.h>

namespace vedette::media {
namespace {

using std::chrono::seconds;

TEST(Backoff, DoublesUpToItsLimit) {
  Backoff backoff({.initial_seconds = 1, .max_seconds = 10, .jitter = 0, .healthy_seconds = 5}, 1);
  const MonotonicTime now{};
  for (const double expected : {1., 2., 4., 8., 10., 10.}) EXPECT_DOUBLE_EQ(to_seconds(backoff.failed(now)), expected);
  EXPECT_EQ(backoff.failures_in_a_row(), 6);
}

TEST(Backoff, JitterOnlyShortensAndDiffersBySeed) {
  const BackoffOptions options{.initial_seconds = 8, .max_seconds = 8, .jitter = 0.5, .healthy_seconds = 5};
  Backoff one(options, 1), two(options, 2);
  int differing = 0;
  for (int i = 0; i < 100; ++i) {
    const double a = to_seconds(one.failed({})), b = to_seconds(two.failed({}));
    EXPECT_GT(a, 3.999);
    EXPECT_LE(a, 8);
    differing += a != b;
  }
  EXPECT_GT(differing, 95);
}

TEST(Backoff, OnlyAHealthyConnectionResetsTheWait) {
  Backoff backoff({.initial_seconds = 1, .max_seconds = 60, .jitter = 0, .healthy_seconds = 10}, 1);
  MonotonicTime now{};
  backoff.failed(now);
  backoff.failed(now);
  backoff.connected(now);
  EXPECT_EQ(backoff.failures_in_a_row(), 0);
  EXPECT_DOUBLE_EQ(to_seconds(backoff.failed(now + seconds(3))), 4) << "a camera that flaps keeps its long waits";
  backoff.connected(now);
  EXPECT_DOUBLE_EQ(to_seconds(backoff.failed(now + seconds(11))), 1);
}

}  // namespace
}  // namespace vedette::media
