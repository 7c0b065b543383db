#include "vedette/media/jpeg.h"

#include <random>

#include "vedette/base/error.h"
#include "vedette/media/convert.h"
#include "vedette/media/testing.h"

namespace vedette::media {
namespace {

using testing::difference;
using testing::ramp;

TEST(Jpeg, RoundTripsFullRangeI420WithoutConversion) {
  for (const auto& [width, height] : {std::pair{64, 48}, {65, 49}, {1, 1}, {333, 7}, {640, 481}}) {
    auto picture = ramp(PixelFormat::kI420, width, height);
    picture->full_range = true;
    const Bytes jpeg = encode_jpeg(*picture, 95);
    EXPECT_EQ(jpeg_size(jpeg), std::pair(width, height));
    const auto back = decode_jpeg(jpeg);
    EXPECT_TRUE(back->full_range);
    EXPECT_LT(difference(*picture, *back), 3) << width << "x" << height;
  }
}

TEST(Jpeg, WidensVideoRangeAndTurnsBt709) {
  for (const ColorMatrix matrix : {ColorMatrix::kBt601, ColorMatrix::kBt709}) {
    auto picture = ramp(PixelFormat::kI420, 128, 96);
    picture->matrix = matrix;
    const auto back = decode_jpeg(encode_jpeg(*picture, 98), nullptr, {.format = PixelFormat::kBgr});
    EXPECT_LT(difference(*to_bgr(*picture), *back), 3) << to_string(back->format());
  }
}

TEST(Jpeg, KeepsGrayAndBgr) {
  const auto gray = ramp(PixelFormat::kGray, 50, 40);
  EXPECT_LT(difference(*gray, *decode_jpeg(encode_jpeg(*gray, 95), nullptr, {.format = PixelFormat::kGray})), 1.5);
  const auto gray_as_i420 = decode_jpeg(encode_jpeg(*gray, 95));
  EXPECT_EQ(gray_as_i420->plane(1).data[5], 128);
  const auto bgr = ramp(PixelFormat::kBgr, 50, 40);
  EXPECT_LT(difference(*bgr, *decode_jpeg(encode_jpeg(*bgr, 95), nullptr, {.format = PixelFormat::kBgr})), 3);
}

TEST(Jpeg, DecodesSmallerByPowersOfTwo) {
  const auto picture = ramp(PixelFormat::kI420, 640, 480);
  const Bytes jpeg = encode_jpeg(*picture, 80);
  EXPECT_EQ(decode_jpeg(jpeg, nullptr, {.max_side_px = 320})->width(), 320);
  EXPECT_EQ(decode_jpeg(jpeg, nullptr, {.max_side_px = 321})->width(), 640);
  EXPECT_EQ(decode_jpeg(jpeg, nullptr, {.max_side_px = 1})->width(), 80);
}

TEST(Jpeg, RefusesWhatIsNone) {
  EXPECT_THROW(jpeg_size({}), Error);
  EXPECT_THROW(decode_jpeg(Bytes(100, 7)), Error);
}

TEST(Jpeg, NeverCrashesOnDamage) {
  const Bytes jpeg = encode_jpeg(*ramp(PixelFormat::kI420, 160, 120), 80);
  std::mt19937 random(7);
  int decoded = 0;
  for (int i = 0; i < 600; ++i) {
    Bytes broken(jpeg.begin(), jpeg.begin() + static_cast<ptrdiff_t>(i % 2 ? jpeg.size() : random() % jpeg.size()));
    for (size_t k = 0; i % 2 && k < 1 + i % 5u; ++k) broken[random() % broken.size()] = static_cast<uint8_t>(random());
    // A damaged header may announce a huge picture, which would only be slow.
    try {
      const auto [width, height] = jpeg_size(broken);
      if (width * height > 4'000'000) continue;
      for (const PixelFormat f : {PixelFormat::kI420, PixelFormat::kBgr}) {
        const auto picture = decode_jpeg(broken, nullptr, {.format = f});
        EXPECT_EQ(picture->width(), width);
        ++decoded;
      }
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidData);
    }
  }
  EXPECT_GT(decoded, 100) << "a picture cut short keeps what decodes";
}

TEST(Jpeg, OfAFrameIsMadeOnceForEachQuality) {
  Frame frame;
  frame.picture = ramp(PixelFormat::kI420, 64, 64);
  const auto first = jpeg_of(frame, 80);
  EXPECT_EQ(jpeg_of(frame, 80), first);
  EXPECT_NE(jpeg_of(frame, 60), first);
  const Frame copy = frame;
  EXPECT_EQ(jpeg_of(copy, 80), first);
  Frame delivered;
  delivered.jpeg = first;
  EXPECT_EQ(jpeg_of(delivered, 10), first) << "what the camera delivered is not made anew";
  EXPECT_EQ(bgr_of(delivered)->width(), 64);
  EXPECT_EQ(bgr_of(delivered), bgr_of(delivered));
}

}  // namespace
}  // namespace vedette::media
