#include "vedette/media/image_folder.h"

#include "vedette/base/error.h"
#include "vedette/media/jpeg.h"
#include "vedette/media/testing.h"

namespace vedette::media {
namespace {

using testing::ramp;
using testing::read_all;
using testing::ScratchFolder;

void write_jpeg(const std::string& path, int width, int height) {
  const Bytes jpeg = encode_jpeg(*ramp(PixelFormat::kI420, width, height), 80);
  testing::write_text(path, {reinterpret_cast<const char*>(jpeg.data()), jpeg.size()});
}

TEST(NaturalOrder, ComparesNumbersAsNumbers) {
  EXPECT_TRUE(natural_less("frame2.jpg", "frame10.jpg"));
  EXPECT_FALSE(natural_less("frame10.jpg", "frame2.jpg"));
  EXPECT_TRUE(natural_less("a", "b"));
  EXPECT_TRUE(natural_less("a1", "a1b"));
  EXPECT_TRUE(natural_less("a01", "a1") != natural_less("a1", "a01")) << "a strict order";
  EXPECT_FALSE(natural_less("a", "a"));
}

TEST(ImageFolder, PlaysInNaturalOrderAndCountsTheRest) {
  const ScratchFolder folder;
  write_jpeg(folder / "p10.jpg", 40, 30);
  write_jpeg(folder / "p2.JPEG", 20, 10);
  testing::write_text(folder / "p3.jpg", "broken");
  testing::write_text(folder / "notes.txt", "not a picture");
  testing::write_text(folder / "p1.ppm", "P6 2 2 255\n" + std::string(12, '\x7f'));
  auto source = testing::open({.url = folder.path().string(), .pacing = Pacing::kFast});
  const auto frames = read_all(*source);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].width, 2);
  EXPECT_TRUE(frames[0].picture);
  EXPECT_EQ(frames[1].width, 20);
  EXPECT_TRUE(frames[1].jpeg);
  EXPECT_EQ(frames[2].width, 40);
  EXPECT_EQ(frames[2].sequence, 3u) << "the broken picture left a gap";
  EXPECT_NEAR(to_milliseconds(frames[2].position), 300, 1e-3);
  EXPECT_EQ(source->stats().dropped["corrupt"], 1u);
  EXPECT_EQ(source->stats().dropped["not_an_image"], 1u);
}

TEST(ImageFolder, LoopsAndDecodesOnRequest) {
  const ScratchFolder folder;
  write_jpeg(folder / "a.jpg", 40, 30);
  SourceOptions options{.url = folder.path().string(), .pacing = Pacing::kFast, .loop = true};
  options.keep_jpeg = false;
  auto source = testing::open(options);
  const auto frames = read_all(*source, 3);
  EXPECT_EQ(frames[2].sequence, 2u);
  EXPECT_TRUE(frames[2].picture);
  EXPECT_GT(frames[2].capture_time, frames[1].capture_time);
}

TEST(ImageFolder, RefusesAFolderWithoutPictures) {
  const ScratchFolder folder;
  EXPECT_THROW(testing::open({.url = folder.path().string()}), Error);
  testing::write_text(folder / "only.png", "broken");
  auto source = testing::open({.url = folder.path().string(), .pacing = Pacing::kFast, .loop = true});
  EXPECT_THROW(source->next({}), Error) << "and never spins on pictures that do not decode";
}

}  // namespace
}  // namespace vedette::media
