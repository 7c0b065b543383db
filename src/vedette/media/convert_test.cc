#include "vedette/media/convert.h"

#include "vedette/base/error.h"
#include "vedette/media/testing.h"

namespace vedette::media {
namespace {

using testing::difference;
using testing::ramp;

std::array<int, 3> pixel(const Picture& bgr, int x, int y) {
  const uint8_t* p = bgr.plane(0).data + y * bgr.plane(0).stride_bytes + 3 * x;
  return {p[0], p[1], p[2]};
}

std::shared_ptr<Picture> plain(uint8_t y, uint8_t u, uint8_t v) {
  auto picture = Picture::make(PixelFormat::kI420, 32, 32);
  const std::array<uint8_t, 3> values{y, u, v};
  for (int i = 0; i < 3; ++i)
    std::fill_n(picture->plane(i).data, picture->plane(i).stride_bytes * picture->plane(i).height,
                values[static_cast<size_t>(i)]);
  return picture;
}

TEST(Convert, HonoursMatrixAndRange) {
  auto picture = plain(235, 128, 128);
  EXPECT_NEAR(pixel(*to_bgr(*picture), 5, 5)[0], 255, 1) << "white of video range";
  picture->full_range = true;
  EXPECT_NEAR(pixel(*to_bgr(*picture), 5, 5)[0], 235, 1);
  // Red of BT.709 in video range: Y 63, Cb 102, Cr 240 (ITU-R BT.709-6 §3).
  auto red = plain(63, 102, 240);
  red->matrix = ColorMatrix::kBt709;
  const auto [b, g, r] = pixel(*to_bgr(*red), 5, 5);
  EXPECT_NEAR(r, 255, 3);
  EXPECT_NEAR(g, 0, 3);
  EXPECT_NEAR(b, 0, 3);
}

TEST(Convert, BgrThereAndBack) {
  const auto bgr = ramp(PixelFormat::kBgr, 65, 33);
  const auto back = to_bgr(*to_i420(*bgr));
  EXPECT_LT(difference(*bgr, *back), 4);
}

TEST(Convert, AFrameWithoutItsPictureIsRefused) {
  const Frame bare;
  for (const auto convert : {pixels_of, bgr_of}) {
    try {
      convert(bare);
      FAIL() << "pixels of a frame that has none";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kUnavailable);
    }
  }
}

TEST(Convert, ScalesEveryFormat) {
  for (const PixelFormat format : {PixelFormat::kI420, PixelFormat::kBgr, PixelFormat::kGray}) {
    const auto big = ramp(format, 128, 96);
    const auto small = scaled(*big, 63, 47);
    EXPECT_EQ(small->format(), format);
    EXPECT_EQ(small->width(), 63);
    EXPECT_LT(difference(*scaled(*small, 128, 96), *big), 3) << to_string(format);
  }
}

TEST(Convert, CropClipsAndAligns) {
  const auto picture = ramp(PixelFormat::kI420, 100, 80);
  const auto cut = crop(*picture, {11.5f, 7.2f, 20, 10});
  EXPECT_EQ(cut->width(), 22) << "from 10 to 32";
  EXPECT_EQ(cut->height(), 12) << "from 6 to 18";
  EXPECT_EQ(cut->plane(0).data[0], picture->plane(0).data[6 * picture->plane(0).stride_bytes + 10]);
  EXPECT_EQ(cut->plane(2).data[0], picture->plane(2).data[3 * picture->plane(2).stride_bytes + 5]);
  EXPECT_EQ(crop(*picture, {-50, -50, 60, 60})->width(), 10);
  EXPECT_EQ(crop(*picture, {200, 10, 5, 5}), nullptr);
  EXPECT_EQ(crop(*picture, {10, 10, 0, 5}), nullptr);
  EXPECT_EQ(crop(*ramp(PixelFormat::kBgr, 10, 10), {3, 3, 4, 4})->width(), 4);
}

}  // namespace
}  // namespace vedette::media
