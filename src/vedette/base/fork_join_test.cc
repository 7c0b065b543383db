#include "vedette/base/fork_join.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <stdexcept>

namespace vedette {
namespace {

TEST(ForkJoin, DoesEachPartOnce) {
  ForkJoin fork(3, "test");
  for (size_t parts = 0; parts < 40; ++parts) {
    std::vector<std::atomic<int>> done(parts);
    fork.run(parts, [&](size_t part) { ++done[part]; });
    for (const auto& times : done) EXPECT_EQ(times, 1);
  }
}

TEST(ForkJoin, PartsRunSideBySide) {
  ForkJoin fork(3, "test");
  std::barrier together(4);  // would hang if one had to end before the next began
  fork.run(4, [&](size_t) { together.arrive_and_wait(); });
}

TEST(ForkJoin, WithoutHelpersTheCallerDoesIt) {
  ForkJoin fork(0, "test");
  const auto caller = std::this_thread::get_id();
  int done = 0;
  fork.run(5, [&](size_t) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    ++done;
  });
  EXPECT_EQ(done, 5);
}

TEST(ForkJoin, HandsOnWhatAPartThrowsAndGoesOn) {
  ForkJoin fork(2, "test");
  std::atomic<int> under_way = 0;
  for (int i = 0; i < 50; ++i) {
    EXPECT_THROW(fork.run(8,
                          [&](size_t part) {
                            ++under_way;
                            if (part == 3) {
                              --under_way;
                              throw std::runtime_error("part 3");
                            }
                            --under_way;
                          }),
                 std::runtime_error);
    EXPECT_EQ(under_way, 0) << "a part outlived the call";
  }
  std::atomic<int> done = 0;
  fork.run(8, [&](size_t) { ++done; });
  EXPECT_EQ(done, 8);
}

TEST(ForkJoin, ManyCallersAtOnce) {
  ForkJoin fork(2, "test");
  std::atomic<int> done = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i)
      callers.emplace_back([&] {
        for (int k = 0; k < 200; ++k) fork.run(5, [&](size_t) { ++done; });
      });
  }
  EXPECT_EQ(done, 4 * 200 * 5);
}

}  // namespace
}  // namespace vedette
