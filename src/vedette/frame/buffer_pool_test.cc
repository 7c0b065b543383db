#include "vedette/frame/buffer_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace vedette {
namespace {

TEST(BufferPool, HandsTheSameBufferOutAgain) {
  BufferPool pool;
  const uint8_t* first = pool.acquire(100'000).get();
  EXPECT_GT(pool.stats().idle_bytes, 0u);
  const auto again = pool.acquire(100'000);
  EXPECT_EQ(again.get(), first);
  EXPECT_EQ(pool.stats().allocated, 1u);
  EXPECT_EQ(pool.stats().reused, 1u);
  EXPECT_EQ(pool.stats().idle_bytes, 0u);
}

TEST(BufferPool, NearlyEqualSizesShareBuffers) {
  BufferPool pool;
  pool.acquire(99'000).reset();
  pool.acquire(99'500).reset();
  EXPECT_EQ(pool.stats().allocated, 1u);
}

TEST(BufferPool, BuffersInUseAreDistinctAndAligned) {
  BufferPool pool;
  const auto a = pool.acquire(1), b = pool.acquire(1);
  EXPECT_NE(a.get(), b.get());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.get()) % 64, 0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(b.get()) % 64, 0u);
}

TEST(BufferPool, KeepsNoMoreThanItsLimit) {
  BufferPool pool({.max_idle_bytes = 8192});
  {
    std::vector<std::shared_ptr<uint8_t>> many;
    for (int i = 0; i < 10; ++i) many.push_back(pool.acquire(4096));
  }
  EXPECT_EQ(pool.stats().idle_bytes, 8192u);
}

TEST(BufferPool, ABufferMayOutliveItsPool) {
  std::shared_ptr<uint8_t> buffer;
  {
    BufferPool pool;
    buffer = pool.acquire(4096);
  }
  std::memset(buffer.get(), 1, 4096);
  EXPECT_EQ(buffer.get()[4095], 1);
}

TEST(BufferPool, ServesManyThreads) {
  BufferPool pool;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&pool, t] {
        for (int i = 0; i < 500; ++i) {
          const auto buffer = pool.acquire(4096);
          std::memset(buffer.get(), t, 4096);
          ASSERT_EQ(buffer.get()[i], t);
        }
      });
  }
  const auto stats = pool.stats();
  EXPECT_EQ(stats.allocated + stats.reused, 2'000u);
  EXPECT_LE(stats.allocated, 4u);
}

}  // namespace
}  // namespace vedette
