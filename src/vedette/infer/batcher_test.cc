#include "vedette/infer/batcher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

namespace vedette::infer {
namespace {

using std::chrono::milliseconds;

TEST(BatchPolicy, IsDueWhenFullOrWhenTheOldestHasWaited) {
  ManualClock clock;
  BatchPolicy policy({3, milliseconds(10)});
  EXPECT_EQ(policy.due(clock.monotonic()), 0u);
  EXPECT_FALSE(policy.next_due());
  policy.arrived(clock.monotonic());
  clock.advance(milliseconds(4));
  policy.arrived(clock.monotonic());
  EXPECT_EQ(policy.due(clock.monotonic()), 0u);
  EXPECT_EQ(*policy.next_due() - clock.monotonic(), milliseconds(6));
  clock.advance(milliseconds(6));
  EXPECT_EQ(policy.due(clock.monotonic()), 2u);
  policy.arrived(clock.monotonic());
  policy.arrived(clock.monotonic());
  EXPECT_EQ(policy.due(clock.monotonic()), 3u);
  policy.taken(3);
  EXPECT_EQ(policy.waiting(), 1u);
  EXPECT_EQ(policy.due(clock.monotonic()), 0u);
  policy.withdrawn(0);
  EXPECT_FALSE(policy.next_due());
}

struct Number {
  int in = 0;
  int out = 0;
};

Batcher<Number>::Options options(size_t largest, Duration wait) {
  Batcher<Number>::Options all;
  all.policy = {largest, wait};
  return all;
}

TEST(Batcher, GroupsCallersAndGivesEachItsOwnResult) {
  constexpr int kCallers = 8;
  std::atomic<size_t> runs = 0, largest = 0;
  Batcher<Number> batcher(options(4, std::chrono::seconds(20)), [&](std::span<Number* const> items) {
    ++runs;
    largest = std::max(largest.load(), items.size());
    for (Number* item : items) item->out = item->in * item->in;
  });
  std::vector<std::jthread> callers;
  std::atomic<int> right = 0;
  for (int i = 0; i < kCallers; ++i)
    callers.emplace_back([&, i] {
      Number number{i, 0};
      batcher.submit(number);
      right += number.out == i * i;
    });
  callers.clear();
  EXPECT_EQ(right, kCallers);
  EXPECT_EQ(runs, 2u);  // the wait is so long that only full batches run
  EXPECT_EQ(largest, 4u);
}

TEST(Batcher, AFailureReachesEveryCallerOfTheBatch) {
  Batcher<Number> batcher(options(2, std::chrono::seconds(20)),
                          [](std::span<Number* const>) { throw Error(ErrorCode::kInternal, "boom"); });
  std::atomic<int> failed = 0;
  const auto call = [&] {
    Number number;
    try {
      batcher.submit(number);
    } catch (const Error& e) {
      failed += e.code() == ErrorCode::kInternal;
    }
  };
  std::jthread other(call);
  call();
  other.join();
  EXPECT_EQ(failed, 2);
}

TEST(Batcher, ALoneItemTimesOutOrRunsAndStopRefuses) {
  auto hurried = options(2, std::chrono::hours(1));
  hurried.deadline = Duration(0);
  Batcher<Number> never(hurried, [](std::span<Number* const>) { FAIL(); });
  Number number;
  EXPECT_THROW(never.submit(number), Error);
  Batcher<Number> at_once(options(2, Duration(0)), [](std::span<Number* const> items) { items[0]->out = 1; });
  at_once.submit(number);
  EXPECT_EQ(number.out, 1);
  at_once.stop();
  try {
    at_once.submit(number);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnavailable);
  }
}

TEST(Batcher, StopFailsThoseWhoWait) {
  Batcher<Number> batcher(options(2, std::chrono::hours(1)), [](std::span<Number* const>) { FAIL(); });
  std::latch begun(1);
  std::atomic<bool> refused = false;
  std::jthread caller([&] {
    Number number;
    begun.count_down();
    try {
      batcher.submit(number);
    } catch (const Error& e) {
      refused = e.code() == ErrorCode::kUnavailable;
    }
  });
  begun.wait();
  batcher.stop();
  caller.join();
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace vedette::infer
