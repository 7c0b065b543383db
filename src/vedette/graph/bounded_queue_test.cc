#include "vedette/graph/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>

namespace vedette::graph {
namespace {

TEST(BoundedQueue, GivesBackInTheOrderOfPutting) {
  BoundedQueue<int> queue({.capacity = 3});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(queue.put(i));
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_EQ(queue.front(), 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(queue.take(), i);
  EXPECT_TRUE(queue.empty());
}

TEST(BoundedQueue, BlockNeverLosesAnythingEvenBeyondItsCapacity) {
  BoundedQueue<int> queue({.capacity = 1, .when_full = WhenFull::kBlock});
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(queue.put(i));
  EXPECT_EQ(queue.size(), 5u);
}

TEST(BoundedQueue, LatestKeepsTheNewestWhateverItsCapacity) {
  BoundedQueue<int> queue({.capacity = 8, .when_full = WhenFull::kLatest});
  EXPECT_EQ(queue.options().capacity, 1u);
  EXPECT_FALSE(queue.put(1));
  EXPECT_EQ(queue.put(2), 1);
  EXPECT_EQ(queue.put(3), 2);
  EXPECT_EQ(queue.take(), 3);
  EXPECT_TRUE(queue.empty());
}

TEST(BoundedQueue, DropOldestLetsTheOldestGo) {
  BoundedQueue<int> queue({.capacity = 2, .when_full = WhenFull::kDropOldest});
  EXPECT_FALSE(queue.put(1));
  EXPECT_FALSE(queue.put(2));
  EXPECT_EQ(queue.put(3), 1);
  EXPECT_EQ(queue.take(), 2);
  EXPECT_FALSE(queue.put(4));
  EXPECT_EQ(queue.size(), 2u);
}

TEST(BoundedQueue, HoldsThingsThatCannotBeCopied) {
  BoundedQueue<std::unique_ptr<int>> queue({.capacity = 1, .when_full = WhenFull::kDropOldest});
  queue.put(std::make_unique<int>(1));
  EXPECT_EQ(**queue.put(std::make_unique<int>(2)), 1);
  EXPECT_EQ(*queue.take(), 2);
}

TEST(BoundedQueueDeathTest, IsNeverOfNoCapacityAndNeverTakenFromWhenEmpty) {
  EXPECT_DEATH(BoundedQueue<int>({.capacity = 0}), "capacity");
  BoundedQueue<int> queue({.capacity = 1});
  EXPECT_DEATH(queue.take(), "empty");
}

}  // namespace
}  // namespace vedette::graph
