#include "vedette/fleet/controller_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "vedette/fleet/testing.h"
#include "vedette/net/message.h"

namespace vedette::fleet {
namespace {

using testing::app_yaml;
using ::testing::ElementsAre;
using testing::FakeNode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Rig;
using ::testing::SizeIs;
using namespace std::chrono_literals;

std::string refusal(Rig& rig, const FakeNode& node) {
  try {
    rig.core.on_report(node.report, rig.now());
  } catch (const Error& e) {
    return e.line();
  }
  return "";
}

TEST(ControllerCore, PlacesAnApplicationOnTheNodeThatIsThere) {
  Rig rig;
  rig.add("box-1");
  rig.put(app_yaml("people", {"yard", "gate"}));
  rig.rounds(3);
  EXPECT_THAT(rig.nodes_of("people"), ElementsAre("box-1"));
  ASSERT_TRUE(rig.nodes.at("box-1").plan);
  EXPECT_THAT(rig.nodes.at("box-1").plan->sources, SizeIs(2));
  EXPECT_EQ(rig.core.find("people")->record.good_version, 1u);
}

TEST(ControllerCore, WaitsForANodeAndSaysSo) {
  Rig rig;
  rig.put(app_yaml("people", {"yard"}));
  rig.rounds(1);
  EXPECT_THAT(rig.nodes_of("people"), IsEmpty());
  EXPECT_THAT(rig.log_text(), HasSubstr("no node is there"));
  rig.add("box-1");
  rig.rounds(2);
  EXPECT_THAT(rig.nodes_of("people"), ElementsAre("box-1"));
}

TEST(ControllerCore, NothingChangesWhileNothingChanges) {
  Rig rig;
  for (const char* name : {"box-1", "box-2", "box-3"}) rig.add(name, 2);
  for (const char* name : {"a", "b", "c"}) rig.put(app_yaml(name, {"yard", "gate"}));
  rig.rounds(20);
  const uint64_t version = rig.core.snapshot(rig.now()).plan_version;
  const auto placement = rig.core.snapshot(rig.now()).planned->placement;
  rig.rounds(600);
  EXPECT_EQ(rig.core.snapshot(rig.now()).plan_version, version) << rig.log_text();
  EXPECT_EQ(rig.core.snapshot(rig.now()).planned->placement, placement);
}

TEST(ControllerCore, ALostNodesWorkRunsElsewhereAtOnceAndItsReturnGetsItANewPlan) {
  Rig rig;
  rig.add("box-1");
  rig.add("box-2");
  rig.put(app_yaml("people", {"yard"}));
  rig.rounds(5);
  const std::string first = rig.nodes_of("people").front();
  const std::string second = first == "box-1" ? "box-2" : "box-1";
  rig.down.insert(first);
  rig.rounds(20);  // 2.0 s since its last report: the lease holds to its end
  EXPECT_THAT(rig.nodes_of("people"), ElementsAre(first));
  rig.rounds(1);
  EXPECT_THAT(rig.nodes_of("people"), ElementsAre(second)) << rig.log_text();
  rig.rounds(1);
  EXPECT_THAT(rig.nodes.at(second).plan->sources, SizeIs(1));
  EXPECT_THAT(rig.log_text(), HasSubstr(first + " is lost: nothing was heard of it for 2.1 s"));

  const uint64_t old = rig.nodes.at(first).plan->version;
  rig.down.clear();
  rig.rounds(3);
  EXPECT_GT(rig.nodes.at(first).plan->version, old);
  EXPECT_THAT(rig.nodes.at(first).plan->sources, IsEmpty()) << "its work has gone on elsewhere";
  EXPECT_THAT(rig.log_text(), HasSubstr(first + " is back"));
}

TEST(ControllerCore, OnlyThePartPinnedToALostNodeStops) {
  Rig rig;
  rig.add("box-1");
  rig.add("box-2");
  Application app = testing::application(app_yaml("people", {"yard", "gate"}));
  app.wish.sources[0].pin.node = "box-1";
  app.wish.sources[1].pin.node = "box-2";
  rig.core.put(app, "test");
  rig.rounds(5);
  rig.down.insert("box-1");
  rig.rounds(25);
  const auto snapshot = rig.core.snapshot(rig.now());
  EXPECT_THAT(snapshot.planned->shared.streams, SizeIs(1)) << "the other camera goes on";
  EXPECT_EQ(snapshot.planned->shared.streams[0].name, "gate");
  ASSERT_TRUE(snapshot.planned->unplaced.contains("people"));
  EXPECT_THAT(snapshot.planned->unplaced.at("people").front(), HasSubstr("yard"));
  for (const auto& [piece, node] : snapshot.planned->placement) EXPECT_EQ(node, "box-2");
  rig.down.clear();
  rig.rounds(5);
  EXPECT_THAT(rig.core.snapshot(rig.now()).planned->shared.streams, SizeIs(2));
}

TEST(ControllerCore, AFailedChangeLeavesTheOldOneRunning) {
  Rig rig;
  rig.add("box-1").cannot["people"] = 2;
  rig.put(app_yaml("people", {"yard"}, "", 0.5));
  rig.rounds(3);
  rig.put(app_yaml("people", {"yard"}, "", 0.9), 2);
  rig.rounds(5);
  const auto app = rig.core.find("people");
  EXPECT_EQ(app->record.version, 3u);
  EXPECT_EQ(app->record.yaml, app_yaml("people", {"yard"}, "", 0.5));
  EXPECT_THAT(app->record.failed, IsEmpty());
  EXPECT_EQ(rig.nodes.at("box-1").report.plan_state, "running");
  EXPECT_THAT(rig.log_text(), HasSubstr("version 2 failed on box-1: no model is named 'missing'; version 1 runs on"));
  EXPECT_THAT(app->record.versions.back().text, HasSubstr("back to version 1"));
}

TEST(ControllerCore, ANewApplicationThatFailsIsMarkedAndTheOthersRunOn) {
  Rig rig;
  FakeNode& box = rig.add("box-1");
  box.cannot["bad"] = 0;
  rig.put(app_yaml("good", {"yard"}));
  rig.rounds(3);
  rig.put(app_yaml("bad", {"gate"}));
  rig.rounds(5);
  EXPECT_THAT(rig.core.find("bad")->record.failed, HasSubstr("version 1 failed on box-1: no model is named 'missing'"));
  EXPECT_THAT(rig.nodes_of("good"), ElementsAre("box-1"));
  EXPECT_THAT(rig.nodes_of("bad"), IsEmpty());
  EXPECT_EQ(box.report.plan_state, "running");
  const uint64_t version = rig.core.snapshot(rig.now()).plan_version;
  rig.rounds(50);
  EXPECT_EQ(rig.core.snapshot(rig.now()).plan_version, version) << "it is not tried again and again";
}

TEST(ControllerCore, WhatRanElsewhereIsKeptOffTheNodeThatCannotStartIt) {
  Rig rig;
  rig.add("box-1");
  rig.put(app_yaml("people", {"yard"}));
  rig.rounds(3);
  ASSERT_EQ(rig.core.find("people")->record.good_version, 1u);
  rig.add("box-2").cannot["people"] = 0;
  rig.add("box-3");
  rig.rounds(3);
  rig.down.insert("box-1");
  rig.rounds(30);
  EXPECT_THAT(rig.nodes_of("people"), ElementsAre("box-3")) << rig.log_text();
  EXPECT_EQ(rig.core.find("people")->record.version, 1u);
}

TEST(ControllerCore, ADrainedNodeGivesItsWorkAway) {
  Rig rig;
  rig.add("box-1");
  rig.add("box-2");
  rig.put(app_yaml("people", {"yard"}));
  rig.rounds(5);
  const std::string first = rig.nodes_of("people").front();
  NodeRecord record = rig.core.find_node(first)->record;
  record.drained = true;
  rig.core.put_node(record);
  rig.rounds(5);
  EXPECT_THAT(rig.nodes_of("people"), Not(ElementsAre(first))) << rig.log_text();
  EXPECT_THAT(rig.nodes.at(first).plan->stages, IsEmpty());

  const std::string second = rig.nodes_of("people").front();
  record.drained = false;
  rig.core.put_node(record);
  rig.rounds(2);
  rig.nodes.at(second).report.draining = true;  // by its own word: SIGTERM
  rig.rounds(5);
  EXPECT_THAT(rig.nodes_of("people"), ElementsAre(first));
}

TEST(ControllerCore, ARestartGivesTheSamePlans) {
  Rig rig;
  for (const char* name : {"box-1", "box-2", "box-3"}) rig.add(name, 2);
  for (const char* name : {"a", "b"}) rig.put(app_yaml(name, {"yard", "gate", "hall"}));
  rig.rounds(10);
  Rig next;
  next.clock.advance(rig.now().wall - next.now().wall);
  next.stored = rig.stored;
  next.core.restore(next.entries(), next.now());
  for (const auto& [name, node] : rig.nodes) next.nodes.emplace(name, node);
  next.step();
  next.rounds(1);
  for (const auto& [name, node] : rig.nodes) {
    EXPECT_EQ(next.nodes.at(name).plan->version, node.plan->version) << name << "\n" << next.log_text();
    EXPECT_EQ(plan::to_json(*next.core.find_node(name)->plan), plan::to_json(*node.plan)) << name;
  }
  next.rounds(30);
  EXPECT_EQ(next.core.snapshot(next.now()).plan_version, rig.core.snapshot(rig.now()).plan_version) << next.log_text();
}

TEST(ControllerCore, AfterARestartANodeThatStaysAwayIsLostWhenALeaseHasPassed) {
  Rig rig;
  rig.add("box-1");
  rig.add("box-2");
  rig.put(app_yaml("people", {"yard"}));
  rig.rounds(5);
  const std::string first = rig.nodes_of("people").front();
  Rig next;
  next.stored = rig.stored;
  next.core.restore(next.entries(), next.now());
  for (const auto& [name, node] : rig.nodes)
    if (name != first) next.nodes.emplace(name, node);
  next.rounds(20);
  EXPECT_THAT(next.nodes_of("people"), ElementsAre(first));
  next.rounds(2);
  EXPECT_THAT(next.nodes_of("people"), Not(ElementsAre(first)));
}

TEST(ControllerCore, AnEntryThatDoesNotReadIsNamed) {
  Rig rig;
  for (const auto& [key, value] : std::map<std::string, std::string>{
           {"app/x", "{}"}, {"node/y", "["}, {"place/z", "{\"version\": \"a\"}"}, {"plan", "none"}}) {
    try {
      rig.core.restore({{key, value, 1}}, rig.now());
      ADD_FAILURE() << key;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidData);
      EXPECT_THAT(e.what(), HasSubstr("'" + key + "'"));
    }
  }
}

TEST(ControllerCore, AnApplicationThatDoesNotReadAnyMoreIsRefusedAndTheRestRuns) {
  Rig rig;
  rig.put(app_yaml("good", {"yard"}));
  ApplicationRecord bad = rig.core.find("good")->record;
  bad.name = "bad";
  bad.yaml = "application: bad\nmodules: [{type: gone}]\n";
  rig.stored["app/bad"] = to_json(bad);
  Rig next;
  next.core.restore(rig.entries(), next.now());
  next.add("box-1");
  next.rounds(3);
  EXPECT_THAT(next.core.find("bad")->refused, HasSubstr("unknown module type 'gone'"));
  EXPECT_THAT(next.nodes_of("good"), ElementsAre("box-1"));
}

TEST(ControllerCore, ASecondLivingNodeOfOneNameIsRefusedByName) {
  Rig rig;
  FakeNode& box = rig.add("box-1");
  rig.rounds(2);
  FakeNode twin = box;
  twin.report.epoch = "another";
  EXPECT_THAT(refusal(rig, twin), HasSubstr("a node named box-1 is alive already"));
  try {
    rig.core.on_report(twin.report, rig.now());
  } catch (const net::HttpError& e) {
    EXPECT_EQ(e.status(), 409);
  }
  rig.down.insert("box-1");
  rig.rounds(21);
  EXPECT_EQ(refusal(rig, twin), "") << "the first one's lease has ended";
}

TEST(ControllerCore, AnotherProtocolIsRefusedWithBothVersions) {
  Rig rig;
  FakeNode old("box-9");
  old.report.protocol = 7;
  old.report.version = "0.0.9";
  const std::string line = refusal(rig, old);
  EXPECT_THAT(line, HasSubstr("box-9 (vedette 0.0.9) speaks protocol 7"));
  EXPECT_THAT(line, HasSubstr("(vedette test) speaks 1"));
  EXPECT_THAT(rig.core.node_views(), IsEmpty());
}

TEST(ControllerCore, HostileReportsAreRefusedInOneLineAndChangeNothing) {
  Rig rig;
  using Edit = std::function<void(plan::NodeReport&)>;
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const std::vector<std::pair<std::string, Edit>> cases{
      {"node", [](auto& r) { r.node = "../x"; }},
      {"node", [](auto& r) { r.node = ""; }},
      {"cores", [&](auto& r) { r.cores = nan; }},
      {"speed", [](auto& r) { r.speed = 0; }},
      {"speed", [&](auto& r) { r.speed = inf; }},
      {"memory_bytes", [](auto& r) { r.memory_bytes = -1; }},
      {"plan_version", [](auto& r) { r.plan_version = ~uint64_t{0}; }},
      {"labels", [](auto& r) { r.labels["a"] = std::string(1000, 'x'); }},
      {"link_addresses", [](auto& r) { r.link_addresses.resize(100); }},
      {"version", [](auto& r) { r.version = "1\x1b[2J"; }},
      {"streams", [](auto& r) { r.streams.resize(6000); }},
      {"stages.wait",
       [](auto& r) {
         r.stages.resize(1);
         r.stages[0].wait.p95 = -1;
       }},
      {"applications.latency",
       [&](auto& r) {
         r.applications.resize(1);
         r.applications[0].latency.p50 = nan;
       }},
      {"links.rtt_seconds",
       [&](auto& r) {
         r.links.resize(1);
         r.links[0].rtt_seconds = inf;
       }},
      {"log.text",
       [](auto& r) {
         r.log.resize(1);
         r.log[0].text = std::string(100'000, 'x');
       }},
  };
  for (const auto& [field, edit] : cases) {
    FakeNode node("box-1");
    edit(node.report);
    const std::string line = refusal(rig, node);
    EXPECT_THAT(line, HasSubstr(field));
    EXPECT_THAT(line, Not(HasSubstr("\n")));
  }
  EXPECT_THAT(rig.core.snapshot(rig.now()).nodes, IsEmpty());
}

TEST(ControllerCore, ANodesClockDecidesNothing) {
  Rig rig;
  FakeNode& box = rig.add("box-1");
  rig.put(app_yaml("people", {"yard"}));
  const double wrong = to_unix(rig.now().wall) + 3600;
  box.report.log.push_back({wrong, "warning", "someone-else", "people", "the camera is dark"});
  rig.rounds(30);
  EXPECT_THAT(rig.nodes_of("people"), ElementsAre("box-1"));
  bool found = false;
  for (const auto& line : rig.log) {
    if (line.text != "the camera is dark") continue;
    found = true;
    EXPECT_LT(line.time, wrong - 3000);
    EXPECT_EQ(line.node, "box-1");
  }
  EXPECT_TRUE(found);
}

TEST(ControllerCore, PlansOfALostStoreAreOvertaken) {
  Rig rig;
  FakeNode& box = rig.add("box-1");
  box.report.plan_version = 500;
  rig.put(app_yaml("people", {"yard"}));
  rig.rounds(4);
  EXPECT_GT(box.plan->version, 500u);
  EXPECT_THAT(rig.log_text(), HasSubstr("box-1 has plan 500"));
}

TEST(ControllerCore, AForgottenOrRemovedThingIsGone) {
  Rig rig;
  rig.add("box-1");
  rig.put(app_yaml("people", {"yard"}));
  rig.rounds(3);
  rig.core.remove("people");
  rig.rounds(3);
  EXPECT_THAT(rig.nodes.at("box-1").plan->stages, IsEmpty());
  rig.down.insert("box-1");
  rig.rounds(25);
  rig.core.forget_node("box-1");
  EXPECT_THAT(rig.core.snapshot(rig.now()).nodes, IsEmpty());
}

}  // namespace
}  // namespace vedette::fleet
