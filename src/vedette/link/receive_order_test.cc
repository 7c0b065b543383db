#include "vedette/link/receive_order.h"

#include <gtest/gtest.h>

namespace vedette::link {
namespace {

using Verdict = ReceiveOrder::Verdict;

TEST(ReceiveOrder, FindsHolesAndRepeats) {
  ReceiveOrder order(10);
  order.attach(1, 4);
  EXPECT_EQ(order.observation(0, 0).verdict, Verdict::kNew);
  EXPECT_EQ(order.observation(0, 0).verdict, Verdict::kRepeat);
  const auto explained = order.observation(3, 2);
  EXPECT_EQ(explained.explained, 2u);
  EXPECT_EQ(explained.lost, 0u);
  const auto lost = order.observation(7, 1);
  EXPECT_EQ(lost.explained, 1u);
  EXPECT_EQ(lost.lost, 2u);
}

TEST(ReceiveOrder, MoreThanTheCreditIsAViolation) {
  ReceiveOrder order(2);
  order.attach(1, 4);
  EXPECT_EQ(order.observation(0, 0).verdict, Verdict::kNew);
  EXPECT_EQ(order.observation(1, 0).verdict, Verdict::kNew);
  EXPECT_EQ(order.observation(2, 0).verdict, Verdict::kViolation);
  order.grant(1);
  EXPECT_EQ(order.observation(2, 0).verdict, Verdict::kNew);
}

TEST(ReceiveOrder, TellsTheSenderBeforeItComesToAHalt) {
  ReceiveOrder order(4);
  order.attach(1, 4);
  order.observation(0, 0);
  EXPECT_FALSE(order.due());
  order.observation(1, 0);
  ASSERT_TRUE(order.due()) << "half of the sender's places";
  EXPECT_FALSE(order.due(true)) << "nothing new";
  order.grant(1);
  EXPECT_FALSE(order.due());
  const auto flushed = order.due(true);
  ASSERT_TRUE(flushed);
  EXPECT_EQ(flushed->allowed, 5u);
  EXPECT_EQ(flushed->next, 2u);
}

TEST(ReceiveOrder, ResumesWithTheSameSenderAndBeginsAnewWithAnother) {
  ReceiveOrder order(4);
  EXPECT_FALSE(order.attach(1, 4).resumes);
  order.observation(0, 0);
  order.detach();
  const auto again = order.attach(1, 4);
  EXPECT_TRUE(again.resumes);
  EXPECT_EQ(again.next, 1u);
  EXPECT_EQ(again.allowed, 3u) << "one place is taken";
  const auto other = order.attach(2, 4);
  EXPECT_FALSE(other.resumes);
  EXPECT_TRUE(other.restarted);
  EXPECT_EQ(order.observation(40, 3).lost, 0u) << "the numbers begin where the new sender's do";
}

TEST(ReceiveOrder, ASenderThatClosedIsNoRestart) {
  ReceiveOrder order(4);
  order.attach(1, 4);
  order.observation(0, 0);
  order.closed();
  EXPECT_FALSE(order.attach(2, 4).restarted);
}

TEST(ReceiveOrder, NothingComesAfterTheEnd) {
  ReceiveOrder order(4);
  order.attach(1, 4);
  EXPECT_EQ(order.mark(2, 2, true).explained, 2u);
  EXPECT_TRUE(order.ended());
  EXPECT_TRUE(order.due()) << "the end is acknowledged at once";
  EXPECT_EQ(order.mark(2, 0, true).verdict, Verdict::kRepeat);
  EXPECT_EQ(order.observation(3, 0).verdict, Verdict::kViolation);
}

}  // namespace
}  // namespace vedette::link
