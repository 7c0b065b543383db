#include "vedette/framelog/channel_share.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/framelog/bounds_test_channel.h"

namespace vedette::framelog {
namespace {

using std::chrono::milliseconds;

TEST(ChannelShare, SharesFairlyAndKeepsTheBounds) {
  Channel channel(3);
  channel.share = std::make_unique<ChannelShare>();
  channel.bytes_per_ms = 9e3;
  channel.interval_ms = 200;
  for (int i = 0; i < 5; ++i) channel.add("vedette", uneven());
  channel.run(60);
  double least = 1;
  double most = 0;
  for (const auto& camera : channel.cameras()) {
    EXPECT_GE(channel.in_time(camera, 20e3), 0.95);
    double f1 = 0;
    int frames = 0;
    for (size_t k = 0; k < camera.used.size(); ++k) {
      if (camera.captured_ms[k] < 20e3) continue;
      f1 += camera.table->rows()[camera.table->index_of(camera.used[k])].f1;
      ++frames;
    }
    least = std::min(least, f1 / frames);
    most = std::max(most, f1 / frames);
    EXPECT_LE(channel.switches(camera, 20e3) / (40 / 60.0), 12);
  }
  EXPECT_LT(most - least, 0.035);
}

TEST(ChannelShare, GivesTheBytesToWhomTheyHelpMost) {
  // For the same bytes camera 1 gains 0.05 of F1, camera 0 only 0.005.
  const auto dull = table_of({row(1, 100e3, 0.994), row(2, 500e3, 0.999)});
  const auto keen = table_of({row(1, 100e3, 0.95), row(2, 500e3, 1.0)});
  ChannelShare share;
  const Bounds bounds{milliseconds(100), 0.9, 0.95};
  share.add(0, dull, bounds);
  share.add(1, keen, bounds);
  // A channel of 6.5 KB a ms, ten frames a second each: both at 500 KB are more than it carries.
  std::vector<ChannelShare::Limit> limits;
  for (int tick = 0; tick < 300; ++tick) {
    const double now = 100.0 * tick;
    for (uint64_t camera = 0; camera < 2; ++camera) {
      const bool large = !limits.empty() && limits[camera].bytes > 400e3;
      const double other = !limits.empty() && limits[1 - camera].bytes > 400e3 ? 5 : 1;
      const double bytes = large ? 500e3 : 100e3;
      const double ms = 2 + bytes / (9e3 - other * 1e3);
      share.arrived({camera, large ? 2U : 1U, static_cast<size_t>(bytes),
                     Channel::at(now + 50 * static_cast<double>(camera) + ms), from_milliseconds(ms), Duration{}});
    }
    limits = share.limits(Channel::at(now + 99));
  }
  ASSERT_EQ(limits.size(), 2U);
  EXPECT_LT(limits[0].bytes, 200e3);
  EXPECT_GT(limits[1].bytes, 400e3);
}

TEST(ChannelShare, OneCameraHasNoLimitAndStrangersAreIgnored) {
  ChannelShare share;
  share.add(4, uneven(), {});
  share.arrived({9, 10, 1000, Channel::at(10), milliseconds(5), Duration{}});
  for (int i = 1; i < 50; ++i) share.arrived({4, 10, 100000, Channel::at(100 * i), milliseconds(20), Duration{}});
  const auto limits = share.limits(Channel::at(5000));
  ASSERT_EQ(limits.size(), 1U);
  EXPECT_EQ(limits[0].bytes, 0);
  share.remove(4);
  EXPECT_TRUE(share.limits(Channel::at(6000)).empty());
}

TEST(ChannelShare, RefusesTooMany) {
  ChannelShare share;
  for (uint64_t i = 0; i < ChannelShare::kMostCameras; ++i) share.add(i, uneven(), {});
  EXPECT_THROW(share.add(1000, uneven(), {}), Error);
  share.add(3, uneven(), {});  // replaces
}

}  // namespace
}  // namespace vedette::framelog
