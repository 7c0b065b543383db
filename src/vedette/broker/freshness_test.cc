#include "vedette/broker/freshness.h"

#include <gtest/gtest.h>

namespace vedette::broker {
namespace {

using namespace std::chrono_literals;

TEST(AllowedLag, IsLessForWhoCannotKeepUpAndAllAgainForWhoDoes) {
  AllowedLag lag(8);
  EXPECT_FALSE(lag.is_exceeded(8, 1s));
  EXPECT_TRUE(lag.is_exceeded(9, 1s));
  EXPECT_EQ(lag.allowed(), 4U);
  EXPECT_FALSE(lag.is_exceeded(4, 1s));
  EXPECT_TRUE(lag.is_exceeded(5, 1s));
  EXPECT_TRUE(lag.is_exceeded(3, 1s));
  EXPECT_TRUE(lag.is_exceeded(100, 1s));
  EXPECT_EQ(lag.allowed(), 1U) << "never none: the next frame may come while one is sent";
  EXPECT_FALSE(lag.is_exceeded(1, 1s));
  for (int round = 0; round < 3; ++round) {
    for (int i = 1; i < AllowedLag::kCalmFrames; ++i) EXPECT_FALSE(lag.is_exceeded(0, 1s));
    EXPECT_EQ(lag.allowed(), uint64_t{1} << round);
    EXPECT_FALSE(lag.is_exceeded(0, 1s));
  }
  EXPECT_EQ(lag.allowed(), 8U);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(lag.is_exceeded(0, 1s));
  EXPECT_EQ(lag.allowed(), 8U) << "no more than was asked for";
}

TEST(AllowedLag, OfFramesThatComeFasterThanAnyoneCanSeeStays) {
  AllowedLag lag(8);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(lag.is_exceeded(9, 2ms));
  EXPECT_EQ(lag.allowed(), 8U);
}

TEST(AllowedLag, OneFrameBehindNowAndThenIsNoCalm) {
  AllowedLag lag(2);
  EXPECT_TRUE(lag.is_exceeded(3, 1s));
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(lag.is_exceeded(i % 20 == 0 ? 1 : 0, 1s));
  EXPECT_EQ(lag.allowed(), 1U);
  EXPECT_EQ(AllowedLag(0).allowed(), 1U);
}

TEST(CreditWindow, OfAQuickSubscriberIsToldNowAndThen) {
  CreditWindow window;
  int told = 0;
  uint64_t credit = CreditWindow::kMost;
  for (uint64_t taken = 1; taken <= 1000; ++taken) {
    ASSERT_LE(taken, credit) << "the broker was never told to stop";
    if (const uint64_t now = window.taken(1ms)) {
      EXPECT_GT(now, credit);
      credit = now;
      ++told;
    }
    EXPECT_LE(credit - taken, CreditWindow::kMost);
  }
  EXPECT_LE(told, 1000 / 4);
}

TEST(CreditWindow, OfASlowOneIsOne) {
  CreditWindow window;
  uint64_t credit = CreditWindow::kMost;
  for (uint64_t taken = 1; taken <= 100; ++taken) {
    ASSERT_LE(taken, credit);
    if (const uint64_t now = window.taken(100ms)) credit = now;
    if (taken >= CreditWindow::kMost) {
      EXPECT_EQ(credit, taken + 1);
    }
  }
  for (int i = 0; i < 3; ++i) credit = std::max(credit, window.taken(0ms));
  EXPECT_EQ(credit, 103 + CreditWindow::kMost) << "it is quick again";
}

}  // namespace
}  // namespace vedette::broker
