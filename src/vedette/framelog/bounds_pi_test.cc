#include "vedette/framelog/bounds_pi.h"

#include <gtest/gtest.h>

#include "vedette/framelog/bounds_test_channel.h"

namespace vedette::framelog {
namespace {

using std::chrono::milliseconds;

TEST(PiBounds, FollowsTheErrorAsThePaperSays) {
  PiBounds policy(uneven(), {});
  const auto feed = [&](double ms, int n) {
    for (int i = 0; i < n; ++i) policy.observe({0, Channel::at(0), from_milliseconds(ms), Duration{}, false});
    return policy.decide(Channel::at(0));
  };
  EXPECT_EQ(policy.decide(Channel::at(0)).combination, 40U);
  EXPECT_EQ(feed(100, 20).combination, 40U);  // within the threshold: nothing changes
  EXPECT_LT(feed(400, 5).combination, 40U);
  EXPECT_FALSE(feed(2000, 10).feasible);
  EXPECT_EQ(policy.decide(Channel::at(0)).combination, 10U);  // the least within the accuracy
  EXPECT_EQ(feed(20, 300).combination, 40U);                  // and long to unwind
}

TEST(PiBounds, TakesTheLargestThatFitsHoweverAccurate) {
  // The gap that ours closes: a size between 400 and 800 KB gives row 30, whose F1 is below that of row 20.
  PiBounds::Settings settings;
  settings.proportional = 0.5;
  settings.integral = 0;
  settings.sample_frames = 1;
  settings.base_ms = 0;
  settings.ms_per_byte = 1e-4;
  PiBounds policy(uneven(), {}, settings);
  policy.observe({0, Channel::at(0), milliseconds(200), Duration{}, false});
  EXPECT_EQ(policy.decide(Channel::at(0)).combination, 30U);
}

}  // namespace
}  // namespace vedette::framelog
