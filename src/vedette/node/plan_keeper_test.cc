#include "vedette/node/plan_keeper.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "vedette/graph/executor.h"
#include "vedette/node/testing.h"

namespace vedette::node {
namespace {

using testing::FakeHost;
using testing::kPatience;
using testing::plan_of;
using testing::TemporaryFolder;

std::vector<std::string> names(const plan::NodePlan& plan) {
  std::vector<std::string> names;
  for (const auto& application : plan.applications) names.push_back(application.name);
  return names;
}

/// A keeper with a host, a memory and what it said.
class PlanKeeperTest : public ::testing::Test {
 public:
  void start(Duration retry = PlanKeeper::kRetry) {
    keeper.emplace(
        "box-1", host, *memory,
        [this] {
          {
            const std::lock_guard lock(mutex);
          }
          changed.notify_all();
        },
        [this](log::Level level, const std::string& application, const std::string& text) {
          const std::lock_guard lock(mutex);
          said.push_back({0, level >= log::Level::kError ? "error" : "info", "box-1", application, text});
        },
        retry);
  }
  /// Waits until the state is so.
  PlanKeeper::State wait(uint64_t version, const std::string& phase) {
    std::unique_lock lock(mutex);
    PlanKeeper::State state;
    EXPECT_TRUE(changed.wait_for(lock, kPatience,
                                 [&] {
                                   state = keeper->state();
                                   return state.version == version && state.phase == phase;
                                 }))
        << state.version << " " << state.phase << " " << state.error;
    return state;
  }
  bool heard(const std::string& part, const std::string& application = {}) {
    const std::lock_guard lock(mutex);
    return std::any_of(said.begin(), said.end(), [&](const auto& line) {
      return line.text.find(part) != std::string::npos && line.application == application;
    });
  }
  /// Has every plan with this application fail.
  void break_application(const std::string& bad) {
    host.on_apply = [bad](const plan::NodePlan& plan) {
      for (const auto& name : names(plan))
        if (name == bad) throw graph::PlanError(Error(ErrorCode::kNotFound, "no model x", "pull it"), {bad});
    };
  }

  TemporaryFolder folder;
  FakeHost host;
  std::optional<Memory> memory{std::in_place, folder.path(), "box-1"};
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<plan::LogLine> said;
  std::optional<PlanKeeper> keeper;
};

TEST_F(PlanKeeperTest, RunsWhatIsWantedAndRemembersIt) {
  start();
  EXPECT_EQ(keeper->state().version, 0u);
  EXPECT_EQ(keeper->state().phase, "running");
  keeper->want(plan_of(7, {"yard"}));
  const auto state = wait(7, "running");
  EXPECT_EQ(*state.running, plan_of(7, {"yard"}));
  EXPECT_EQ(memory->plan(), plan_of(7, {"yard"}));
  EXPECT_TRUE(heard("plan 7 runs: 1 application, 1 source, 1 module"));
}

TEST_F(PlanKeeperTest, PassesOverWhatIsInHandAndWhatIsAnothersPlan) {
  start();
  keeper->want(plan_of(7, {"yard"}));
  keeper->want(plan_of(7, {"yard"}));
  wait(7, "running");
  keeper->want(plan_of(7, {"yard"}));
  keeper->want(plan_of(9, {"gate"}, "box-2"));
  keeper->want(plan_of(8, {"gate"}));
  wait(8, "running");
  ASSERT_EQ(host.applied().size(), 2u);
  EXPECT_TRUE(heard("plan 9 is of node 'box-2'"));
}

TEST_F(PlanKeeperTest, TakesTheNewestOfThoseThatCameMeanwhile) {
  std::promise<void> go, in;
  auto gone = go.get_future().share();
  host.on_apply = [&](const plan::NodePlan& plan) {
    if (plan.version != 1) return;
    in.set_value();
    gone.wait();
  };
  start();
  keeper->want(plan_of(1, {"a"}));
  in.get_future().wait();
  EXPECT_EQ(keeper->state().phase, "applying");
  keeper->want(plan_of(2, {"a"}));
  keeper->want(plan_of(3, {"b"}));
  EXPECT_EQ(keeper->state().version, 3u);
  go.set_value();
  const auto state = wait(3, "running");
  ASSERT_EQ(host.applied().size(), 2u);
  EXPECT_EQ(host.applied()[1].version, 3u);
  EXPECT_EQ(state.running->version, 3u);
}

TEST_F(PlanKeeperTest, LeavesTheOldPlanWhenANewOneFails) {
  break_application("gate");
  start();
  keeper->want(plan_of(1, {"yard"}));
  wait(1, "running");
  keeper->want(plan_of(2, {"yard", "gate"}));
  const auto state = wait(2, "failed");
  EXPECT_EQ(state.running->version, 1u);
  EXPECT_EQ(state.error, "no model x (pull it)");
  EXPECT_EQ(state.failed, std::vector<std::string>{"gate"});
  EXPECT_EQ(memory->plan()->version, 1u);
  EXPECT_TRUE(heard("plan 2 cannot be run: no model x (pull it); plan 1 goes on"));
  EXPECT_TRUE(heard("could not be started", "gate"));
  keeper->want(plan_of(3, {"yard"}));
  EXPECT_TRUE(wait(3, "running").failed.empty());
}

TEST_F(PlanKeeperTest, ResumesWithoutTheApplicationsThatCannotStart) {
  memory->save(plan_of(5, {"yard", "gate", "door"}));
  break_application("gate");
  start();
  keeper->announce_remembered();
  EXPECT_EQ(keeper->state().version, 5u);
  EXPECT_EQ(keeper->state().phase, "applying");
  keeper->resume();
  const auto state = wait(5, "failed");
  EXPECT_EQ(state.failed, std::vector<std::string>{"gate"});
  EXPECT_EQ(names(*state.running), (std::vector<std::string>{"door", "yard"}));
  EXPECT_EQ(memory->plan(), plan_of(5, {"yard", "gate", "door"})) << "the next start tries all of it again";
  EXPECT_TRUE(heard("the rest of it runs"));
}

TEST_F(PlanKeeperTest, AFreshNodeRunsWhatItCan) {
  break_application("gate");
  start();
  keeper->want(plan_of(5, {"yard", "gate"}));
  EXPECT_EQ(names(*wait(5, "failed").running), std::vector<std::string>{"yard"});
}

TEST_F(PlanKeeperTest, FailsWholeWhenNobodyCanTellWhoseFaultItIs) {
  host.on_apply = [](const plan::NodePlan&) { throw Error(ErrorCode::kInvalidConfig, "unknown module 'x'"); };
  start();
  keeper->want(plan_of(5, {"yard"}));
  const auto state = wait(5, "failed");
  EXPECT_EQ(state.running->version, 0u);
  EXPECT_TRUE(state.failed.empty());
  EXPECT_TRUE(heard("nothing runs"));
  EXPECT_FALSE(memory->plan());
}

TEST_F(PlanKeeperTest, TriesAPlanThatFailedAgainUntilItRuns) {
  int tries = 0;
  host.on_apply = [&tries](const plan::NodePlan&) {
    if (++tries < 4) throw Error(ErrorCode::kTimeout, "module 'motion' has not come to its end", "");
  };
  start(Duration::zero());
  keeper->want(plan_of(5, {"yard"}));
  EXPECT_EQ(wait(5, "running").error, "");
  EXPECT_EQ(memory->plan(), plan_of(5, {"yard"}));
  EXPECT_TRUE(heard("plan 5 runs after all"));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(std::count_if(said.begin(), said.end(), [](const auto& line) { return line.level == "error"; }), 1)
      << "what failed is said once";
}

TEST_F(PlanKeeperTest, ANewerPlanEndsTheTriesOfAFailedOne) {
  break_application("gate");
  start(Duration::zero());
  keeper->want(plan_of(1, {"yard"}));
  wait(1, "running");
  keeper->want(plan_of(2, {"gate"}));
  wait(2, "failed");
  keeper->want(plan_of(3, {"door"}));
  EXPECT_EQ(names(*wait(3, "running").running), std::vector<std::string>{"door"});
  keeper->stop();
  EXPECT_EQ(host.applied().back().version, 3u);
}

TEST_F(PlanKeeperTest, TheControllersPlanIsQuickerThanMemory) {
  memory->save(plan_of(5, {"yard"}));
  start();
  keeper->announce_remembered();
  keeper->want(plan_of(6, {"gate"}));
  keeper->resume();
  wait(6, "running");
  ASSERT_EQ(host.applied().size(), 1u);
  EXPECT_EQ(host.applied()[0].version, 6u);
}

TEST_F(PlanKeeperTest, LeavesAPlanAloneThatEndsTheProcess) {
  memory->save(plan_of(5, {"yard"}));
  for (int i = 1; i <= PlanKeeper::kMostStarts; ++i) EXPECT_EQ(memory->begin_start(), i);  // … and was killed
  start();
  keeper->resume();
  const auto state = wait(5, "failed");
  EXPECT_TRUE(host.applied().empty());
  EXPECT_NE(state.error.find("did not last"), std::string::npos) << state.error;
  keeper->want(plan_of(6, {"gate"}));
  wait(6, "running");
  keeper.reset();
  EXPECT_EQ(memory->begin_start(), 1) << "the controller's plan ran: all is well again";
}

TEST_F(PlanKeeperTest, AnEndByRequestIsNoCrash) {
  memory->save(plan_of(5, {"yard"}));
  for (int i = 0; i < 2 * PlanKeeper::kMostStarts; ++i) {
    start();
    keeper->resume();
    wait(5, "running");
    keeper.reset();
  }
  EXPECT_EQ(host.applied().size(), 2u * PlanKeeper::kMostStarts);
}

}  // namespace
}  // namespace vedette::node
