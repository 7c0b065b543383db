#include "vedette/framelog/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "vedette/framelog/replay.h"
#include "vedette/framelog/testing.h"
#include "vedette/media/jpeg.h"
#include "vedette/media/source.h"

namespace vedette::framelog {
namespace {

using testing::TemporaryFolder;

std::shared_ptr<Picture> grey(int width, int height, uint8_t level) {
  auto picture = Picture::make(PixelFormat::kGray, width, height);
  for (int y = 0; y < height; ++y) {
    std::fill_n(picture->plane(0).data + static_cast<ptrdiff_t>(y) * picture->plane(0).stride_bytes, width, level);
  }
  return picture;
}

std::shared_ptr<Log> log_of_jpegs(int frames) {
  const auto log = Log::make({.camera = "yard", .capacity_bytes = 4 << 20, .segment_bytes = 1 << 20});
  for (int i = 0; i < frames; ++i) {
    const Bytes jpeg = media::encode_jpeg(*grey(64, 48, static_cast<uint8_t>(20 * i)), 90);
    RecordInfo info;
    info.time = from_micros(1'000'000 + int64_t{i} * 40'000);
    info.width = 64;
    info.height = 48;
    log->append(info, std::as_bytes(std::span(jpeg)));
  }
  return log;
}

TEST(Export, JpegsAreCopiedByteForByte) {
  TemporaryFolder folder;
  const auto log = log_of_jpegs(3);
  auto cursor = log->follow_sequence(0);
  const auto result = export_jpegs(cursor, folder.path() + "/out");
  EXPECT_EQ(result.frames, 3u);
  EXPECT_EQ(result.missing, 0u);
  const auto path = folder.path() + "/out/19700101T000001.040000Z-000000000001.jpg";
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_EQ(std::filesystem::file_size(path), log->with_sequence(1)->size_bytes());
}

TEST(Export, AnMp4KeepsTheTimes) {
  TemporaryFolder folder;
  const auto log = log_of_jpegs(10);
  RecordInfo late;
  late.time = from_micros(3'000'000);
  late.codec = FrameCodec::kGray;
  late.width = 64;
  late.height = 48;
  log->append(late, std::vector<std::byte>(64 * 48));
  RecordInfo broken;
  broken.time = from_micros(3'100'000);
  log->append(broken, std::vector<std::byte>(100));
  auto cursor = log->follow_sequence(0);
  const std::string path = folder.path() + "/out.mp4";
  const auto result = export_mp4(cursor, path);
  EXPECT_EQ(result.frames, 11u);
  EXPECT_EQ(result.broken, 1u);
  media::SourceOptions how;
  how.url = path;
  how.pacing = media::Pacing::kFast;
  const auto source = media::open_source(how, std::make_shared<const StreamInfo>(), std::make_shared<BufferPool>());
  std::vector<int64_t> positions;
  while (const auto frame = source->next({})) positions.push_back(frame->position / std::chrono::milliseconds(1));
  ASSERT_EQ(positions.size(), 11u);
  EXPECT_EQ(positions[1] - positions[0], 40);
  EXPECT_EQ(positions[10] - positions[0], 2000);
}

TEST(Export, NothingGivesNothing) {
  TemporaryFolder folder;
  const auto log = log_of_jpegs(1);
  auto cursor = log->follow();
  EXPECT_EQ(export_mp4(cursor, folder.path() + "/out.mp4").frames, 0u);
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/out.mp4"));
}

TEST(Replay, FramesAreDueAsFarApartAsTheyWereTaken) {
  const MonotonicTime now{std::chrono::seconds(100)};
  ReplaySchedule twice(2);
  EXPECT_EQ(twice.due(5'000'000, now), now);
  EXPECT_EQ(twice.due(6'000'000, now + std::chrono::seconds(9)), now + std::chrono::milliseconds(500));
  ReplaySchedule flat_out(0);
  EXPECT_EQ(flat_out.due(5'000'000, now), now);
  EXPECT_EQ(flat_out.due(6'000'000, now), now);
}

TEST(Replay, HandsOutEveryFrameAndStopsWhenTold) {
  const auto log = log_of_jpegs(10);
  auto all = log->follow_sequence(0);
  std::vector<uint64_t> seen;
  const auto take = [&](const FrameRef& frame) { seen.push_back(frame.sequence()); };
  EXPECT_EQ(replay(all, {.speed = 0}, take).frames, 10u);
  EXPECT_EQ(seen.size(), 10u);
  auto again = log->follow_sequence(0);
  int waits = 0;
  const auto result = replay(again, {.speed = 1, .wait = [&](MonotonicTime) { return ++waits < 4; }}, take);
  EXPECT_TRUE(result.stopped);
  EXPECT_EQ(result.frames, 4u);
}

}  // namespace
}  // namespace vedette::framelog
