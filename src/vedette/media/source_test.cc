#include "vedette/media/source.h"

#include <random>

#include "vedette/base/error.h"
#include "vedette/media/testing.h"
#include "vedette/media/video_writer.h"

namespace vedette::media {
namespace {

using std::chrono::milliseconds;
using testing::ffmpeg;
using testing::open;
using testing::ramp;
using testing::read_all;
using testing::ScratchFolder;

/// An MP4 of our own making: 320×240, 10 FPS.
std::string make_video(const ScratchFolder& folder, int frames, const std::string& name = "video.mp4") {
  VideoWriter writer({.path = folder / name, .fps = 10});
  for (int i = 0; i < frames; ++i) writer.write(*ramp(PixelFormat::kI420, 320, 240, 5 * i), milliseconds(100 * i));
  writer.finish();
  return folder / name;
}

ErrorCode failure(const SourceOptions& options) {
  try {
    const auto source = open(options);
    try {
      read_all(*source);
    } catch (const Error&) {
      EXPECT_EQ(source->stats().state, SourceState::kFailed);
      EXPECT_FALSE(source->stats().last_error.empty());
      throw;
    }
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
    return e.code();
  }
  ADD_FAILURE() << options.url << " was played";
  return ErrorCode::kInternal;
}

TEST(FileSource, PlaysTheSampleVideoWithoutCopies) {
  if (!std::filesystem::exists(testing::kSampleVideo)) GTEST_SKIP() << "install opencv-doc for vtest.avi";
  auto pool = std::make_shared<BufferPool>();
  auto info = std::make_shared<StreamInfo>();
  auto source = open_source({.url = testing::kSampleVideo, .pacing = Pacing::kFast}, info, pool);
  EXPECT_FALSE(source->live());
  uint64_t count = 0;
  while (auto frame = source->next({})) {
    ASSERT_EQ(frame->sequence, count);
    ASSERT_EQ(frame->position, milliseconds(100 * count));
    ASSERT_EQ(frame->capture_time.time_since_epoch(), frame->position);
    ASSERT_EQ(frame->capture_clock, CaptureClock::kStreamClock);
    ASSERT_EQ(frame->stream, info);
    ASSERT_EQ(frame->picture->format(), PixelFormat::kI420);
    ASSERT_EQ(frame->width, 768);
    ASSERT_EQ(frame->picture->plane(1).height, 288);
    ++count;
  }
  EXPECT_EQ(count, 795u);
  EXPECT_EQ(source->stats().state, SourceState::kEnded);
  EXPECT_EQ(source->stats().frames, 795u);
  EXPECT_TRUE(source->stats().dropped.empty());
  EXPECT_DOUBLE_EQ(source->nominal_fps(), 10);
  EXPECT_LE(pool->stats().allocated, 6u) << "a stream in steady state allocates nothing";
}

TEST(FileSource, FramesStayIntactWhileTheDecoderGoesOn) {
  const ScratchFolder folder;
  const std::string video = make_video(folder, 30);
  auto source = open({.url = video, .pacing = Pacing::kFast});
  const auto held = read_all(*source);
  ASSERT_EQ(held.size(), 30u);
  auto again = open({.url = video, .pacing = Pacing::kFast});
  for (const Frame& kept : held) {
    const auto fresh = again->next({});
    ASSERT_EQ(testing::difference(*kept.picture, *fresh->picture), 0) << kept.sequence;
  }
}

TEST(FileSource, LoopGoesOnCounting) {
  const ScratchFolder folder;
  auto source = open({.url = make_video(folder, 10), .pacing = Pacing::kFast, .loop = true});
  const auto frames = read_all(*source, 25);
  ASSERT_EQ(frames.size(), 25u);
  for (size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].sequence, i);
    EXPECT_NEAR(to_milliseconds(frames[i].position), 100. * static_cast<double>(i), 1);
  }
}

TEST(FileSource, RateLimitLeavesGapsAndCounts) {
  const ScratchFolder folder;
  SourceOptions options{.url = make_video(folder, 20), .pacing = Pacing::kFast};
  options.max_fps = 5;
  auto source = open(options);
  const auto frames = read_all(*source);
  ASSERT_EQ(frames.size(), 10u);
  EXPECT_EQ(frames[3].sequence, 6u);
  EXPECT_EQ(source->stats().dropped["rate_limited"], 10u);
}

TEST(FileSource, RefusesWhatIsNoVideo) {
  const ScratchFolder folder;
  testing::write_text(folder / "notes.txt", std::string(5000, 'x'));
  testing::write_text(folder / "notes.mp4", "this is not a video\n");
  testing::write_text(folder / "empty.mp4", "");
  for (const char* name : {"notes.txt", "notes.mp4", "empty.mp4"})
    EXPECT_EQ(failure({.url = folder / name, .pacing = Pacing::kFast}), ErrorCode::kInvalidData) << name;
}

TEST(FileSource, RefusesSoundWithoutPicturesAndUnknownCodecs) {
  if (!testing::have("ffmpeg")) GTEST_SKIP() << "install ffmpeg to make these files";
  const ScratchFolder folder;
  ASSERT_TRUE(ffmpeg("-f lavfi -i sine=duration=1 " + (folder / "sound.wav")));
  EXPECT_EQ(failure({.url = folder / "sound.wav"}), ErrorCode::kInvalidData);
  // A codec tag that nobody knows.
  std::string video = testing::read_text(make_video(folder, 5));
  for (size_t at = 0; (at = video.find("avc1", at)) != std::string::npos; ++at) video.replace(at, 4, "zzzz");
  for (size_t at = 0; (at = video.find("mp4v", at)) != std::string::npos; ++at) video.replace(at, 4, "zzzz");
  testing::write_text(folder / "unknown.mp4", video);
  EXPECT_EQ(failure({.url = folder / "unknown.mp4"}), ErrorCode::kInvalidData);
}

TEST(FileSource, FollowsAChangeOfSize) {
  if (!testing::have("ffmpeg")) GTEST_SKIP() << "install ffmpeg to make these files";
  const ScratchFolder folder;
  for (const char* size : {"160x120", "320x240"})
    ASSERT_TRUE(ffmpeg(std::string("-f lavfi -i testsrc=d=1:r=5:s=") + size + " -c:v mpeg2video -f mpegts " +
                       (folder / size) + ".ts"));
  testing::write_text(folder / "both.ts",
                      testing::read_text(folder / "160x120.ts") + testing::read_text(folder / "320x240.ts"));
  auto source = open({.url = folder / "both.ts", .pacing = Pacing::kFast});
  const auto frames = read_all(*source);
  ASSERT_GE(frames.size(), 8u);
  EXPECT_EQ(frames.front().width, 160);
  EXPECT_EQ(frames.back().width, 320);
  EXPECT_EQ(frames.back().picture->height(), 240);
  for (size_t i = 1; i < frames.size(); ++i) EXPECT_GT(frames[i].capture_time, frames[i - 1].capture_time);
}

TEST(FileSource, DropsPicturesThatAreTooLargeAndGoesOn) {
  if (!testing::have("ffmpeg")) GTEST_SKIP() << "install ffmpeg to make these files";
  const ScratchFolder folder;
  ASSERT_TRUE(ffmpeg("-f lavfi -i color=s=20000x16:d=0.2:r=5 -c:v mjpeg -f mjpeg " + (folder / "large.mjpeg")));
  ASSERT_TRUE(ffmpeg("-f lavfi -i testsrc=s=160x120:d=0.6:r=5 -c:v mjpeg -f mjpeg " + (folder / "small.mjpeg")));
  const std::string small = testing::read_text(folder / "small.mjpeg");
  testing::write_text(folder / "both.mjpeg", small + testing::read_text(folder / "large.mjpeg") + small);
  for (const bool keep_jpeg : {true, false}) {
    SourceOptions options{.url = folder / "both.mjpeg", .pacing = Pacing::kFast};
    options.keep_jpeg = keep_jpeg;
    auto source = open(options);
    const auto frames = read_all(*source);
    EXPECT_EQ(frames.size(), 6u);
    EXPECT_EQ(frames.back().sequence, 6u) << "the dropped one left a gap";
    EXPECT_EQ(frames.back().jpeg != nullptr, keep_jpeg);
    EXPECT_EQ(frames.back().width, 160);
    EXPECT_EQ(source->stats().dropped["too_large"], 1u);
  }
}

TEST(FileSource, ATruncatedFilePlaysAsFarAsItGoes) {
  const ScratchFolder folder;
  const std::string video = testing::read_text(make_video(folder, 100));
  testing::write_text(folder / "cut.mp4", std::string_view(video).substr(0, video.size() * 6 / 10));
  auto source = open({.url = folder / "cut.mp4", .pacing = Pacing::kFast});
  const auto frames = read_all(*source);
  EXPECT_GT(frames.size(), 20u);
  EXPECT_LT(frames.size(), 100u);
  EXPECT_EQ(source->stats().state, SourceState::kEnded);
}

TEST(FileSource, SaysThatAFileEndsEarly) {
  if (!testing::have("ffmpeg")) GTEST_SKIP() << "install ffmpeg to make these files";
  const ScratchFolder folder;
  ASSERT_TRUE(ffmpeg("-f lavfi -i testsrc=d=10:r=10:s=160x120 -c:v mpeg4 " + (folder / "whole.avi")));
  const std::string video = testing::read_text(folder / "whole.avi");
  testing::write_text(folder / "cut.avi", std::string_view(video).substr(0, video.size() / 2));
  auto source = open({.url = folder / "cut.avi", .pacing = Pacing::kFast});
  EXPECT_GT(read_all(*source).size(), 20u);
  EXPECT_NE(source->stats().last_error.find("cut off"), std::string::npos) << source->stats().last_error;
}

TEST(FileSource, NeverCrashesOnDamage) {
  const ScratchFolder folder;
  const std::string video = testing::read_text(make_video(folder, 20));
  std::mt19937 random(11);
  for (int i = 0; i < 60; ++i) {
    std::string broken = i % 2 ? video : video.substr(0, random() % video.size());
    for (size_t k = 0; i % 2 && k < 20 && !broken.empty(); ++k)
      broken[random() % broken.size()] = static_cast<char>(random());
    testing::write_text(folder / "broken.mp4", broken);
    try {
      auto source = open({.url = folder / "broken.mp4", .pacing = Pacing::kFast});
      for (const Frame& frame : read_all(*source, 200)) EXPECT_TRUE(frame.picture);
    } catch (const Error& e) {
      EXPECT_TRUE(e.code() == ErrorCode::kInvalidData || e.code() == ErrorCode::kUnavailable) << e.what();
    }
  }
}

}  // namespace
}  // namespace vedette::media
