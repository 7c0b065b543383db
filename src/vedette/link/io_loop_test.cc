#include "vedette/link/io_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <future>

namespace vedette::link {
namespace {

constexpr std::chrono::seconds kLongEnough{20};

MonotonicTime far() { return Clock::system().monotonic() + kLongEnough; }

struct Loop : ::testing::Test {
 public:
  Loop() : loop([](MonotonicTime now) { return now + std::chrono::seconds(1); }) { loop.start(); }
  /// The thread on which the loop runs what is posted now.
  std::thread::id runner() {
    std::promise<std::thread::id> who;
    loop.post([&] { who.set_value(std::this_thread::get_id()); });
    auto answer = who.get_future();
    EXPECT_EQ(answer.wait_for(kLongEnough), std::future_status::ready);
    return answer.get();
  }
  IoLoop loop;
};

TEST_F(Loop, RunsOnItsOwnThreadWhileNobodyLendsOne) {
  const auto first = runner();
  EXPECT_NE(first, std::this_thread::get_id());
  EXPECT_EQ(runner(), first);
}

TEST_F(Loop, RunsOnTheThreadThatWaitsForWhatItBrings) {
  const auto own = runner();
  std::atomic<int> came{0};
  std::thread::id where;
  std::promise<void> lending;
  std::jthread poster([&] {
    lending.get_future().wait();
    loop.post([&] {
      where = std::this_thread::get_id();
      ++came;
    });
  });
  std::once_flag once;
  EXPECT_TRUE(loop.lend(
      [&] {
        std::call_once(once, [&] { lending.set_value(); });
        return came > 0;
      },
      far()));
  EXPECT_EQ(where, std::this_thread::get_id());
  EXPECT_FALSE(loop.on_thread());
  EXPECT_EQ(runner(), own) << "what is posted after the guest left";
}

TEST_F(Loop, BringsAGuestWhatADescriptorHas) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
  const Descriptor out(ends[0]), in(ends[1]);
  struct Reader final : IoLoop::Handler {
    explicit Reader(int from) : fd(from) {}
    void on_ready() override {
      char byte = 0;
      while (::read(fd, &byte, 1) == 1) ++bytes;
    }
    int fd;
    std::atomic<int> bytes{0};
  };
  const auto reader = std::make_shared<Reader>(out.get());
  std::promise<void> added;
  loop.post([&] {
    loop.add(out.get(), reader);
    added.set_value();
  });
  added.get_future().wait();
  for (int i = 1; i <= 100; ++i) {
    ASSERT_EQ(::write(in.get(), "x", 1), 1);
    EXPECT_TRUE(loop.lend([&] { return reader->bytes >= i; }, far()));
    EXPECT_EQ(reader->bytes, i);
  }
}

TEST_F(Loop, AGuestLeavesAtItsDeadline) {
  EXPECT_TRUE(loop.lend([] { return false; }, Clock::system().monotonic()));
}

TEST_F(Loop, OfTwoThatWaitOneRunsItAndTheOtherIsServed) {
  std::promise<void> running, served;
  auto is_running = running.get_future();
  std::atomic<bool> enough{false};
  std::once_flag once;
  std::jthread guest([&] {
    EXPECT_TRUE(loop.lend(
        [&] {
          std::call_once(once, [&] { running.set_value(); });
          return enough.load();
        },
        far()));
  });
  is_running.wait();
  ASSERT_FALSE(loop.lend([] { return false; }, far()));
  loop.post([&] { served.set_value(); });
  EXPECT_EQ(served.get_future().wait_for(kLongEnough), std::future_status::ready);
  loop.wait_is_over();
  enough = true;
  loop.post([] {});
  guest.join();
  EXPECT_NE(runner(), std::thread::id());
}

TEST_F(Loop, WhoeverStillWaitsIsServedWhenTheGuestHasLeft) {
  std::promise<void> running;
  auto is_running = running.get_future();
  std::atomic<bool> enough{false};
  std::once_flag once;
  std::jthread guest([&] {
    loop.lend(
        [&] {
          std::call_once(once, [&] { running.set_value(); });
          return enough.load();
        },
        far());
  });
  is_running.wait();
  ASSERT_FALSE(loop.lend([] { return false; }, far()));  // this thread waits elsewhere
  enough = true;
  loop.post([] {});
  guest.join();
  const auto own = runner();
  EXPECT_NE(own, std::this_thread::get_id());
  // A second one does not take the loop from the thread that serves both.
  EXPECT_FALSE(loop.lend([] { return false; }, far()));
  loop.wait_is_over();
  loop.wait_is_over();
  EXPECT_TRUE(loop.lend([] { return true; }, far()));
}

TEST_F(Loop, StopEndsAGuestsTurnAndRunsWhatWasPosted) {
  std::promise<void> running;
  auto is_running = running.get_future();
  std::once_flag once;
  std::jthread guest([&] {
    loop.lend(
        [&] {
          std::call_once(once, [&] { running.set_value(); });
          return false;
        },
        far());
  });
  is_running.wait();
  std::atomic<bool> ran{false};
  loop.post([&] { ran = true; });
  loop.stop();
  EXPECT_TRUE(ran);
  guest.join();
  EXPECT_FALSE(loop.lend([] { return false; }, far())) << "nobody waits in a loop that has ended";
  loop.wait_is_over();
}

}  // namespace
}  // namespace vedette::link
