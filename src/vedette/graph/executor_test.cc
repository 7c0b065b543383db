// Whole applications on real sources: a video that FFmpeg's program writes for the purpose.
#include "vedette/graph/executor.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/graph/test_modules.h"

namespace vedette::graph {
namespace {

using ::testing::HasSubstr;

class ExecutorTest : public ::testing::Test {
 protected:
  static constexpr int kFrames = 20;

  void SetUp() override {
    testing::register_test_modules();
    folder_ = std::filesystem::path(::testing::TempDir()) / ("vedette-executor-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    video_ = (folder_ / "small.avi").string();
    const std::string command = "ffmpeg -nostdin -v error -y -f lavfi -i testsrc=size=64x48:rate=20 -frames:v " +
                                std::to_string(kFrames) + " -c:v mjpeg '" + video_ + "'";
    if (!std::filesystem::exists(video_) && std::system(command.c_str()) != 0)
      GTEST_SKIP() << "needs the ffmpeg program";
    testing::TestModule::processed = 0;
    testing::TestModule::started = 0;
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
    EXPECT_EQ(testing::TestModule::running, 0) << "a module was started and not stopped";
  }

  Application application(const std::string& name, const std::vector<std::string>& urls, bool loop = false,
                          const std::string& model = "small") const {
    std::string text = "application: " + name + "\nsources:\n";
    for (const auto& url : urls)
      text += "  - {url: '" + url + "', pacing: fast, loop: " + (loop ? "true" : "false") + "}\n";
    text += "modules:\n  - type: t_decode\n  - {type: t_detect, model: " + model +
            "}\n  - type: t_track\n  - type: jsonl\n";
    return parse_application(parse_config(text, "test.yaml"));
  }
  static void start(Executor& executor, std::vector<Application> applications) { executor.start(applications); }
  static void wait_for_frames(const Executor& executor, uint64_t frames) {
    while (executor.status().front().modules.back().processed < frames) std::this_thread::yield();
  }

  std::filesystem::path folder_;
  std::string video_;
};

TEST_F(ExecutorTest, BringsEveryFrameOfEverySourceToTheSink) {
  Executor executor({.threads = 2});
  start(executor, {application("a", {video_, video_, video_}), application("b", {folder_ / "other.avi"})});
  EXPECT_TRUE(executor.wait_finished({}));
  const auto all = executor.status();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].state, "finished");
  EXPECT_EQ(all[0].streams.size(), 3u);
  EXPECT_EQ(all[0].streams[2].state, "ended");
  EXPECT_EQ(all[0].modules.back().processed, 3u * kFrames);
  EXPECT_EQ(all[0].latency.count, 3u * kFrames);
  EXPECT_EQ(all[1].streams.front().state, "failed");
}

TEST_F(ExecutorTest, WhatTwoApplicationsHaveInCommonRunsOnce) {
  Executor executor({.threads = 2});
  start(executor, {application("a", {video_}), application("b", {video_})});
  EXPECT_EQ(testing::TestModule::started, 3 + 2) << "decode, detect and track once, a sink each";
  EXPECT_TRUE(executor.wait_finished({}));
  EXPECT_EQ(testing::TestModule::processed, 5 * kFrames);
  const auto all = executor.status();
  for (const auto& status : all) {
    ASSERT_EQ(status.modules.size(), 4u);
    EXPECT_EQ(status.modules.back().users, std::vector<std::string>{status.name});
    EXPECT_EQ(status.modules.front().users, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(status.latency.count, static_cast<uint64_t>(kFrames));
  }
}

TEST_F(ExecutorTest, ASourceThatCannotBeOpenedDoesNotStopTheOthers) {
  Executor executor({.threads = 1});
  start(executor, {application("a", {"/nowhere/missing.mp4", video_})});
  EXPECT_TRUE(executor.wait_finished({}));
  const auto status = executor.status().front();
  EXPECT_EQ(status.streams[0].state, "failed");
  EXPECT_EQ(status.streams[0].failure, ErrorCode::kNotFound);
  EXPECT_THAT(status.streams[0].last_error, HasSubstr("missing.mp4"));
  EXPECT_EQ(status.modules.back().processed, static_cast<uint64_t>(kFrames));
}

TEST_F(ExecutorTest, AStartThatThrowsLeavesNothingRunning) {
  Executor executor({.threads = 2});
  try {
    start(executor, {application("a", {video_}, false, "missing")});
    FAIL() << "nothing was thrown";
  } catch (const PlanError& e) {
    EXPECT_EQ(e.code(), ErrorCode::kNotFound);
    EXPECT_EQ(e.applications(), std::vector<std::string>{"a"});
  }
  EXPECT_EQ(testing::TestModule::running, 0);
  EXPECT_TRUE(executor.status().empty());
  start(executor, {application("a", {video_})});
  EXPECT_TRUE(executor.wait_finished({}));
}

TEST_F(ExecutorTest, TwoApplicationsOfOneNameAreRefused) {
  Executor executor({.threads = 1});
  EXPECT_THROW(start(executor, {application("a", {video_}), application("a", {video_})}), Error);
  EXPECT_TRUE(executor.status().empty());
}

TEST_F(ExecutorTest, AnApplicationComesAndGoesAndTheOtherLosesNoFrame) {
  Executor executor({.threads = 2, .drain_limit = std::chrono::minutes(1)});
  const auto a = application("a", {video_}, true);
  const auto b = application("b", {video_}, true);
  start(executor, {a});
  for (uint64_t frames = 50; frames <= 250; frames += 50) {
    wait_for_frames(executor, frames);
    start(executor, {a, b});
    EXPECT_EQ(executor.status().size(), 2u);
    while (executor.status()[1].modules.back().processed < 10) std::this_thread::yield();
    start(executor, {a});
  }
  executor.drain(std::chrono::minutes(1));
  const auto status = executor.status().front();
  EXPECT_EQ(status.name, "a");
  EXPECT_EQ(status.state, "stopped");
  EXPECT_EQ(testing::TestModule::running, 0);
  for (const auto& module : status.modules) {
    EXPECT_EQ(module.received, module.processed) << module.name;
    EXPECT_EQ(module.processed, status.modules.front().processed) << module.name;
    EXPECT_TRUE(module.dropped.empty()) << module.name;
  }
}

TEST_F(ExecutorTest, AChangeThatFailsLeavesEverythingAsItWas) {
  Executor executor({.threads = 2, .drain_limit = std::chrono::minutes(1)});
  const auto a = application("a", {video_}, true);
  start(executor, {a});
  wait_for_frames(executor, 20);
  const int running = testing::TestModule::running;
  EXPECT_THROW(start(executor, {a, application("b", {video_}, true, "missing")}), PlanError);
  EXPECT_THROW(start(executor, {application("a", {video_}, true, "missing")}), PlanError);
  EXPECT_EQ(testing::TestModule::running, running);
  EXPECT_EQ(executor.status().size(), 1u);
  wait_for_frames(executor, executor.status().front().modules.back().processed + 20);
  executor.drain(std::chrono::minutes(1));
  const auto after = executor.status().front();
  for (const auto& module : after.modules) EXPECT_TRUE(module.dropped.empty()) << module.name;
}

TEST_F(ExecutorTest, AModuleWithNewSettingsTakesOverWithoutAGap) {
  Executor executor({.threads = 2, .drain_limit = std::chrono::minutes(1)});
  start(executor, {application("a", {video_}, true)});
  wait_for_frames(executor, 30);
  start(executor, {application("a", {video_}, true, "large")});
  wait_for_frames(executor, 100);
  executor.drain(std::chrono::minutes(1));
  const auto status = executor.status().front();
  EXPECT_EQ(testing::TestModule::running, 0);
  // The decoder stayed, and so did the sink: its every frame went through the old detector or the new one.
  EXPECT_EQ(status.modules.back().processed, status.modules.front().processed);
  EXPECT_LT(status.modules[1].processed, status.modules.front().processed);
}

TEST_F(ExecutorTest, ASharedModuleThatOneOfItsUsersChangesStaysWithTheOther) {
  Executor executor({.threads = 2, .drain_limit = std::chrono::minutes(1)});
  const auto a = application("a", {video_}, true);
  start(executor, {a, application("b", {video_}, true)});
  wait_for_frames(executor, 20);
  for (const char* model : {"large", "huge", "small"}) {  // out of what is shared, on its own, and back again
    start(executor, {a, application("b", {video_}, true, model)});
    const uint64_t before = executor.status()[1].modules.back().processed;
    while (executor.status()[1].modules.back().processed < before + 30) std::this_thread::yield();
  }
  executor.drain(std::chrono::minutes(1));
  const auto all = executor.status();
  for (const auto& module : all[0].modules) EXPECT_TRUE(module.dropped.empty()) << module.name;
  EXPECT_EQ(all[0].modules.back().processed, all[0].modules.front().processed);
  // What lies in the queues of the shared modules when b leaves them is lost to b, and comes twice when b joins them
  // again: a few frames a change, and only b's.
  constexpr uint64_t kInQueues = 24;
  EXPECT_LE(all[1].modules.back().processed, all[1].modules.front().processed + kInQueues);
  EXPECT_GE(all[1].modules.back().processed + kInQueues, all[1].modules.front().processed);
  EXPECT_TRUE(all[1].modules.back().dropped.empty());
}

TEST_F(ExecutorTest, StopsInTheMidstOfThings) {
  {
    Executor executor({.threads = 2});
    start(executor, {application("a", {video_, video_}, true)});
    wait_for_frames(executor, 30);
    EXPECT_EQ(executor.status().front().state, "running");
  }
  EXPECT_EQ(testing::TestModule::running, 0);
}

TEST_F(ExecutorTest, DrainsWhatIsAlreadyInside) {
  Executor executor({.threads = 2});
  start(executor, {application("a", {video_, video_}, true)});
  wait_for_frames(executor, 10);
  executor.drain(std::chrono::minutes(1));
  const auto status = executor.status().front();
  EXPECT_EQ(status.state, "stopped");
  for (const auto& module : status.modules) {
    EXPECT_EQ(module.received, module.processed) << module.name;
    EXPECT_EQ(module.processed, status.modules.front().processed);
  }
}

TEST_F(ExecutorTest, WaitingEndsWithTheStopRequest) {
  Executor executor({.threads = 1});
  start(executor, {application("a", {video_}, true)});
  std::stop_source stop;
  std::jthread waiter([&] { EXPECT_FALSE(executor.wait_finished(stop.get_token())); });
  wait_for_frames(executor, 5);
  stop.request_stop();
}

TEST_F(ExecutorTest, StepsOfSampledFramesAreRecorded) {
  TraceBuffer traces;
  Executor executor({.threads = 2, .traces = &traces, .traces_per_second = 1e6});
  start(executor, {application("a", {video_})});
  EXPECT_TRUE(executor.wait_finished({}));
  std::map<std::string, int> steps;
  for (const auto& span : traces.take()) {
    EXPECT_TRUE(span.trace);
    ++steps[std::string(to_string(span.kind))];
  }
  EXPECT_EQ(steps["source"], kFrames);
  EXPECT_EQ(steps["execute"], 4 * kFrames);
  EXPECT_EQ(steps["wait"], 4 * kFrames);
}

}  // namespace
}  // namespace vedette::graph
