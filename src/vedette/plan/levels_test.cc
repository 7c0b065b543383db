#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vedette/plan/supervisor.h"
#include "vedette/plan/testing.h"

namespace vedette::plan {
namespace {

using plan::testing::module;
using plan::testing::tracking;
using ::testing::ElementsAre;

ApplicationWish wish() {
  auto out = tracking("people", {"yard"});
  out.modules.insert(out.modules.begin() + 2, module("who", "reid", {"track"}, R"({"model":"osnet-x1"})"));
  out.allowance.fps = {10, 7.5};
  out.allowance.models = {{"detect", {"nanodet-g-256"}}, {"who", {"osnet-x05", "osnet-x025"}}};
  return out;
}

TEST(Levels, TakeOneThingAtATime) {
  EXPECT_EQ(lowest_level(wish()), 5);
  const std::vector<std::string> expected = {"as wished",
                                             "frame rate 15 → 10",
                                             "frame rate 10 → 7.5",
                                             "model of detect nanodet-g-320 → nanodet-g-256",
                                             "model of who osnet-x1 → osnet-x05",
                                             "model of who osnet-x05 → osnet-x025"};
  for (int level = 0; level <= 5; ++level)
    EXPECT_EQ(describe_level(wish(), level), expected[static_cast<size_t>(level)]);
  EXPECT_EQ(describe_level(wish(), 99), expected.back());
  EXPECT_EQ(at_level(wish(), 0).modules.size(), 4u);
  EXPECT_EQ(describe_level(tracking("plain", {"yard"}), 1), "as wished");
}

TEST(Levels, ARateStandsBehindTheSources) {
  const auto low = at_level(wish(), 1);
  ASSERT_EQ(low.modules.size(), 5u);
  EXPECT_EQ(low.modules[0].name, "rate");
  EXPECT_EQ(low.modules[0].type, "rate");
  EXPECT_EQ(low.modules[0].settings, R"({"fps":10})");
  EXPECT_EQ(low.modules[0].scope, Scope::kPerStream);
  EXPECT_THAT(low.modules[0].inputs, ElementsAre(kSource));
  EXPECT_THAT(low.modules[1].inputs, ElementsAre("rate"));
  EXPECT_THAT(low.modules[2].inputs, ElementsAre("detect"));
  EXPECT_EQ(rate_limit("rate", at_level(wish(), 2).modules[0].settings), 7.5);
  auto named = wish();
  named.modules[1].name = "rate";
  named.modules[2].inputs = {"rate"};
  EXPECT_EQ(at_level(named, 1).modules[0].name, "rate-");
  EXPECT_NE(stage_key(wish(), "detect"), stage_key(low, "detect"));  // the same camera at another rate
}

TEST(Levels, ModelsAreReplacedWhereTheyStand) {
  auto last = at_level(wish(), 99);
  EXPECT_EQ(model_of(last.modules[1].settings), "nanodet-g-256");
  EXPECT_EQ(model_of(last.modules[3].settings), "osnet-x025");
  auto nested = wish();
  nested.modules[0].settings = R"({"queue":{"size":4},"settings":{"model":"a","score":0.1}})";
  nested.allowance.fps.clear();
  EXPECT_EQ(at_level(nested, 1).modules[0].settings,
            R"({"queue":{"size":4},"settings":{"model":"nanodet-g-256","score":0.1}})");
  nested.modules[0].settings = "no json";
  EXPECT_EQ(at_level(nested, 1).modules[0].settings, "no json");
}

}  // namespace
}  // namespace vedette::plan
