#include "vedette/graph/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <mutex>
#include <optional>
#include <thread>

namespace vedette::graph {
namespace {

class Turn final : public Runnable {
 public:
  explicit Turn(std::function<void()> work) : work_(std::move(work)) {}
  void turn() override { work_(); }

 private:
  std::function<void()> work_;
};

class WorkerPoolTest : public ::testing::TestWithParam<size_t> {};

TEST_P(WorkerPoolTest, EachScheduleLeadsToExactlyOneTurn) {
  constexpr int kThreads = 4, kTurns = 2000;
  std::atomic<int> turns{0};
  Turn count([&] { ++turns; });
  {
    WorkerPool pool(GetParam());
    EXPECT_EQ(pool.threads(), GetParam());
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < kTurns; ++i)
          pool.schedule(count, i % 2 ? WorkerPool::Where::kNext : WorkerPool::Where::kAnywhere);
      });
  }
  EXPECT_EQ(turns, kThreads * kTurns);
}

TEST_P(WorkerPoolTest, TurnsScheduledByTurnsAreGivenBeforeThePoolGoes) {
  std::atomic<int> turns{0};
  WorkerPool* here = nullptr;
  std::optional<Turn> chain;
  chain.emplace([&] {
    if (++turns < 1000) here->schedule(*chain, turns % 2 ? WorkerPool::Where::kNext : WorkerPool::Where::kAnywhere);
  });
  {
    WorkerPool pool(GetParam());
    here = &pool;
    pool.schedule(*chain);
  }
  EXPECT_EQ(turns, 1000);
}

TEST_P(WorkerPoolTest, ATimedTurnComesNotBeforeItsTime) {
  WorkerPool pool(GetParam());
  std::latch both(2);
  const MonotonicTime soon = Clock::system().monotonic() + std::chrono::milliseconds(3);
  const MonotonicTime later = soon + std::chrono::milliseconds(3);
  MonotonicTime first, second;
  Turn early([&] { first = Clock::system().monotonic(), both.count_down(); });
  Turn late([&] { second = Clock::system().monotonic(), both.count_down(); });
  pool.schedule_at(late, later);
  pool.schedule_at(early, soon);
  both.wait();
  EXPECT_GE(first, soon);
  EXPECT_GE(second, later);
}

TEST_P(WorkerPoolTest, AForgottenTimedTurnNeverComes) {
  WorkerPool pool(GetParam());
  Turn never([] { ADD_FAILURE(); });
  Turn other([] {});
  const MonotonicTime far = Clock::system().monotonic() + std::chrono::hours(1);
  pool.schedule_at(never, far);
  pool.schedule_at(other, far);
  pool.schedule_at(never, far);
  EXPECT_EQ(pool.forget(never), 2u);
  EXPECT_EQ(pool.forget(never), 0u);
}

TEST_P(WorkerPoolTest, TimedTurnsThatAreNotDueDoNotHoldUpTheEnd) {
  Turn never([] { ADD_FAILURE(); });
  WorkerPool pool(GetParam());
  pool.schedule_at(never, Clock::system().monotonic() + std::chrono::hours(1));
}

/// A worker that keeps the time and is then given something long to do hands the time-keeping on.
TEST(WorkerPool, ATimedTurnComesThoughTheWorkerThatKeptTheTimeIsBusy) {
  WorkerPool pool(2);
  std::latch busy(1), done(1);
  Turn timed([&] { done.count_down(); });
  Turn heavy([&] { busy.count_down(), done.wait(); });
  pool.schedule_at(timed, Clock::system().monotonic() + std::chrono::milliseconds(5));
  pool.schedule(heavy);
  busy.wait();
  done.wait();
}

TEST(WorkerPool, NextRunsOnTheSameWorkerRightAfterwards) {
  WorkerPool pool(4);
  std::latch done(1);
  std::thread::id first, second;
  Turn next([&] { second = std::this_thread::get_id(), done.count_down(); });
  Turn start([&] {
    first = std::this_thread::get_id();
    EXPECT_FALSE(WorkerPool::next_is_waiting());
    pool.schedule(next, WorkerPool::Where::kNext);
    EXPECT_TRUE(WorkerPool::next_is_waiting());
  });
  pool.schedule(start);
  done.wait();
  EXPECT_EQ(first, second);
  EXPECT_FALSE(WorkerPool::next_is_waiting());
}

TEST(WorkerPool, IsAsLargeAsTheMachineUnlessToldOtherwise) {
  EXPECT_EQ(WorkerPool().threads(), std::max(1u, std::thread::hardware_concurrency()));
}

INSTANTIATE_TEST_SUITE_P(Threads, WorkerPoolTest, ::testing::Values(1, 2, 8));

}  // namespace
}  // namespace vedette::graph
