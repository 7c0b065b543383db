#include "vedette/media/capture_times.h"

#include <gtest/gtest.h>

namespace vedette::media {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Timestamp kNow{Duration(seconds(1'800'000'000))};

TEST(FileTimes, StartAtZeroAndNeverGoBack) {
  FileTimes times(milliseconds(100));
  EXPECT_EQ(times.stamp(seconds(7)).position, Duration{0});
  EXPECT_EQ(times.stamp(seconds(7) + milliseconds(100)).position, milliseconds(100));
  EXPECT_EQ(times.stamp(std::nullopt).position, milliseconds(200));
  EXPECT_GT(times.stamp(seconds(7) + milliseconds(150)).position, milliseconds(200)) << "slightly out of order";
  const FrameTime joined = times.stamp(seconds(2));
  EXPECT_GE(joined.position, milliseconds(300)) << "a second part that begins anew";
  EXPECT_EQ(times.stamp(seconds(2) + milliseconds(100)).position - joined.position, milliseconds(100));
  EXPECT_EQ(joined.capture_time.time_since_epoch(), joined.position);
  EXPECT_EQ(joined.clock, CaptureClock::kStreamClock);
}

TEST(FileTimes, GoOnAcrossLoops) {
  FileTimes times(milliseconds(40));
  times.stamp(Duration{0});
  times.stamp(milliseconds(40));
  times.rewound();
  EXPECT_EQ(times.stamp(Duration{0}).position, milliseconds(80));
  EXPECT_EQ(times.stamp(milliseconds(40)).position, milliseconds(120));
}

TEST(LiveTimes, UseTheStreamClockUntilTheSenderReports) {
  LiveTimes times;
  times.connected();
  FrameTime t = times.stamp(seconds(5), kNow, MonotonicTime{});
  EXPECT_EQ(t.clock, CaptureClock::kStreamClock);
  EXPECT_EQ(t.capture_time, kNow);
  t = times.stamp(seconds(5) + milliseconds(200), kNow + milliseconds(350), MonotonicTime{milliseconds(350)});
  EXPECT_EQ(t.capture_time, kNow + milliseconds(200)) << "not the late arrival";
  times.sender_report(seconds(6), kNow + seconds(100));
  t = times.stamp(seconds(7), kNow + seconds(2), MonotonicTime{seconds(2)});
  EXPECT_EQ(t.clock, CaptureClock::kSenderReport);
  EXPECT_EQ(t.capture_time, kNow + seconds(101));
  EXPECT_EQ(t.position, seconds(2));
}

TEST(LiveTimes, IgnoreACameraWhoseClockIsNotSet) {
  LiveTimes times;
  times.connected();
  times.sender_report(seconds(0), Timestamp{seconds(86400)});
  EXPECT_EQ(times.stamp(seconds(1), kNow, {}).clock, CaptureClock::kStreamClock);
}

TEST(LiveTimes, FlattenSmallStepsAndFollowLargeOnes) {
  LiveTimes times;
  times.connected();
  times.sender_report(seconds(0), kNow);
  const Timestamp first = times.stamp(seconds(1), kNow, {}).capture_time;
  times.sender_report(seconds(0), kNow - milliseconds(300));
  EXPECT_GT(times.stamp(seconds(1) + milliseconds(100), kNow, {}).capture_time, first);
  times.sender_report(seconds(0), kNow - seconds(3600));
  EXPECT_EQ(times.stamp(seconds(2), kNow, {}).capture_time, kNow - seconds(3598));
}

TEST(LiveTimes, AnchorAnewWhenTheStreamClockJumpsAndAfterReconnect) {
  LiveTimes times;
  times.connected();
  times.stamp(seconds(1), kNow, MonotonicTime{});
  FrameTime t = times.stamp(seconds(500), kNow + seconds(1), MonotonicTime{seconds(1)});
  EXPECT_EQ(t.capture_time, kNow + seconds(1));
  times.connected();
  t = times.stamp(seconds(0), kNow + seconds(9), MonotonicTime{seconds(9)});
  EXPECT_EQ(t.capture_time, kNow + seconds(9));
  EXPECT_EQ(t.position, seconds(9)) << "the outage counts as time";
}

TEST(LiveTimes, FallBackToTheArrival) {
  LiveTimes times;
  const FrameTime t = times.stamp(std::nullopt, kNow, MonotonicTime{});
  EXPECT_EQ(t.clock, CaptureClock::kArrival);
  EXPECT_EQ(t.capture_time, kNow);
}

}  // namespace
}  // namespace vedette::media
