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

/// PNG files of 16 × 16 pixels, all of one grey.
constexpr std::string_view kGrey60Png(
    "\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122\000\000\000\020\000\000\000\020\010"
    "\000\000\000\000\072\230\240\275\000\000\000\017\111\104\101\124\170\332\143\260\101\003\014\043\133"
    "\000\000\342\341\074\001\332\357\036\236\000\000\000\000\111\105\116\104\256\102\140\202",
    72);
constexpr std::string_view kGrey180Png(
    "\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122\000\000\000\020\000\000\000\020\010"
    "\000\000\000\000\072\230\240\275\000\000\000\017\111\104\101\124\170\332\143\330\202\006\030\106\266"
    "\000\000\246\241\264\001\266\065\257\301\000\000\000\000\111\105\116\104\256\102\140\202",
    72);

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

TEST(ImageFolder, EachPngIsAPictureOfItsOwn) {
  const ScratchFolder folder;
  testing::write_text(folder / "1.png", kGrey60Png);
  testing::write_text(folder / "2.png", kGrey180Png);
  testing::write_text(folder / "3.png", kGrey60Png);
  auto source = testing::open({.url = folder.path().string(), .pacing = Pacing::kFast});
  const auto frames = read_all(*source);
  ASSERT_EQ(frames.size(), 3u);
  const auto luma = [&](size_t i) { return static_cast<int>(frames[i].picture->plane(0).data[8]); };
  const auto expected = [](const Picture& picture, int grey) {
    return picture.full_range ? grey : 16 + grey * 219 / 255;
  };
  EXPECT_NEAR(luma(0), expected(*frames[0].picture, 60), 2);
  EXPECT_NEAR(luma(1), expected(*frames[1].picture, 180), 2) << "not a change to the one before";
  EXPECT_NEAR(luma(2), expected(*frames[2].picture, 60), 2);
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
