#include "vedette/base/time.h"

#include <gtest/gtest.h>

#include "vedette/base/log.h"

namespace vedette {
namespace {

using namespace std::chrono_literals;

TEST(Time, IsWrittenAsRfc3339) {
  EXPECT_EQ(to_rfc3339(Timestamp{}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(to_rfc3339(Timestamp{1767225599s + 999'999'999ns}), "2025-12-31T23:59:59.999999Z");
  EXPECT_EQ(to_rfc3339(Timestamp{-1us}), "1969-12-31T23:59:59.999999Z");
}

TEST(Time, AManualClockMovesBothItsHands) {
  ManualClock clock(Timestamp{5s});
  const auto before = clock.monotonic();
  clock.advance(250ms);
  EXPECT_EQ(clock.now(), Timestamp{5s + 250ms});
  EXPECT_EQ(clock.monotonic() - before, 250ms);
}

TEST(Time, SpansConvertBothWays) {
  EXPECT_EQ(from_seconds(1.5), 1500ms);
  EXPECT_EQ(from_milliseconds(0.25), 250us);
  EXPECT_DOUBLE_EQ(to_milliseconds(from_milliseconds(12.5)), 12.5);
}

TEST(Time, WorkCostsCpuTime) {
  const auto before = thread_cpu_time();
  volatile double sum = 0;
  for (int i = 0; i < 100'000; ++i) sum = sum + i;
  EXPECT_GT(thread_cpu_time(), before);
}

TEST(Log, FormatsNothingBelowItsLevel) {
  log::set_level(log::Level::kWarn);
  EXPECT_FALSE(log::enabled(log::Level::kInfo));
  EXPECT_TRUE(log::enabled(log::Level::kError));
  testing::internal::CaptureStderr();
  log::info("hidden {}", 1);
  log::warn("shown {}", 2);
  const auto written = testing::internal::GetCapturedStderr();
  log::set_level(log::Level::kInfo);
  EXPECT_EQ(written.find("hidden"), std::string::npos);
  EXPECT_NE(written.find("shown 2"), std::string::npos);
}

}  // namespace
}  // namespace vedette
