#include "vedette/media/video_writer.h"

#include "vedette/base/error.h"
#include "vedette/media/convert.h"
#include "vedette/media/testing.h"

namespace vedette::media {
namespace {

using std::chrono::milliseconds;
using testing::difference;
using testing::ramp;
using testing::read_all;
using testing::ScratchFolder;

std::vector<Frame> play(const std::string& path) {
  auto source = testing::open({.url = path, .pacing = Pacing::kFast});
  return read_all(*source);
}

TEST(VideoWriter, WritesWhatIsReadBackAtItsTimes) {
  const ScratchFolder folder;
  const std::vector<int> times_ms{1000, 1100, 1350, 1350, 2000};
  for (const char* codec : {"", "mpeg4"}) {
    VideoWriterOptions options{.path = folder / "a.mp4", .fps = 10, .quality = 18};
    options.codec = codec;
    VideoWriter writer(options);
    for (size_t i = 0; i < times_ms.size(); ++i)
      writer.write(*ramp(PixelFormat::kI420, 161, 121, static_cast<int>(i)), milliseconds(times_ms[i]));
    writer.finish();
    writer.finish();
    const auto frames = play(folder / "a.mp4");
    ASSERT_EQ(frames.size(), 5u);
    EXPECT_EQ(frames[0].width, 162);
    EXPECT_EQ(frames[2].position, milliseconds(350));
    EXPECT_EQ(frames[3].position, milliseconds(351)) << "a time that does not grow";
    EXPECT_EQ(frames[4].position, milliseconds(1000));
    EXPECT_LT(difference(*frames[0].picture, *scaled(*ramp(PixelFormat::kI420, 161, 121), 162, 122)), 4) << codec;
  }
}

TEST(VideoWriter, ScalesLaterSizesAndFormatsToTheFirst) {
  const ScratchFolder folder;
  VideoWriter writer({.path = folder / "a.mp4"});
  writer.write(*ramp(PixelFormat::kI420, 160, 120), milliseconds(0));
  writer.write(*ramp(PixelFormat::kI420, 320, 200), milliseconds(40));
  writer.write(*ramp(PixelFormat::kBgr, 64, 64), milliseconds(80));
  auto full = ramp(PixelFormat::kI420, 160, 120);
  full->full_range = true;
  writer.write(*full, milliseconds(120));
  writer.finish();
  EXPECT_EQ(writer.frames(), 4u);
  const auto frames = play(folder / "a.mp4");
  ASSERT_EQ(frames.size(), 4u);
  EXPECT_EQ(frames[1].width, 160);
}

TEST(VideoWriter, IsPlayableWhileItIsWritten) {
  const ScratchFolder folder;
  VideoWriter writer({.path = folder / "a.mp4", .fps = 10, .fragment_seconds = 1});
  for (int i = 0; i < 45; ++i) writer.write(*ramp(PixelFormat::kI420, 160, 120, i), milliseconds(100 * i));
  // What a killed process would leave behind.
  std::filesystem::copy_file(folder / "a.mp4", folder / "killed.mp4");
  EXPECT_GE(play(folder / "killed.mp4").size(), 30u);
  writer.finish();
  EXPECT_EQ(play(folder / "a.mp4").size(), 45u);
}

TEST(VideoWriter, SaysThatTheDiskIsFull) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  VideoWriter writer({.path = "/dev/full", .fps = 10, .fragment_seconds = 0.2});
  try {
    for (int i = 0; i < 100; ++i) writer.write(*ramp(PixelFormat::kI420, 160, 120, i), milliseconds(100 * i));
    writer.finish();
    FAIL() << "wrote to a full disk";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kExhausted);
    EXPECT_NE(std::string(e.what()).find("/dev/full"), std::string::npos);
  }
  EXPECT_THROW(writer.write(*ramp(PixelFormat::kI420, 160, 120), {}), Error) << "and says so again";
}

TEST(VideoWriter, RefusesAPathOrEncoderThatCannotBe) {
  EXPECT_THROW(VideoWriter({.path = "/no/such/folder/a.mp4"}), Error);
  const ScratchFolder folder;
  VideoWriterOptions options{.path = folder / "a.mp4"};
  options.codec = "nosuch264";
  EXPECT_THROW(VideoWriter{options}, Error);
}

}  // namespace
}  // namespace vedette::media
