#include "vedette/plan/node_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "vedette/base/error.h"
#include "vedette/plan/testing.h"

namespace vedette::plan {
namespace {

using plan::testing::Dice;
using plan::testing::module;
using plan::testing::pieces_of;
using plan::testing::random_application;
using plan::testing::tracking;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::map<std::string, std::vector<std::string>> kAddresses = {
    {"box-1", {"tcp://10.0.0.1:7400"}}, {"box-2", {"tcp://10.0.0.2:7400"}}, {"box-3", {}}};

TEST(NodePlans, CutBetweenDetectorAndTracker) {
  const std::vector<ApplicationWish> wishes = {tracking("people", {"yard"})};
  const Shared shared = share(wishes);
  Placement placement;
  for (const auto& piece : pieces_of(shared)) placement[piece] = "box-2";
  placement[{kSource, shared.streams[0].key}] = "box-1";
  placement[{shared.stages[0].key, shared.streams[0].key}] = "box-1";
  const auto plans = node_plans(shared, wishes, placement, 7, kAddresses);
  ASSERT_THAT(plans, SizeIs(3));
  const NodePlan& one = plans.at("box-1");
  EXPECT_EQ(one.version, 7u);
  EXPECT_THAT(one.sources, ElementsAre(shared.streams[0].key));
  ASSERT_THAT(one.exports, ElementsAre(Channel{shared.stages[0].key, shared.streams[0].key, "box-2", false, false}));
  EXPECT_THAT(one.imports, IsEmpty());
  EXPECT_THAT(one.peers,
              ElementsAre(std::pair<const std::string, std::vector<std::string>>{"box-2", {"tcp://10.0.0.2:7400"}}));
  const NodePlan& two = plans.at("box-2");
  EXPECT_THAT(two.sources, IsEmpty());
  EXPECT_THAT(two.stages, SizeIs(2));
  EXPECT_THAT(two.streams, SizeIs(1));
  EXPECT_THAT(two.imports, ElementsAre(Channel{shared.stages[0].key, shared.streams[0].key, "box-1", false, false}));
  ASSERT_THAT(two.applications, SizeIs(1));
  EXPECT_THAT(two.applications[0].modules, SizeIs(3));
  EXPECT_THAT(plans.at("box-3").applications, IsEmpty());
}

TEST(NodePlans, APictureTravelsWhereAnythingBehindReadsIt) {
  auto wish = tracking("people", {"yard"});
  wish.modules.insert(wish.modules.begin() + 2, module("who", "reid", {"track"}));
  const std::vector<ApplicationWish> wishes = {wish};
  const Shared shared = share(wishes);
  const auto yard = shared.streams[0].key;
  Placement placement;
  for (const auto& piece : pieces_of(shared)) placement[piece] = "box-1";
  placement[{stage_key(wish, "track"), yard}] = "box-2";  // does not look at it, but it must go on from there
  placement[{stage_key(wish, "who"), yard}] = "box-3";
  const auto plans = node_plans(shared, wishes, placement, 1, kAddresses);
  EXPECT_THAT(plans.at("box-2").imports, ElementsAre(Channel{stage_key(wish, "detect"), yard, "box-1", true, true}));
  EXPECT_THAT(plans.at("box-2").exports, ElementsAre(Channel{stage_key(wish, "track"), yard, "box-1", false, false},
                                                     Channel{stage_key(wish, "track"), yard, "box-3", true, true}));
  // `out` reads from the tracker, on the first node again, without the picture.
  EXPECT_THAT(plans.at("box-1").imports, ElementsAre(Channel{stage_key(wish, "track"), yard, "box-2", false, false}));
}

/// Follows every edge of every application through the plans.
void expect_faithful(const Shared& shared, const Placement& placement, const std::map<std::string, NodePlan>& plans) {
  size_t stages = 0, sources = 0;
  std::set<Channel> imports, exports;  // as (producer, stream, from, to)
  for (const auto& [name, plan] : plans) {
    EXPECT_EQ(plan.node, name);
    EXPECT_EQ(node_plan_from_json(to_json(plan)), plan);  // which checks that it holds together as well
    sources += plan.sources.size();
    for (const auto& stage : plan.stages) {
      stages += stage.scope == Scope::kGlobal ? 1 : stage.streams.size();
      for (const auto& stream : stage.streams) {
        EXPECT_EQ(placement.at({stage.key, stage.scope == Scope::kGlobal ? "" : stream}), name);
        for (const auto& input : stage.inputs) {
          const Stage* producer = shared.find_stage(input);
          const auto& from = placement.at({input, producer && producer->scope == Scope::kGlobal ? "" : stream});
          const auto found = std::find_if(plan.imports.begin(), plan.imports.end(), [&](const Channel& c) {
            return c.producer == input && c.stream == stream && c.node == from;
          });
          EXPECT_EQ(found != plan.imports.end(), from != name);
          if (found != plan.imports.end()) {
            EXPECT_TRUE(found->pixels || !stage.reads_pixels);
          }
        }
      }
    }
    for (const auto& c : plan.imports) imports.insert({c.producer, c.stream, c.node + ">" + name, c.pixels, c.crops});
    for (const auto& c : plan.exports) exports.insert({c.producer, c.stream, name + ">" + c.node, c.pixels, c.crops});
    for (const auto& c : plan.exports) EXPECT_TRUE(plan.peers.contains(c.node));
  }
  EXPECT_EQ(imports, exports);
  EXPECT_EQ(stages + sources, placement.size());
}

TEST(NodePlans, WhateverThePlacementEveryEdgeIsThere) {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Dice dice(seed);
    std::vector<ApplicationWish> wishes;
    for (size_t i = 0; i < 1 + dice.below(5); ++i) wishes.push_back(random_application(dice, fmt::format("app-{}", i)));
    const Shared shared = share(wishes);
    Placement placement;
    for (const auto& piece : pieces_of(shared)) placement[piece] = fmt::format("box-{}", 1 + dice.below(3));
    auto plans = node_plans(shared, wishes, placement, seed, kAddresses);
    expect_faithful(shared, placement, plans);

    // Without one application: what is left holds together, and is what would be there without it.
    const std::vector<std::string> gone = {wishes.back().name};
    wishes.pop_back();
    const Shared left = share(wishes);
    Placement kept;
    for (const auto& piece : pieces_of(left)) kept[piece] = placement.at(piece);
    const auto expected = node_plans(left, wishes, kept, seed, kAddresses);
    for (const auto& [name, plan] : plans) {
      const NodePlan cut = without(plan, gone);
      EXPECT_EQ(node_plan_from_json(to_json(cut)), cut);
      EXPECT_EQ(cut.sources, expected.at(name).sources);
      EXPECT_EQ(cut.stages.size(), expected.at(name).stages.size());
      for (size_t i = 0; i < std::min(cut.stages.size(), expected.at(name).stages.size()); ++i) {
        EXPECT_EQ(cut.stages[i].key, expected.at(name).stages[i].key);
        EXPECT_EQ(cut.stages[i].streams, expected.at(name).stages[i].streams);
        EXPECT_EQ(cut.stages[i].users, expected.at(name).stages[i].users);
      }
      EXPECT_EQ(cut.imports.size(), expected.at(name).imports.size());
      EXPECT_GE(cut.exports.size(), expected.at(name).exports.size());
      EXPECT_EQ(cut.applications.size(), expected.at(name).applications.size());
    }
  }
}

TEST(NodePlans, OneNodeHasItAll) {
  const std::vector<ApplicationWish> wishes = {tracking("a", {"yard", "gate"}), tracking("b", {"gate"})};
  const NodePlan plan = plan_for_one(wishes, "local", 3);
  EXPECT_THAT(plan.sources, SizeIs(2));
  EXPECT_THAT(plan.stages, SizeIs(4));
  EXPECT_THAT(plan.applications, SizeIs(2));
  EXPECT_THAT(plan.imports, IsEmpty());
  EXPECT_THAT(plan.peers, IsEmpty());
  EXPECT_EQ(plan_for_one({}, "local", 1).stages.size(), 0u);
  EXPECT_THAT(without(plan, std::vector<std::string>{"a", "b"}).streams, IsEmpty());
}

std::string fault_of(const std::string& text) {
  try {
    node_plan_from_json(text);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidData);
    return e.what();
  }
  return "none";
}

TEST(NodePlanJson, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(fault_of(R"({"node":"a","of a newer version":[1]})"), "none");
  EXPECT_THAT(fault_of("{"), HasSubstr("node plan: not JSON: "));
  EXPECT_THAT(fault_of("[]"), HasSubstr("node plan: expected an object"));
  EXPECT_THAT(fault_of("{}"), HasSubstr("for no node"));
  EXPECT_THAT(fault_of(R"({"node":1})"), HasSubstr("node plan, node: expected text, found number"));
  EXPECT_THAT(fault_of(R"({"node":"a","version":-1})"), HasSubstr("version: expected a whole number from 0 on"));
  EXPECT_THAT(fault_of(R"({"node":"a","version":1e99})"), HasSubstr("version: expected a whole number"));
  EXPECT_THAT(fault_of(R"({"node":"a","stages":[{"key":"k","streams":[3]}]})"),
              HasSubstr("stages[0].streams: expected text"));
  EXPECT_THAT(fault_of(R"({"node":"a","stages":[{"key":"k","scope":"all"}]})"),
              HasSubstr("stages[0].scope: expected one of stateless, per_stream, global, found 'all'"));
  EXPECT_THAT(fault_of(R"({"node":"a","stages":[{"key":"k","streams":["s"]}]})"), HasSubstr("stage 'k' names 's'"));
  EXPECT_THAT(fault_of(R"({"node":"a","streams":[{"key":"s"},{"key":"s"}]})"),
              HasSubstr("stream 's' stands there twice"));
  EXPECT_THAT(
      fault_of(R"({"node":"a","streams":[{"key":"s"}],"stages":[{"key":"k","streams":["s"],"inputs":["source"]}]})"),
      HasSubstr("neither made above it nor imported"));
  EXPECT_THAT(fault_of(R"({"node":"a","streams":[{"key":"s"}],"imports":[{"producer":"p","stream":"s","node":"a"}]})"),
              HasSubstr("another node"));
  EXPECT_THAT(fault_of(std::string(30, '[')), HasSubstr("deeper than 16"));
  EXPECT_THAT(fault_of(std::string((8u << 20) + 1, ' ')), HasSubstr("more than the 8388608 allowed"));
  EXPECT_THAT(fault_of("{\"node\":\"\xff\"}"), HasSubstr("not JSON"));
}

}  // namespace
}  // namespace vedette::plan
