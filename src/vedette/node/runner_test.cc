#include "vedette/node/runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "vedette/graph/executor.h"
#include "vedette/node/testing.h"

namespace vedette::node {
namespace {

using testing::FakeHost;
using testing::FakeReporter;
using testing::plan_of;
using testing::TemporaryFolder;

using Report = plan::NodeReport;

Answer yes(const Report&) { return {.lease_seconds = 2, .plan = std::nullopt, .controller = "c-1"}; }

/// A controller that wants this plan.
FakeReporter::Controller wants(plan::NodePlan plan) {
  return [plan = std::move(plan)](const Report& report) {
    auto answer = yes(report);
    if (report.plan_version != plan.version) answer.plan = plan;
    return answer;
  };
}

Answer nobody(const Report&) {
  throw Error(ErrorCode::kUnavailable, "cannot reach controller at x: Connection refused");
}
Answer refuses(const Report&) { throw Refused(ErrorCode::kUsage, "node box-1 speaks protocol 9, this controller 1"); }

bool says(const Report& report, const std::string& part) {
  return std::any_of(report.log.begin(), report.log.end(),
                     [&](const auto& line) { return line.text.find(part) != std::string::npos; });
}

/// A runner with a fake host and a fake controller; waits are short.
class RunnerTest : public ::testing::Test {
 public:
  RunnerTest() {
    options.name = "box-1";
    options.version = "1.2.3";
    options.labels = {{"room", "hall"}};
    options.interval = std::chrono::milliseconds(1);
    options.no_move = Duration{0};
    options.failed = {.initial_seconds = 0.01, .max_seconds = 0.01, .jitter = 0, .healthy_seconds = 0};
    options.refused = options.failed;
  }
  void start() {
    runner.emplace(options, host, reporter, memory, machine);
    runner->set_console("http://localhost:1/");
    runner->start();
  }

  TemporaryFolder folder;
  FakeHost host;
  FakeReporter reporter{yes};
  Memory memory{folder.path(), "box-1"};
  Machine machine;
  RunnerOptions options;
  std::optional<Runner> runner;
};

TEST_F(RunnerTest, SaysWhoItIsAndIsReadyOnceAnswered) {
  start();
  const auto first = reporter.wait_for([](const Report&) { return true; });
  EXPECT_EQ(first.node, "box-1");
  EXPECT_EQ(first.version, "1.2.3");
  EXPECT_EQ(first.labels.at("room"), "hall");
  EXPECT_EQ(first.console, "http://localhost:1/");
  EXPECT_EQ(first.link_addresses, std::vector<std::string>{"unix:/somewhere"});
  EXPECT_GT(first.cores, 0);
  EXPECT_GT(first.memory_bytes, 0);
  EXPECT_GT(first.memory_used_bytes, 0);
  EXPECT_EQ(first.epoch.size(), 16u);
  EXPECT_FALSE(first.ready);
  const auto ready = reporter.wait_for([](const Report& r) { return r.ready; });
  EXPECT_EQ(ready.epoch, first.epoch);
  EXPECT_TRUE(runner->unready_reasons().empty());
  EXPECT_TRUE(runner->connected());
  EXPECT_TRUE(says(reporter.wait_for([](const Report& r) { return !r.log.empty(); }), "controller c-1 reached"));
}

TEST_F(RunnerTest, RunsThePlanThatComesBackAndSaysSo) {
  reporter.become(wants(plan_of(4, {"yard"})));
  start();
  const auto report =
      reporter.wait_for([](const Report& r) { return r.plan_version == 4 && r.plan_state == "running"; });
  EXPECT_TRUE(report.plan_failed.empty());
  ASSERT_EQ(host.applied().size(), 1u);
  EXPECT_EQ(memory.plan()->version, 4u);
}

TEST_F(RunnerTest, ReportsWhileAPlanIsBeingApplied) {
  std::promise<void> go;
  auto gone = go.get_future().share();
  host.on_apply = [gone](const plan::NodePlan&) { gone.wait(); };
  reporter.become(wants(plan_of(4, {"yard"})));
  start();
  const auto applying = [](const Report& r) { return r.plan_version == 4 && r.plan_state == "applying"; };
  EXPECT_FALSE(reporter.wait_for(applying).ready) << "nothing ran before";
  reporter.wait_for(applying, reporter.count() + 1);
  EXPECT_EQ(runner->unready_reasons(), std::vector<std::string>{"plan 4 is being applied"});
  go.set_value();
  EXPECT_TRUE(
      reporter.wait_for([](const Report& r) { return r.plan_state == "running" && r.plan_version == 4; }).ready);
}

TEST_F(RunnerTest, SaysWhichApplicationsFailedAndGoesOn) {
  host.on_apply = [](const plan::NodePlan& plan) {
    if (plan.version == 2) throw graph::PlanError(Error(ErrorCode::kNotFound, "no model x"), {"gate"});
  };
  reporter.become(wants(plan_of(1, {"yard"})));
  start();
  reporter.wait_for([](const Report& r) { return r.plan_version == 1 && r.plan_state == "running"; });
  reporter.become(wants(plan_of(2, {"yard", "gate"})));
  const auto failed = reporter.wait_for([](const Report& r) { return r.plan_state == "failed"; });
  EXPECT_EQ(failed.plan_version, 2u);
  EXPECT_EQ(failed.plan_error, "no model x");
  EXPECT_EQ(failed.plan_failed, std::vector<std::string>{"gate"});
  EXPECT_TRUE(failed.ready) << "plan 1 goes on";
  EXPECT_EQ(memory.plan()->version, 1u);
}

TEST_F(RunnerTest, GoesOnWithWhatItRemembersWhenNobodyAnswers) {
  memory.save(plan_of(3, {"yard"}));
  reporter.become(nobody);
  start();
  ASSERT_TRUE(host.wait_applied(1));
  EXPECT_EQ(host.applied()[0].version, 3u);
  EXPECT_FALSE(runner->connected());
  reporter.become(yes);
  const auto told = reporter.wait_for([](const Report& r) { return says(r, "controller c-1 reached"); });
  EXPECT_EQ(told.plan_version, 3u);
  size_t complaints = 0;
  const auto carried = reporter.wait_for([](const Report& r) { return says(r, "no controller answers"); });
  for (const auto& line : carried.log) complaints += line.text.find("no controller answers") != std::string::npos;
  EXPECT_EQ(complaints, 1u) << "it is said once";
}

TEST_F(RunnerTest, AsksFirstAndRunsWhatIsWantedByNow) {
  memory.save(plan_of(3, {"yard"}));
  reporter.become(wants(plan_of(4, {"gate"})));
  start();
  const auto first = reporter.wait_for([](const Report&) { return true; });
  EXPECT_EQ(first.plan_version, 3u);
  EXPECT_EQ(first.plan_state, "applying");
  ASSERT_TRUE(host.wait_applied(1));
  EXPECT_EQ(host.applied()[0].version, 4u);
}

TEST_F(RunnerTest, ResumesWhatIsStillWanted) {
  memory.save(plan_of(3, {"yard"}));
  start();
  ASSERT_TRUE(host.wait_applied(1));
  EXPECT_EQ(host.applied()[0].version, 3u);
  reporter.wait_for([](const Report& r) { return r.plan_version == 3 && r.plan_state == "running"; });
}

TEST_F(RunnerTest, KeepsRunningWhenItIsRefused) {
  memory.save(plan_of(3, {"yard"}));
  reporter.become(refuses);
  start();
  ASSERT_TRUE(host.wait_applied(1));
  reporter.become(yes);
  const auto told = reporter.wait_for([](const Report& r) { return says(r, "controller c-1 reached"); });
  EXPECT_TRUE(says(reporter.wait_for([](const Report& r) { return says(r, "refuses this node"); }),
                   "the controller refuses this node: node box-1 speaks protocol 9, this controller 1"));
  EXPECT_EQ(told.plan_version, 3u);
}

TEST_F(RunnerTest, SendsLinesAndSpansAgainUntilTheyAreAnswered) {
  TraceSpan step;
  step.trace = TraceId::make();
  step.name = "see";
  step.stream = "s";
  step.sequence = 9;
  host.add_span(step);
  reporter.become(nobody);
  start();
  const auto with_span = [&](const Report& r) {
    return r.spans.size() == 1 && r.spans[0].trace_id == step.trace.hex();
  };
  reporter.wait_for(with_span);
  const auto again = reporter.wait_for(with_span, reporter.count());
  EXPECT_EQ(again.spans[0].sequence, 9u);
  EXPECT_EQ(again.spans[0].node, "box-1");
  reporter.become(yes);
  reporter.wait_for([](const Report& r) { return r.spans.empty() && r.log.empty(); }, reporter.count());
}

TEST_F(RunnerTest, DrainsOnceTheControllerHasMovedThingsAway) {
  reporter.become(wants(plan_of(1, {"yard"})));
  options.no_move = std::chrono::hours(1);
  options.move_limit = testing::kPatience;
  start();
  reporter.wait_for([](const Report& r) { return r.plan_version == 1 && r.plan_state == "running"; });
  reporter.become([](const Report& report) {
    auto answer = yes(report);
    if (report.draining && report.plan_version == 1) answer.plan = plan_of(2, {});
    return answer;
  });
  runner->drain();
  ASSERT_EQ(host.applied().size(), 2u);
  EXPECT_TRUE(idle(host.applied()[1]));
  EXPECT_EQ(host.drains(), 1);
  const auto last = reporter.wait_for([](const Report& r) { return r.draining && r.plan_version == 2; });
  EXPECT_FALSE(last.ready);
  EXPECT_EQ(runner->unready_reasons(), std::vector<std::string>{"draining"});
}

TEST_F(RunnerTest, DrainsAtOnceWhenNobodyCanMoveAnything) {
  memory.save(plan_of(1, {"yard"}));
  reporter.become(nobody);
  options.move_limit = std::chrono::hours(1);
  start();
  ASSERT_TRUE(host.wait_applied(1));
  runner->drain();
  EXPECT_EQ(host.drains(), 1);
  EXPECT_EQ(memory.plan()->version, 1u) << "the next start goes on with it";
}

TEST_F(RunnerTest, DrainsWhenTheControllerKnowsAndMovesNothing) {
  reporter.become(wants(plan_of(1, {"yard"})));
  options.move_limit = std::chrono::hours(1);
  start();
  reporter.wait_for([](const Report& r) { return r.plan_version == 1 && r.plan_state == "running"; });
  runner->drain();
  EXPECT_EQ(host.drains(), 1);
  reporter.wait_for([](const Report& r) { return r.draining; });
}

TEST_F(RunnerTest, ASecondSignalCutsDrainingShort) {
  reporter.become(wants(plan_of(1, {"yard"})));
  options.no_move = std::chrono::hours(1);
  options.move_limit = std::chrono::hours(1);
  start();
  reporter.wait_for([](const Report& r) { return r.plan_version == 1 && r.plan_state == "running"; });
  std::stop_source second;
  second.request_stop();
  runner->drain(second.get_token());
  EXPECT_EQ(host.drains(), 1);
}

}  // namespace
}  // namespace vedette::node
