#include "vedette/link/send_queue.h"

#include <gtest/gtest.h>

#include <random>

#include "vedette/link/receive_order.h"
#include "vedette/link/testing.h"

namespace vedette::link {
namespace {

using std::chrono::milliseconds;
using testing::test_observation;

constexpr MonotonicTime kStart{std::chrono::seconds(100)};

uint64_t put(SendQueue& queue, uint64_t sequence, bool reserved, MonotonicTime now = kStart) {
  const uint64_t number = queue.put(test_observation(sequence, nullptr, now), 10, reserved, now);
  queue.each_unsent([](uint64_t, SendQueue::Item& item) { item.prepared = true; });
  return number;
}

TEST(SendQueue, BlockRefusesWhenFullAndTellsOfRoom) {
  SendQueue queue({.capacity = 2}, kStart);
  ASSERT_TRUE(queue.attach(std::nullopt, 10));
  ASSERT_TRUE(queue.reserve(kStart));
  ASSERT_TRUE(queue.reserve(kStart));
  EXPECT_FALSE(queue.reserve(kStart));
  put(queue, 0, true);
  put(queue, 1, true);
  EXPECT_FALSE(queue.take_room_notice(kStart));
  ASSERT_TRUE(queue.next(kStart));
  EXPECT_FALSE(queue.reserve(kStart)) << "sent is not yet received";
  ASSERT_TRUE(queue.acknowledge(1, 10));
  EXPECT_TRUE(queue.take_room_notice(kStart));
  EXPECT_FALSE(queue.take_room_notice(kStart)) << "told once";
  EXPECT_TRUE(queue.reserve(kStart));
}

TEST(SendQueue, GivenBackPlacesCount) {
  SendQueue queue({.capacity = 1}, kStart);
  ASSERT_TRUE(queue.reserve(kStart));
  EXPECT_FALSE(queue.reserve(kStart));
  queue.give_back();
  EXPECT_TRUE(queue.take_room_notice(kStart));
  EXPECT_TRUE(queue.reserve(kStart));
}

TEST(SendQueue, SendsNoMoreThanTheCreditAndTheCapacity) {
  SendQueue queue({.capacity = 3}, kStart);
  for (uint64_t i = 0; i < 5; ++i) put(queue, i, false);
  EXPECT_FALSE(queue.next(kStart)) << "nobody there";
  ASSERT_TRUE(queue.attach(std::nullopt, 2));
  EXPECT_TRUE(queue.next(kStart));
  EXPECT_TRUE(queue.next(kStart));
  EXPECT_FALSE(queue.next(kStart)) << "no credit";
  ASSERT_TRUE(queue.acknowledge(0, 9));
  EXPECT_TRUE(queue.next(kStart));
  EXPECT_FALSE(queue.next(kStart)) << "three are on their way";
}

TEST(SendQueue, LatestKeepsTheNewestAndTellsOfTheOthers) {
  SendQueue queue({.capacity = 4, .when_full = WhenFull::kLatest}, kStart);
  for (uint64_t i = 0; i < 5; ++i) put(queue, i, false);
  EXPECT_EQ(queue.held(), 1u);
  ASSERT_TRUE(queue.attach(std::nullopt, 10));
  auto next = queue.next(kStart);
  ASSERT_TRUE(next && next->item);
  EXPECT_EQ(next->number, 4u);
  EXPECT_EQ(next->gaps[GapReason::kSuperseded], 4u);
  EXPECT_EQ(queue.gaps()[GapReason::kSuperseded], 4u);
}

TEST(SendQueue, DropOldestKeepsTheNewestFew) {
  SendQueue queue({.capacity = 3, .when_full = WhenFull::kDropOldest}, kStart);
  for (uint64_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(queue.reserve(kStart));
    put(queue, i, true);
  }
  ASSERT_TRUE(queue.attach(std::nullopt, 10));
  auto next = queue.next(kStart);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->number, 7u);
  EXPECT_EQ(next->gaps[GapReason::kQueueFull], 7u);
}

TEST(SendQueue, DeadlinePassesWhileUnsent) {
  SendQueue queue({.capacity = 2, .deadline = milliseconds(100)}, kStart);
  put(queue, 0, false);
  put(queue, 1, false, kStart + milliseconds(80));
  EXPECT_EQ(queue.next_expiry(), kStart + milliseconds(100) + Duration{1});
  EXPECT_FALSE(queue.reserve(kStart));
  EXPECT_TRUE(queue.reserve(kStart + milliseconds(101))) << "the first has gone";
  ASSERT_TRUE(queue.attach(std::nullopt, 10));
  auto next = queue.next(kStart + milliseconds(120));
  ASSERT_TRUE(next);
  EXPECT_EQ(next->number, 1u);
  EXPECT_EQ(next->gaps[GapReason::kDeadline], 1u);
}

TEST(SendQueue, PatienceWithAnAbsentReceiverEnds) {
  SendQueue queue({.capacity = 2, .patience = milliseconds(500)}, kStart);
  put(queue, 0, false);
  put(queue, 1, false);
  EXPECT_FALSE(queue.reserve(kStart + milliseconds(499)));
  EXPECT_EQ(queue.next_expiry(), kStart + milliseconds(500));
  EXPECT_FALSE(queue.take_room_notice(kStart + milliseconds(499)));
  EXPECT_TRUE(queue.take_room_notice(kStart + milliseconds(500)));
  EXPECT_TRUE(queue.reserve(kStart + milliseconds(500)));
  EXPECT_EQ(queue.gaps()[GapReason::kUnreachable], 1u);
  SendQueue lossless({.capacity = 1, .patience = Duration{0}}, kStart);
  put(lossless, 0, false);
  EXPECT_FALSE(lossless.reserve(kStart + std::chrono::hours(1)));
}

TEST(SendQueue, BytesAreBounded) {
  SendQueue queue({.capacity = 100, .max_held_bytes = 35}, kStart);
  for (uint64_t i = 0; i < 10; ++i) put(queue, i, false);
  EXPECT_LE(queue.held_bytes(), 35u);
  EXPECT_EQ(queue.gaps()[GapReason::kQueueFull], 7u);
}

TEST(SendQueue, RunsOfGapsStayFew) {
  SendQueue queue({.capacity = 1, .when_full = WhenFull::kLatest, .deadline = milliseconds(1)}, kStart);
  MonotonicTime now = kStart;
  for (uint64_t i = 0; i < 2000; ++i) {
    put(queue, i, false, now);
    if (i % 2) queue.expire(now += milliseconds(5));
  }
  ASSERT_TRUE(queue.attach(std::nullopt, 1));
  put(queue, 2000, false, now);
  const auto next = queue.next(now);
  ASSERT_TRUE(next);
  GapCounts gaps = next->gaps;
  EXPECT_EQ(gaps.sum(), 2000u);
}

TEST(SendQueue, WhatCannotBeSentBecomesAGap) {
  SendQueue queue({.capacity = 4, .when_full = WhenFull::kDropOldest}, kStart);
  put(queue, 0, false);
  put(queue, 1, false);
  ASSERT_TRUE(queue.attach(std::nullopt, 10));
  ASSERT_TRUE(queue.next(kStart));
  queue.take_back(0, GapReason::kTooLarge);
  const auto next = queue.next(kStart);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->number, 1u);
  GapCounts gaps = next->gaps;
  EXPECT_EQ(gaps[GapReason::kTooLarge], 1u);
}

TEST(SendQueue, RefusesImpossibleAcknowledgements) {
  SendQueue queue({.capacity = 4}, kStart);
  put(queue, 0, false);
  EXPECT_FALSE(queue.attach(2, 4));
  ASSERT_TRUE(queue.attach(std::nullopt, 4));
  EXPECT_FALSE(queue.acknowledge(1, 4)) << "not sent yet";
  ASSERT_TRUE(queue.next(kStart));
  EXPECT_TRUE(queue.acknowledge(1, 4));
}

TEST(SendQueue, EndComesAfterEverythingAndAgainForANewReceiver) {
  SendQueue queue({.capacity = 4}, kStart);
  put(queue, 0, false);
  queue.end();
  ASSERT_TRUE(queue.attach(std::nullopt, 4));
  EXPECT_EQ(queue.next(kStart)->kind, SendQueue::Next::Kind::kObservation);
  EXPECT_EQ(queue.next(kStart)->kind, SendQueue::Next::Kind::kEnd);
  EXPECT_FALSE(queue.drained());
  ASSERT_TRUE(queue.acknowledge(2, 4));
  EXPECT_TRUE(queue.drained());
  queue.detach(kStart);
  ASSERT_TRUE(queue.attach(std::nullopt, 4));
  const auto again = queue.next(kStart);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->kind, SendQueue::Next::Kind::kEnd);
}

/// Sender and receiver joined by a wire that breaks at random: messages and credits in flight are lost.
void run_broken_wire(uint32_t seed, WhenFull when_full) {
  std::mt19937 random(seed);
  const auto chance = [&](uint32_t percent) { return random() % 100 < percent; };
  SendQueue queue({.capacity = 1 + random() % 6, .when_full = when_full, .patience = Duration{0}}, kStart);
  ReceiveOrder order(1 + random() % 6);
  std::deque<SendQueue::Next> wire;
  std::deque<ReceiveOrder::Credit> credits;
  uint64_t made = 0, received = 0, gaps = 0, last = 0;
  const auto deliver = [&] {
    const SendQueue::Next message = wire.front();
    wire.pop_front();
    GapCounts named = message.gaps;
    ReceiveOrder::Arrival arrival;
    if (message.kind == SendQueue::Next::Kind::kObservation) {
      arrival = order.observation(message.number, named.sum());
      ASSERT_NE(arrival.verdict, ReceiveOrder::Verdict::kViolation) << "seed " << seed;
      ASSERT_NE(arrival.verdict, ReceiveOrder::Verdict::kRepeat) << "seed " << seed;
      const uint64_t sequence = message.item->observation.frame().sequence;
      ASSERT_EQ(sequence, received + gaps + arrival.explained) << "seed " << seed;
      ASSERT_TRUE(received == 0 || sequence > last) << "seed " << seed;
      last = sequence;
      ++received;
      if (chance(80)) order.grant(1);
    } else {
      arrival = order.mark(message.number, named.sum(), message.kind == SendQueue::Next::Kind::kEnd);
    }
    ASSERT_EQ(arrival.lost, 0u) << "seed " << seed;
    gaps += arrival.explained;
    if (const auto credit = order.due(chance(20))) credits.push_back(*credit);
  };
  bool up = false;
  for (int step = 0; step < 3000 || !order.ended(); ++step) {
    ASSERT_LT(step, 100000) << "seed " << seed;
    if (step == 3000) queue.end();
    if (step > 3000 && chance(30)) order.grant(1);
    if (up && step < 6000 && chance(2)) {
      up = false;
      wire.clear();
      credits.clear();
      queue.detach(kStart);
      order.detach();
    }
    if (!up && chance(30)) {
      up = true;
      const auto attach = order.attach(7, 4);
      ASSERT_FALSE(attach.restarted);
      ASSERT_TRUE(queue.attach(attach.resumes ? std::optional(attach.next) : std::nullopt, attach.allowed));
    }
    if (step < 3000 && queue.reserve(kStart)) put(queue, made++, true);
    if (up && chance(60))
      if (auto next = queue.next(kStart)) wire.push_back(std::move(*next));
    if (up && !wire.empty() && chance(70)) deliver();
    if (::testing::Test::HasFatalFailure()) return;
    if (up && !credits.empty() && chance(70)) {
      ASSERT_TRUE(queue.acknowledge(credits.front().next, credits.front().allowed)) << "seed " << seed;
      credits.pop_front();
    }
    ASSERT_LE(queue.held(), 12u);
    if (order.ended() && order.places() == 0) order.grant(1);
  }
  EXPECT_EQ(received + gaps, made) << "seed " << seed;
  EXPECT_TRUE(when_full != WhenFull::kBlock || gaps == 0) << "seed " << seed;
}

TEST(SendQueue, NothingIsLostOrDoubledOnAWireThatBreaks) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    run_broken_wire(seed, WhenFull::kBlock);
    run_broken_wire(seed, WhenFull::kLatest);
    run_broken_wire(seed, WhenFull::kDropOldest);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace vedette::link
