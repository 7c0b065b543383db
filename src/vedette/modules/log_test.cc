#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "vedette/framelog/shelf.h"
#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

using namespace std::chrono_literals;
using testing::CollectingEmit;
using ::testing::HasSubstr;
using testing::make_module;
using testing::plain_picture;
using testing::settings_faults;
using testing::test_context;
using testing::test_observation;

constexpr double k2026 = 1767225600;  // seconds

class LogSink : public ::testing::Test {
 public:
  LogSink() {
    services[typeid(framelog::Shelf)] = &shelf;
    context.set_services(&services);
    context.clock = &clock;
    folder =
        (std::filesystem::temp_directory_path() / ("vedette_log_" + std::to_string(::getpid()) + "_" +
                                                   ::testing::UnitTest::GetInstance()->current_test_info()->name()))
            .string();
  }
  ~LogSink() override { std::filesystem::remove_all(folder); }

  void process(graph::Module& sink, double seconds, uint64_t sequence) {
    sink.process(test_observation({.seconds = seconds, .sequence = sequence, .picture = plain_picture(64, 48, 90)}),
                 emit);
  }

  ManualClock clock{Timestamp{from_seconds(k2026 + 1000)}};
  framelog::Shelf shelf;
  graph::ModuleContext::Services services;
  graph::ModuleContext context = test_context();
  CollectingEmit emit;
  std::string folder;
};

TEST_F(LogSink, KeepsFramesByTheirCaptureTimeForWhoeverLooksThemUp) {
  auto sink = testing::start_module("log", "memory_mb: 2\nsegment_mb: 1", context);
  process(*sink, k2026 + 1, 0);
  process(*sink, k2026 + 2, 1);
  const auto item = shelf.find("yard");
  ASSERT_TRUE(item);
  const auto frame = item->log->at(Timestamp{from_seconds(k2026 + 2)});
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->info().width, 64);
  EXPECT_EQ(frame->bytes()[0], std::byte{0xFF}) << "a JPEG";
  EXPECT_EQ(item->log->stats().frames, 2u);
  sink->stop();
  EXPECT_FALSE(shelf.find("yard"));
  EXPECT_TRUE(item->log->closed());
}

TEST_F(LogSink, KeepsHowLargeThePictureWasThatTheCameraTook) {
  auto sink = testing::start_module("log", "memory_mb: 2\nsegment_mb: 1", context);
  sink->process(test_observation({.seconds = k2026 + 1,
                                  .width = 640,
                                  .height = 480,
                                  .picture = plain_picture(64, 48, 90),
                                  .made_smaller = true}),
                emit);
  const auto info = shelf.find("yard")->log->at(Timestamp{from_seconds(k2026 + 1)})->info();
  EXPECT_EQ(std::pair(info.width, info.height), std::pair(uint16_t{64}, uint16_t{48}));
  EXPECT_EQ(std::pair(info.original_width, info.original_height), std::pair(uint16_t{640}, uint16_t{480}));
  sink->stop();
}

TEST_F(LogSink, AFilesTimesAreMovedToThePresentAndGoOnBehindTheLast) {
  const std::string settings = "memory_mb: 2\nsegment_mb: 1\nfolder: " + folder;
  for (int run = 0; run < 2; ++run) {
    auto sink = testing::start_module("log", settings, context);
    for (int i = 0; i < 3; ++i) process(*sink, i * 0.1, static_cast<uint64_t>(i));
    const auto log = shelf.find("yard")->log;
    EXPECT_EQ(log->stats().appended, 3u);
    EXPECT_EQ(log->newest()->sequence(), static_cast<uint64_t>(run * 3 + 2));
    EXPECT_EQ(log->oldest()->time(), clock.now()) << "the first run began now";
    EXPECT_EQ(log->newest()->time(), clock.now() + 200ms + run * 201ms);
    sink->stop();
  }
  EXPECT_TRUE(emit.drops.empty());
}

TEST_F(LogSink, ATimeThatGoesBackwardsCostsThatFrameOnly) {
  auto sink = testing::start_module("log", "memory_mb: 2\nsegment_mb: 1", context);
  process(*sink, k2026 + 2, 0);
  process(*sink, k2026 + 1, 1);
  process(*sink, k2026 + 3, 2);
  EXPECT_EQ(emit.drops["not_logged"], 1);
  EXPECT_EQ(shelf.find("yard")->log->stats().frames, 2u);
  sink->stop();
}

TEST_F(LogSink, TwoOfOneCameraAreRefused) {
  auto sink = testing::start_module("log", "memory_mb: 2\nsegment_mb: 1", context);
  EXPECT_THROW(testing::start_module("log", "memory_mb: 4\nsegment_mb: 1", context), Error);
  auto other = testing::start_module("log", "memory_mb: 4\nsegment_mb: 1\ncamera: '{stream}-small'", context);
  EXPECT_TRUE(shelf.find("yard-small"));
  other->stop();
  sink->stop();
}

TEST_F(LogSink, RefusesSettingsThatMakeNoSense) {
  EXPECT_THAT(settings_faults("log", "memory_mb: 16\nsegment_mb: 16"), HasSubstr("two segments"));
  EXPECT_THAT(settings_faults("log", "folders: x"), HasSubstr("folders"));
}

}  // namespace
}  // namespace vedette::modules
