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
  static void wait_for_frames(const Executor& executor, uint64_t frames) {
    while (executor.status().front().modules.back().processed < frames) std::this_thread::yield();
  }

  std::filesystem::path folder_;
  std::string video_;
};

TEST_F(ExecutorTest, BringsEveryFrameOfEverySourceToTheSink) {
  Executor executor({.threads = 2});
  executor.start(application("a", {video_, video_, video_}));
  executor.start(application("b", {video_}));
  EXPECT_TRUE(executor.wait_finished({}));
  const auto all = executor.status();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].state, "finished");
  EXPECT_EQ(all[0].streams.size(), 3u);
  EXPECT_EQ(all[0].streams[2].state, "ended");
  for (const auto& module : all[0].modules) EXPECT_EQ(module.processed, 3u * kFrames) << module.name;
  EXPECT_EQ(all[0].latency.count, 3u * kFrames);
  EXPECT_EQ(all[1].modules.back().processed, static_cast<uint64_t>(kFrames));
}

TEST_F(ExecutorTest, ASourceThatCannotBeOpenedDoesNotStopTheOthers) {
  Executor executor({.threads = 1});
  executor.start(application("a", {"/nowhere/missing.mp4", video_}));
  EXPECT_TRUE(executor.wait_finished({}));
  const auto status = executor.status().front();
  EXPECT_EQ(status.streams[0].state, "failed");
  EXPECT_EQ(status.streams[0].failure, ErrorCode::kNotFound);
  EXPECT_THAT(status.streams[0].last_error, HasSubstr("missing.mp4"));
  EXPECT_EQ(status.modules.back().processed, static_cast<uint64_t>(kFrames));
}

TEST_F(ExecutorTest, AStartThatThrowsLeavesNothingRunning) {
  Executor executor({.threads = 2});
  EXPECT_THROW(executor.start(application("a", {video_}, false, "missing")), Error);
  EXPECT_EQ(testing::TestModule::running, 0);
  EXPECT_TRUE(executor.status().empty());
  executor.start(application("a", {video_}));
  EXPECT_TRUE(executor.wait_finished({}));
}

TEST_F(ExecutorTest, StopsInTheMidstOfThings) {
  Executor executor({.threads = 2});
  executor.start(application("a", {video_, video_}, true));
  wait_for_frames(executor, 30);
  EXPECT_EQ(executor.status().front().state, "running");
  EXPECT_THROW(executor.start(application("a", {video_})), Error);
  executor.stop("a");
  EXPECT_EQ(testing::TestModule::running, 0);
  EXPECT_THROW(executor.stop("a"), Error);
  executor.start(application("a", {video_}));
  EXPECT_TRUE(executor.wait_finished({}));
}

TEST_F(ExecutorTest, DrainsWhatIsAlreadyInside) {
  Executor executor({.threads = 2});
  executor.start(application("a", {video_, video_}, true));
  wait_for_frames(executor, 10);
  executor.drain("a", std::chrono::minutes(1));
  const auto status = executor.status().front();
  EXPECT_EQ(status.state, "stopped");
  for (const auto& module : status.modules) {
    EXPECT_EQ(module.received, module.processed) << module.name;
    EXPECT_EQ(module.processed, status.modules.front().processed);
  }
  executor.start(application("a", {video_}));  // one that has ended makes room for one of its name
  EXPECT_EQ(executor.status().size(), 1u);
  EXPECT_THROW(executor.drain("b", Duration(0)), Error);
}

TEST_F(ExecutorTest, WaitingEndsWithTheStopRequest) {
  Executor executor({.threads = 1});
  executor.start(application("a", {video_}, true));
  std::stop_source stop;
  std::jthread waiter([&] { EXPECT_FALSE(executor.wait_finished(stop.get_token())); });
  wait_for_frames(executor, 5);
  stop.request_stop();
}

}  // namespace
}  // namespace vedette::graph
