#include "vedette/plan/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "vedette/plan/testing.h"

namespace vedette::plan {
namespace {

using plan::testing::Dice;
using plan::testing::tracking;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A fleet that behaves as the model says, but with costs that the supervisor's profiles do not know, with noise, and
/// reports that look back on ten seconds.
class ToyFleet {
 public:
  std::vector<ApplicationWish> wishes;
  std::vector<NodeView> nodes;
  Profiles believed;
  double truth = 1;  // real times over believed ones
  Supervisor supervisor;
  Levels levels;
  Placement placement;
  std::vector<std::pair<int, Decision>> decisions;  // with their second
  int second = 0;
  Dice dice{1};

  void node(const std::string& name, double cores) {
    NodeView view;
    view.name = name;
    view.cores = cores;
    nodes.push_back(view);
  }
  std::vector<ApplicationWish> lowered() const {
    std::vector<ApplicationWish> out;
    for (const auto& wish : wishes)
      out.push_back(at_level(wish, levels.contains(wish.name) ? levels.at(wish.name) : 0));
    return out;
  }
  void start() {
    const auto as_is = lowered();
    const Shared shared = share(as_is);
    PlacementProblem problem = problem_of(as_is, shared, nodes);
    problem.exact = 2000;
    problem.effort = 200'000;
    placement = place(problem).placement;
  }
  PlacementProblem problem_of(const std::vector<ApplicationWish>& as_is, const Shared& shared,
                              const std::vector<NodeView>& where) const {
    PlacementProblem problem;
    problem.applications = as_is;
    problem.shared = &shared;
    problem.nodes = where;
    problem.profiles = &believed;
    return problem;
  }
  /// One second.
  void step() {
    const auto as_is = lowered();
    const Shared shared = share(as_is);
    auto slower = nodes;
    for (auto& view : slower) view.speed /= truth;
    const auto is = predict(problem_of(as_is, shared, slower), placement);
    std::vector<NodeReport> reports;
    for (const auto& view : nodes) {
      NodeReport report;
      report.node = view.name;
      report.cores = view.cores;
      report.machine_cpu = view.other_load + 0.5;
      reports.push_back(report);
    }
    for (const auto& now : is) {
      auto& past = past_[now.application];
      past.push_back(now.latency_p95_ms / 1e3 * dice.between(0.97, 1.03));
      if (past.size() > 10) past.pop_front();
      ApplicationReport report;
      report.name = now.application;
      report.latency.count = 100;
      report.latency.p95 = *std::max_element(past.begin(), past.end());
      report.fps = now.fps * dice.between(0.99, 1.01);
      reports[0].applications.push_back(report);
    }
    kept_ = is;
    Supervisor::Situation situation;
    situation.wishes = wishes;
    situation.levels = &levels;
    situation.reports = reports;
    situation.nodes = nodes;
    situation.profiles = &believed;
    situation.placement = &placement;
    const Decision decision = supervisor.step(MonotonicTime(seconds(1000 + second)), situation);
    if (decision.kind != Decision::Kind::kNothing) {
      placement = decision.placement;
      if (decision.kind != Decision::Kind::kPlace) {
        levels[decision.application] = decision.level;
        for (const auto& [name, level] : decision.also) levels[name] = level;
      }
    }
    if (decision.kind != Decision::Kind::kNothing || !decision.reason.empty()) decisions.emplace_back(second, decision);
    ++second;
  }
  void run(int for_seconds) {
    for (int i = 0; i < for_seconds; ++i) step();
  }
  double p95(size_t i) const { return kept_.at(i).latency_p95_ms; }
  size_t actions_since(int from) const {
    return static_cast<size_t>(std::count_if(decisions.begin(), decisions.end(), [&](const auto& each) {
      return each.first >= from && each.second.kind != Decision::Kind::kNothing;
    }));
  }

 private:
  std::map<std::string, std::deque<double>> past_;
  std::vector<Prediction> kept_;
};

ToyFleet two_boxes() {
  ToyFleet fleet;
  fleet.node("box-1", 2);
  fleet.node("box-2", 2);
  fleet.wishes = {tracking("people", {"yard"})};
  fleet.wishes[0].objective = {.latency_p95_ms = 250, .min_fps = 5};
  fleet.supervisor = Supervisor(Supervisor::Options{});
  return fleet;
}

TEST(Supervisor, LeavesAloneWhatIsKept) {
  auto fleet = two_boxes();
  fleet.start();
  fleet.run(120);
  EXPECT_THAT(fleet.decisions, IsEmpty());
}

TEST(Supervisor, MovesWhenANodeGetsBusy) {
  auto fleet = two_boxes();
  fleet.start();
  fleet.run(20);
  const std::string home = fleet.placement.begin()->second;
  for (auto& view : fleet.nodes)
    if (view.name == home) view.other_load = 1.9;
  fleet.run(2);
  EXPECT_THAT(fleet.decisions, IsEmpty());  // patience
  fleet.run(30);
  ASSERT_EQ(fleet.decisions.size(), 1u);
  const auto& [when, decision] = fleet.decisions[0];
  EXPECT_LE(when, 26);
  EXPECT_EQ(decision.kind, Decision::Kind::kPlace);
  EXPECT_THAT(decision.reason, HasSubstr("people: p95 "));
  EXPECT_THAT(decision.reason, HasSubstr(" over its 250 ms for 3 s; " + home + " is at 120 %: move "));
  EXPECT_THAT(decision.reason, HasSubstr("(expected "));
  EXPECT_LT(fleet.p95(0), 250);
}

TEST(Supervisor, LowersWhenNoPlaceIsLeftAndRaisesAgain) {
  auto fleet = two_boxes();
  fleet.wishes[0].allowance.fps = {10, 6};
  fleet.start();
  fleet.run(10);
  for (auto& view : fleet.nodes) view.other_load = 1.45;
  fleet.run(90);
  ASSERT_GE(fleet.decisions.size(), 1u);
  EXPECT_LE(fleet.actions_since(0), 3u);
  EXPECT_THAT(fleet.decisions.back().second.reason, HasSubstr("lower people: frame rate "));
  EXPECT_GT(fleet.levels.at("people"), 0);
  EXPECT_LT(fleet.p95(0), 250);
  for (auto& view : fleet.nodes) view.other_load = 0;
  fleet.run(200);
  EXPECT_EQ(fleet.levels.at("people"), 0);
  EXPECT_THAT(fleet.decisions.back().second.reason, HasSubstr("people: back from frame rate 15 → 10"));
  EXPECT_LT(fleet.p95(0), 250);
}

TEST(Supervisor, TheLesserPriorityGivesWay) {
  auto fleet = two_boxes();
  fleet.nodes.resize(1);
  auto guests = tracking("guests", {"lobby"});
  guests.priority = 10;
  guests.allowance.fps = {5};
  fleet.wishes[0].allowance.fps = {10};
  fleet.wishes.push_back(guests);
  fleet.start();
  fleet.run(10);
  fleet.nodes[0].other_load = 0.85;
  fleet.run(60);
  EXPECT_EQ(fleet.levels["guests"], 1);
  EXPECT_EQ(fleet.levels["people"], 0);
  EXPECT_THAT(fleet.decisions.at(0).second.reason, HasSubstr("lower guests: frame rate 15 → 5"));
}

TEST(Supervisor, ThoseThatShareGoDownTogether) {
  auto fleet = two_boxes();
  fleet.nodes.resize(1);
  auto twin = fleet.wishes[0];
  twin.name = "twin";
  for (auto* wish : {&fleet.wishes[0], &twin}) wish->allowance.fps = {6};
  fleet.wishes.push_back(twin);
  fleet.start();
  fleet.run(10);
  fleet.nodes[0].other_load = 1.3;
  fleet.run(60);
  ASSERT_EQ(fleet.decisions.size(), 1u);
  EXPECT_EQ(fleet.decisions[0].second.also.size(), 1u);
  EXPECT_EQ(fleet.levels["people"], 1);
  EXPECT_EQ(fleet.levels["twin"], 1);
  const auto as_is = fleet.lowered();
  EXPECT_EQ(stage_key(as_is[0], "detect"), stage_key(as_is[1], "detect"));
}

TEST(Supervisor, SaysOnceWhatCannotBe) {
  auto fleet = two_boxes();
  fleet.wishes[0].objective.latency_p95_ms = 20;
  fleet.start();
  fleet.run(600);
  ASSERT_EQ(fleet.decisions.size(), 1u);
  EXPECT_EQ(fleet.decisions[0].second.kind, Decision::Kind::kNothing);
  EXPECT_THAT(fleet.decisions[0].second.reason,
              HasSubstr("no placement keeps it, and nothing may be lowered that would help (best expected "));
}

TEST(Supervisor, ASlowCameraIsNoFaultOfOurs) {
  auto fleet = two_boxes();
  fleet.wishes[0].objective = {.latency_p95_ms = 0, .min_fps = 10};
  fleet.start();
  Supervisor::Situation situation;
  std::vector<NodeReport> reports(1);
  reports[0].node = "box-1";
  StreamReport stream;
  stream.key = stream_key(fleet.wishes[0].sources[0]);
  stream.state = "streaming";
  stream.fps = 6;
  reports[0].streams = {stream};
  ApplicationReport application;
  application.name = "people";
  application.latency = {100, 0.1, 0.1, 0.1, 0.1};
  application.fps = 5.9;
  reports[0].applications = {application};
  situation.wishes = fleet.wishes;
  situation.reports = reports;
  situation.nodes = fleet.nodes;
  situation.profiles = &fleet.believed;
  situation.placement = &fleet.placement;
  for (int i = 0; i < 60; ++i) EXPECT_EQ(fleet.supervisor.step(MonotonicTime(seconds(i)), situation).reason, "");
}

/// Loads that come and go at random: within the calm after each, the fleet comes to rest, and never flaps.
TEST(Supervisor, DoesNotGoRoundInCircles) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    ToyFleet fleet;
    fleet.dice = Dice(seed);
    fleet.truth = fleet.dice.between(0.7, 1.6);
    for (int i = 1; i <= 3; ++i) fleet.node(fmt::format("box-{}", i), fleet.dice.between(1, 3));
    for (const char* name : {"a", "b", "c"}) {
      auto wish = tracking(name, {fleet.dice.chance(0.5) ? "yard" : "gate"});
      wish.priority = static_cast<int>(fleet.dice.below(100));
      wish.objective = {.latency_p95_ms = fleet.dice.between(80, 400), .min_fps = 3};
      if (fleet.dice.chance(0.7)) wish.allowance.fps = {10, 5};
      if (fleet.dice.chance(0.3)) wish.allowance.models["detect"] = {"nanodet-g-224"};
      fleet.wishes.push_back(wish);
    }
    Supervisor::Options options;
    options.effort = 100'000;
    fleet.supervisor = Supervisor(options);
    fleet.start();
    for (int phase = 0; phase < 3; ++phase) {
      for (auto& view : fleet.nodes)
        view.other_load = fleet.dice.chance(0.4) ? view.cores * fleet.dice.between(0.3, 0.95) : 0;
      const int begin = fleet.second;
      fleet.run(600);
      EXPECT_LE(fleet.actions_since(begin), 14u) << "phase " << phase;
      EXPECT_LE(fleet.actions_since(fleet.second - 240), 2u) << "phase " << phase;
    }
  }
}

}  // namespace
}  // namespace vedette::plan
