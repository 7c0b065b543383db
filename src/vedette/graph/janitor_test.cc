// Modules that hang in a call: nobody waits for them without an end, and they go when the call returns.
#include "vedette/graph/janitor.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "vedette/base/error.h"
#include "vedette/graph/executor.h"
#include "vedette/graph/stage_rig.h"
#include "vedette/graph/test_modules.h"

namespace vedette::graph {
namespace {

using namespace std::chrono_literals;
using testing::Door;
using testing::Script;

/// A stage on its own whose module waits at a door, seen off by a janitor.
class JanitorTest : public ::testing::Test {
 public:
  JanitorTest() {
    Script hangs;
    hangs.process = [this](const Observation&, Emit&) { door.pass(); };
    hangs.stop = [this] { stopped = true; };
    Stage::Options options;
    options.key = options.name = "hangs";
    options.traits.concurrency = Concurrency::kPerStream;
    options.factory = [hangs] { return std::make_unique<testing::ScriptedModule>(hangs, Concurrency::kPerStream); };
    options.on_lane_ended = [this] { janitor.look(); };
    stage = std::make_shared<Stage>(std::move(options), pool, ModuleContext{});
    stage->start();
    const auto stream = std::make_shared<StreamInfo>();
    lane = stage->add_stream(stream, {.capacity = 4});
    lane->put(testing::make_observation(stream, 0), false);
    door.wait_for(1);
    janitor.take_at_once({.key = "key", .stage = stage, .lanes = {lane}, .whole = true});
  }
  ~JanitorTest() override {
    door.open();
    while (!janitor.remaining().empty()) std::this_thread::yield();  // a stage and its lane know each other until then
  }

  Door door;
  std::atomic<bool> stopped{false};
  WorkerPool pool{1};
  Janitor janitor{{.drain = 1ms, .call = 1ms}, [] {}};
  std::shared_ptr<Stage> stage;
  std::shared_ptr<Lane> lane;
};

TEST_F(JanitorTest, NobodyWaitsForACallThatDoesNotReturn) {
  EXPECT_FALSE(janitor.wait_gone("key"));
  EXPECT_TRUE(janitor.wait_gone("another key"));
  janitor.wait_rest();
  EXPECT_TRUE(janitor.rests());
  EXPECT_EQ(janitor.remaining(), std::vector<std::string>{"hangs"});
  EXPECT_FALSE(stopped) << "stop() must not come while a call runs";
}

TEST_F(JanitorTest, WhatWasLeftBehindGoesWhenItsCallReturns) {
  EXPECT_FALSE(janitor.wait_gone("key"));
  door.open();
  while (!janitor.remaining().empty()) std::this_thread::yield();
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(lane->ended());
  EXPECT_TRUE(janitor.wait_gone("key"));
}

TEST_F(JanitorTest, AnImportWhoseSenderNeverClosesIsCutOff) {
  const auto import = std::make_shared<Import>(2);
  const auto next = std::make_shared<Import>(2);
  next->follow(import, nullptr);
  const auto stream = std::make_shared<StreamInfo>();
  import->deliver(testing::make_observation(stream, 0));
  next->deliver(testing::make_observation(stream, 2));  // waits for 1, which never comes
  janitor.take(import, "stream 's' from node 'n'");
  janitor.wait_rest();
  EXPECT_TRUE(import->ended());
  EXPECT_TRUE(janitor.rests());
  EXPECT_EQ(next->counts().gaps.at("moved"), 1u);
  next->end(Ending::kStreamOver);
  EXPECT_TRUE(next->ended());
}

/// A sink that waits at a door with every frame.
class HangingSink final : public Module {
 public:
  using Settings = testing::TestSettings;
  explicit HangingSink(const Settings&) {}
  void process(const Observation&, Emit&) override { door->pass(); }

  static inline std::shared_ptr<Door> door;
};

class HangingApplication : public ::testing::Test {
 public:
  HangingApplication() {
    static const ModuleRegistration<HangingSink> registration(
        {.type = "t_hang", .summary = "for tests", .concurrency = Concurrency::kGlobal, .sink = true});
    HangingSink::door = std::make_shared<Door>();
    folder = std::filesystem::path(::testing::TempDir()) / ("vedette-janitor-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "a.ppm") << "P6 2 2 255\n" << std::string(12, 'x');
  }
  ~HangingApplication() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  void start(Executor& executor) const {
    const std::vector<Application> applications{
        parse_application(parse_config("application: a\nsources: [{url: '" + folder.string() +
                                           "', pacing: fast, loop: true}]\nmodules:\n  - {type: t_hang, parallel: 1}\n",
                                       "test.yaml"))};
    executor.start(applications);
  }

  const Executor::Options impatient{.threads = 2, .drain_limit = 1ms, .call_limit = 1ms};
  std::filesystem::path folder;
};

TEST_F(HangingApplication, DrainsWithoutItAndComesBackWhenTheCallHasReturned) {
  Executor executor(impatient);
  start(executor);
  HangingSink::door->wait_for(1);
  executor.drain(1ms);
  EXPECT_EQ(executor.status().front().state, "stopped");
  try {
    start(executor);
    FAIL() << "two modules would write where one may";
  } catch (const PlanError& e) {
    EXPECT_EQ(e.code(), ErrorCode::kTimeout);
    EXPECT_EQ(e.applications(), std::vector<std::string>{"a"});
  }
  HangingSink::door->open();
  for (bool runs = false; !runs; std::this_thread::yield()) {
    try {
      start(executor);
      runs = true;
    } catch (const PlanError& e) {
      EXPECT_EQ(e.code(), ErrorCode::kTimeout);
    }
  }
  while (executor.status().front().modules.front().processed < 3) std::this_thread::yield();
}

using HangingApplicationDeathTest = HangingApplication;

TEST_F(HangingApplicationDeathTest, TheEndOfTheProcessDoesNotWaitForIt) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto run = [&] {
    Executor executor(impatient);
    start(executor);
    HangingSink::door->wait_for(1);
  };
  EXPECT_EXIT(run(), ::testing::ExitedWithCode(exit_status(ErrorCode::kTimeout)), "t_hang.* does not return");
}

}  // namespace
}  // namespace vedette::graph
