#include <gtest/gtest.h>

#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

using testing::CollectingEmit;

TEST(Rate, LetsThroughEvenlyAndCountsTheRest) {
  auto rate = testing::start_module("rate", "fps: 5");
  CollectingEmit emit;
  for (uint64_t n = 0; n < 30; ++n)
    rate->process(testing::test_observation({.seconds = static_cast<double>(n) / 15, .sequence = n}), emit);
  ASSERT_EQ(emit.observations.size(), 10u);
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(emit.observations[i].frame().sequence, 3 * i);
  EXPECT_EQ(emit.drops["rate"], 20);
}

TEST(Rate, RefusesARateOfNothing) {
  EXPECT_EQ(testing::settings_faults("rate", "fps: 5"), "");
  EXPECT_NE(testing::settings_faults("rate", "fps: 0"), "");
}

}  // namespace
}  // namespace vedette::modules
