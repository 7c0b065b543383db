#include <gtest/gtest.h>

#include <random>

#include "vedette/link/clock_offset.h"
#include "vedette/link/context.h"
#include "vedette/link/link_speed.h"

namespace vedette::link {
namespace {

using std::chrono::milliseconds;

TEST(ClockOffset, ErrsByLessThanHalfOfTheBestTrip) {
  std::mt19937 random(5);
  constexpr Duration kApart = std::chrono::seconds(61);
  ClockOffset clock;
  MonotonicTime now{std::chrono::seconds(1000)};
  for (int i = 0; i < 50; ++i) {
    const Duration there = milliseconds(1 + random() % 30), back = milliseconds(1 + random() % 30);
    const MonotonicTime t2 = now + there + kApart, t3 = t2 + milliseconds(2), t4 = now + there + milliseconds(2) + back;
    clock.add(now, t2, t3, t4);
    EXPECT_LE(std::chrono::abs(clock.offset() - kApart), clock.rtt() / 2);
    now += std::chrono::seconds(1);
  }
  EXPECT_LT(clock.rtt(), milliseconds(25));
  EXPECT_LE(std::chrono::abs(clock.to_mine(now + kApart) - now), clock.rtt() / 2);
}

TEST(ClockOffset, ImpossibleExchangesAreLeftOut) {
  ClockOffset clock;
  const MonotonicTime t{std::chrono::seconds(5)};
  clock.add(t, t, t + milliseconds(10), t + milliseconds(1));
  EXPECT_FALSE(clock.known());
  clock.add(t, MonotonicTime::max(), MonotonicTime::min(), t);
  EXPECT_FALSE(clock.known());
}

TEST(LinkSpeed, MeasuresTheBusyTimeOnly) {
  LinkSpeed speed;
  MonotonicTime t{};
  for (int i = 0; i < 20; ++i) {
    speed.add(1'000'000, t, t + milliseconds(10));  // queued behind the one before for half of its time
    t += milliseconds(i % 2 ? 500 : 5);
  }
  EXPECT_GT(speed.bytes_per_second(), 0.9e8);
  EXPECT_LT(speed.bytes_per_second(), 2.1e8);
  LinkSpeed small;
  small.add(100, t, t + milliseconds(10));
  EXPECT_EQ(small.bytes_per_second(), 0);
}

TEST(FormChoice, RawOnFastLinksJpegOnSlowOnes) {
  FormChoice choice;
  const FormChoice::Picture hd{1920 * 1080, 1920 * 1080 * 3 / 2, 0};
  EXPECT_TRUE(choice.raw_is_faster(hd, 0)) << "not known yet";
  EXPECT_TRUE(choice.raw_is_faster(hd, 1e9));
  EXPECT_FALSE(choice.raw_is_faster(hd, 12.5e6));
  // With a JPEG at hand only its way and decoding count.
  FormChoice::Picture with_jpeg = hd;
  with_jpeg.jpeg_bytes = 200'000;
  EXPECT_TRUE(choice.raw_is_faster(hd, 4.5e8));
  EXPECT_FALSE(choice.raw_is_faster(with_jpeg, 4.5e8));
  for (int i = 0; i < 50; ++i) choice.encoded(hd.pixels, std::chrono::microseconds(100), 50'000);
  choice.decoding_costs(0.05);
  EXPECT_FALSE(choice.raw_is_faster(hd, 1e9)) << "a machine that codes in no time";
}

TEST(LogLimiter, OneLineAPeerInAWhile) {
  LogLimiter limiter;
  const MonotonicTime t{std::chrono::seconds(50)};
  EXPECT_TRUE(limiter.may_log("a", t));
  EXPECT_FALSE(limiter.may_log("a", t + std::chrono::seconds(9)));
  EXPECT_TRUE(limiter.may_log("b", t));
  EXPECT_TRUE(limiter.may_log("a", t + std::chrono::seconds(10)));
  for (int i = 0; i < 5000; ++i) limiter.may_log(std::to_string(i), t);
  EXPECT_FALSE(limiter.may_log("one more", t)) << "bounded";
}

}  // namespace
}  // namespace vedette::link
