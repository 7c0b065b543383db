#include <gtest/gtest.h>

#include "vedette/media/pacer.h"
#include "vedette/media/rate_limiter.h"

namespace vedette::media {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

MonotonicTime at(int ms) { return MonotonicTime{milliseconds(ms)}; }

TEST(Pacer, DoesNotDrift) {
  Pacer pacer;
  MonotonicTime now = at(500);
  for (int i = 0; i < 1000; ++i) {
    const MonotonicTime due = pacer.due(milliseconds(40 * i), now);
    EXPECT_EQ(due, at(500 + 40 * i));
    now = due + milliseconds(i % 7);  // the consumer takes its time
  }
}

TEST(Pacer, StartsAnewAfterFallingBehindOrAJump) {
  Pacer pacer;
  EXPECT_EQ(pacer.due(Duration{0}, at(0)), at(0));
  EXPECT_EQ(pacer.due(milliseconds(40), at(500)), at(500)) << "half a second late: rushes to catch up";
  EXPECT_EQ(pacer.due(milliseconds(80), at(3000)), at(3000)) << "too late: starts anew";
  EXPECT_EQ(pacer.due(milliseconds(120), at(3001)), at(3040));
  EXPECT_EQ(pacer.due(seconds(60), at(3041)), at(3041)) << "a jump forward does not stall";
  EXPECT_EQ(pacer.due(seconds(1), at(3050)), at(3050)) << "nor does one back";
}

int kept(double max_fps, double camera_fps, int frames) {
  RateLimiter limiter(max_fps);
  int n = 0;
  for (int i = 0; i < frames; ++i) n += limiter.keep(Timestamp{from_seconds(i / camera_fps)});
  return n;
}

TEST(RateLimiter, MeetsTheAverageRate) {
  EXPECT_EQ(kept(0, 25, 250), 250);
  EXPECT_EQ(kept(5, 10, 100), 50);
  EXPECT_EQ(kept(10, 25, 250), 100);
  EXPECT_EQ(kept(30, 25, 250), 250);
  EXPECT_EQ(kept(1, 30, 300), 11) << "each a tenth early";
  EXPECT_EQ(kept(1, 30, 3000), 101);
}

TEST(RateLimiter, ForgivesJitterAndClockSteps) {
  RateLimiter limiter(10);
  int n = 0;
  for (int i = 0; i < 100; ++i) n += limiter.keep(Timestamp{milliseconds(100 * i + (i % 2 ? 8 : 0))});
  EXPECT_EQ(n, 100);
  EXPECT_TRUE(limiter.keep(Timestamp{seconds(-3600)})) << "the camera's clock was set back: goes on at once";
  EXPECT_FALSE(limiter.keep(Timestamp{seconds(-3600) + milliseconds(10)}));
}

}  // namespace
}  // namespace vedette::media
