#include "vedette/plan/sharing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "vedette/plan/testing.h"

namespace vedette::plan {
namespace {

using plan::testing::Dice;
using plan::testing::module;
using plan::testing::random_application;
using plan::testing::tracking;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::set<std::string> keys_in(const Shared& shared) {
  std::set<std::string> keys;
  for (const auto& stage : shared.stages) keys.insert(stage.key);
  return keys;
}

std::vector<ApplicationWish> random_fleet(Dice& dice, size_t count) {
  std::vector<ApplicationWish> out;
  for (size_t i = 0; i < count; ++i) out.push_back(random_application(dice, fmt::format("app-{}", i)));
  return out;
}

TEST(Sharing, ThreeApplicationsShareOneDetector) {
  auto tracks = tracking("tracks", {"yard"});
  auto roi = tracking("roi", {"yard", "gate"});
  roi.modules[1] = module("watch", "roi", {"detect"});
  roi.modules[2].inputs = {"watch"};
  const std::vector<ApplicationWish> wishes = {tracks, roi};
  const Shared shared = share(wishes);
  ASSERT_EQ(shared.streams.size(), 2u);
  ASSERT_EQ(shared.stages.size(), 5u);  // detect, track, watch, two sinks
  const Stage& detect = shared.stages.front();
  EXPECT_EQ(detect.type, "detect");
  EXPECT_THAT(detect.users, ElementsAre(User{"roi", "detect"}, User{"tracks", "detect"}));
  EXPECT_EQ(detect.streams.size(), 2u);
  EXPECT_EQ(detect.key.size(), 16u);
  EXPECT_THAT(detect.inputs, ElementsAre(kSource));
  EXPECT_EQ(stage_key(tracks, "detect"), detect.key);
  EXPECT_EQ(stage_key(tracks, "yard"), stream_key(tracks.sources[0]));
  EXPECT_EQ(stage_key(tracks, "nobody"), "");
  const Stage* track = shared.find_stage(stage_key(tracks, "track"));
  ASSERT_NE(track, nullptr);
  EXPECT_THAT(track->streams, ElementsAre(stream_key(tracks.sources[0])));
  EXPECT_EQ(shared.find_stage("0000000000000000"), nullptr);
  EXPECT_EQ(shared.find_stream(stream_key(roi.sources[1]))->name, "gate");
  EXPECT_EQ(shared.find_stream("x"), nullptr);
}

TEST(Sharing, ATenantCanForbidIt) {
  auto a = tracking("a", {"yard"});
  auto b = tracking("b", {"yard"});
  auto c = tracking("c", {"yard"});
  b.tenant = c.tenant = "police";
  b.share = c.share = false;
  const std::vector<ApplicationWish> wishes = {a, b, c};
  EXPECT_NE(stage_key(a, "detect"), stage_key(b, "detect"));
  EXPECT_EQ(stage_key(b, "detect"), stage_key(c, "detect"));  // of one tenant
  EXPECT_EQ(share(wishes).streams.size(), 1u);                // a camera is opened once
}

TEST(Sharing, OneThingOverAllStreamsIsSharedOnlyForTheSameStreams) {
  auto a = tracking("a", {"yard", "gate"});
  a.modules.insert(a.modules.begin() + 2, module("all", "count", {"track"}));
  a.modules[2].scope = Scope::kGlobal;
  auto b = a;
  b.name = "b";
  std::swap(b.sources[0], b.sources[1]);
  auto c = a;
  c.name = "c";
  c.sources.pop_back();
  EXPECT_EQ(stage_key(a, "all"), stage_key(b, "all"));
  EXPECT_NE(stage_key(a, "all"), stage_key(c, "all"));
  EXPECT_EQ(stage_key(a, "track"), stage_key(c, "track"));
  EXPECT_NE(stage_key(a, "out"), stage_key(c, "out"));
  c.name = "a";
  EXPECT_EQ(stage_key(a, "out"), stage_key(c, "out"));  // a sink goes on when its application loses a camera
}

TEST(Sharing, InputsAreASetAndPinsCount) {
  auto a = tracking("a", {"yard"});
  a.modules.insert(a.modules.begin() + 2, module("join", "join", {"detect", "track", "detect"}));
  auto b = a;
  b.modules[2].inputs = {"track", "detect"};
  EXPECT_EQ(stage_key(a, "join"), stage_key(b, "join"));
  b.modules[2].pin.labels = {{"gpu", "yes"}};
  EXPECT_NE(stage_key(a, "join"), stage_key(b, "join"));
  auto c = a;  // fields cannot run into each other
  c.modules[0].type = "detect{";
  c.modules[0].settings = R"("model":"nanodet-g-320"})";
  EXPECT_NE(stage_key(a, "detect"), stage_key(c, "detect"));
}

TEST(Sharing, SaysWhatLooksLikeAnOversight) {
  auto a = tracking("a", {"yard"});
  auto b = tracking("b", {"yard"});
  b.sources[0].name = "garden";
  auto c = tracking("c", {"yard"});
  c.sources[0].settings = "{}";
  const std::vector<ApplicationWish> one = {a, b};
  EXPECT_THAT(share(one).notes, ElementsAre(HasSubstr("sources garden, yard have the same settings")));
  const std::vector<ApplicationWish> other = {a, c};
  EXPECT_THAT(share(other).notes,
              ElementsAre(HasSubstr("source yard has different settings in a, c: it runs 2 times")));
  const std::vector<ApplicationWish> fine = {a, tracking("d", {"yard"})};
  EXPECT_THAT(share(fine).notes, IsEmpty());
}

TEST(Sharing, TheOrderOfApplicationsDoesNotMatter) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Dice dice(seed);
    auto fleet = random_fleet(dice, 1 + dice.below(6));
    const Shared before = share(fleet);
    dice.shuffle(fleet);
    for (auto& wish : fleet) {
      dice.shuffle(wish.sources);
      dice.shuffle(wish.modules);
      for (auto& each : wish.modules) dice.shuffle(each.inputs);
    }
    EXPECT_EQ(share(fleet), before) << "seed " << seed;
  }
}

TEST(Sharing, ComingAndGoingTouchesNobodyElse) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Dice dice(1000 + seed);
    auto fleet = random_fleet(dice, 2 + dice.below(5));
    const Shared with = share(fleet);
    const auto gone = fleet.back();
    fleet.pop_back();
    const Shared without = share(fleet);
    std::set<std::string> expected;
    for (const auto& stage : with.stages)
      if (std::any_of(stage.users.begin(), stage.users.end(),
                      [&](const User& u) { return u.application != gone.name; }))
        expected.insert(stage.key);
    EXPECT_EQ(keys_in(without), expected) << "seed " << seed;
    for (const auto& stage : without.stages) {
      Stage cut = *with.find_stage(stage.key);
      std::erase_if(cut.users, [&](const User& u) { return u.application == gone.name; });
      EXPECT_EQ(stage.users, cut.users) << "seed " << seed;
    }
  }
}

TEST(Sharing, EveryApplicationIsInItWhole) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Dice dice(2000 + seed);
    const auto fleet = random_fleet(dice, 1 + dice.below(6));
    const Shared shared = share(fleet);
    std::map<std::string, size_t> place;
    for (const auto& stage : shared.stages) {
      for (const auto& input : stage.inputs) EXPECT_TRUE(input == kSource || place.contains(input)) << "seed " << seed;
      place[stage.key] = place.size();
      EXPECT_TRUE(std::is_sorted(stage.streams.begin(), stage.streams.end()));
      EXPECT_TRUE(!stage.sink || stage.users.size() == 1u);
    }
    std::map<std::string, std::set<std::string>> streams;  // of a stage, from its users
    for (const auto& wish : fleet) {
      const auto keys = stage_keys(wish);
      std::map<std::string, std::string> by_name{{kSource, kSource}};
      for (size_t i = 0; i < keys.size(); ++i) by_name[wish.modules[i].name] = keys[i];
      for (size_t i = 0; i < keys.size(); ++i) {
        const Stage* stage = shared.find_stage(keys[i]);
        ASSERT_NE(stage, nullptr);
        EXPECT_EQ(stage->type, wish.modules[i].type);
        EXPECT_EQ(stage->settings, wish.modules[i].settings);
        EXPECT_EQ(stage->scope, wish.modules[i].scope);
        EXPECT_NE(std::find(stage->users.begin(), stage->users.end(), User{wish.name, wish.modules[i].name}),
                  stage->users.end());
        std::set<std::string> inputs;
        for (const auto& input : wish.modules[i].inputs) inputs.insert(by_name.at(input));
        EXPECT_EQ(std::vector<std::string>(inputs.begin(), inputs.end()), stage->inputs) << "seed " << seed;
        for (const auto& source : wish.sources) streams[keys[i]].insert(stream_key(source));
        if (!wish.share) {
          for (const auto& user : stage->users) {
            const auto other =
                std::find_if(fleet.begin(), fleet.end(), [&](const auto& w) { return w.name == user.application; });
            EXPECT_EQ(other->tenant, wish.tenant);
          }
        }
      }
    }
    for (const auto& stage : shared.stages)
      EXPECT_EQ(stage.streams, std::vector<std::string>(streams[stage.key].begin(), streams[stage.key].end()));
  }
}

}  // namespace
}  // namespace vedette::plan
