#include "vedette/graph/resequencer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace vedette::graph {
namespace {

TEST(Resequencer, HoldsBackUntilTheFirstIsThere) {
  Resequencer<int> order;
  EXPECT_EQ(order.issue(), 0u);
  EXPECT_EQ(order.issue(), 1u);
  EXPECT_FALSE(order.release());
  order.finish(1, 11);
  EXPECT_FALSE(order.release());
  EXPECT_EQ(order.outstanding(), 2u);
  order.finish(0, 10);
  EXPECT_EQ(order.release(), 10);
  EXPECT_EQ(order.release(), 11);
  EXPECT_FALSE(order.release());
  EXPECT_EQ(order.outstanding(), 0u);
}

TEST(Resequencer, OnlyTheNextTicketPasses) {
  Resequencer<int> order;
  for (int i = 0; i < 3; ++i) order.issue();
  EXPECT_FALSE(order.pass(1));
  order.finish(1, 11);
  EXPECT_TRUE(order.pass(0));
  EXPECT_EQ(order.release(), 11);
  EXPECT_TRUE(order.pass(2));
}

TEST(Resequencer, AnyOrderOfFinishingComesOutInTheOrderOfTheTickets) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Resequencer<uint64_t> order;
    std::vector<uint64_t> running, out;
    uint64_t issued = 0;
    const uint64_t count = 1 + random() % 60;
    while (out.size() < count) {
      const size_t at = running.empty() ? 0 : random() % running.size();
      if (issued < count && (running.empty() || random() % 3 != 0)) {
        EXPECT_EQ(order.issue(), issued);
        running.push_back(issued++);
      } else if (random() % 4 == 0 && order.pass(running[at])) {
        out.push_back(running[at]);
        running.erase(running.begin() + static_cast<ptrdiff_t>(at));
      } else {
        order.finish(running[at], running[at]);
        running.erase(running.begin() + static_cast<ptrdiff_t>(at));
      }
      while (auto next = order.release()) out.push_back(*next);
    }
    EXPECT_TRUE(std::is_sorted(out.begin(), out.end()));
    EXPECT_EQ(out.size(), count);
    EXPECT_EQ(order.outstanding(), 0u);
  }
}

}  // namespace
}  // namespace vedette::graph
