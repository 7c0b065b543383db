#include "vedette/framelog/record_decoder.h"

#include <gtest/gtest.h>

#include "vedette/base/error.h"
#include "vedette/media/inter_codec.h"
#include "vedette/media/jpeg.h"

namespace vedette::framelog {
namespace {

/// Brighter to the right.
std::shared_ptr<Picture> ramp(int width, int height, PixelFormat format = PixelFormat::kI420) {
  const auto picture = Picture::make(format, width, height);
  for (int i = 0; i < picture->planes(); ++i) {
    const Plane& plane = picture->plane(i);
    const int samples = format == PixelFormat::kBgr ? 3 : 1;
    for (int y = 0; y < plane.height; ++y)
      for (int x = 0; x < plane.width * samples; ++x)
        plane.data[y * plane.stride_bytes + x] = i > 0 ? 128 : static_cast<uint8_t>(x * 200 / (plane.width * samples));
  }
  return picture;
}

std::vector<uint8_t> packed(const Picture& picture) {
  std::vector<uint8_t> bytes;
  for (int i = 0; i < picture.planes(); ++i) {
    const Plane& plane = picture.plane(i);
    const int row = plane.width * (picture.format() == PixelFormat::kBgr ? 3 : 1);
    for (int y = 0; y < plane.height; ++y) {
      const uint8_t* from = plane.data + static_cast<ptrdiff_t>(y) * plane.stride_bytes;
      bytes.insert(bytes.end(), from, from + row);
    }
  }
  return bytes;
}

RecordInfo info(FrameCodec codec, int width, int height, uint64_t sequence = 0, bool key = true) {
  return {.sequence = sequence,
          .codec = codec,
          .key_frame = key,
          .width = static_cast<uint16_t>(width),
          .height = static_cast<uint16_t>(height)};
}

class RecordDecoderTest : public ::testing::Test {
 public:
  std::shared_ptr<BufferPool> pool = std::make_shared<BufferPool>();
  RecordDecoder decoder{pool, true};
};

TEST_F(RecordDecoderTest, HandsJpegOnAsItIsOrDecoded) {
  const Bytes jpeg = media::encode_jpeg(*ramp(64, 48), 90);
  const auto kept = decoder.decode(info(FrameCodec::kJpeg, 64, 48), std::as_bytes(std::span(jpeg)));
  ASSERT_TRUE(kept && kept->jpeg);
  EXPECT_EQ(*kept->jpeg, jpeg);
  EXPECT_EQ(std::pair(kept->width, kept->height), std::pair(64, 48));
  RecordDecoder eager(pool, false);
  const auto decoded = eager.decode(info(FrameCodec::kJpeg, 64, 48), std::as_bytes(std::span(jpeg)));
  ASSERT_TRUE(decoded && decoded->picture);
  EXPECT_FALSE(decoded->jpeg);
}

TEST_F(RecordDecoderTest, AFrameIsMeasuredInWhatTheCameraTook) {
  const Bytes jpeg = media::encode_jpeg(*ramp(64, 48), 90);
  const auto decode = [&](int width, int height) {
    RecordInfo made = info(FrameCodec::kJpeg, 64, 48);
    made.original_width = static_cast<uint16_t>(width);
    made.original_height = static_cast<uint16_t>(height);
    const auto frame = decoder.decode(made, std::as_bytes(std::span(jpeg)));
    return std::pair(frame->width, frame->height);
  };
  EXPECT_EQ(decode(1920, 1080), std::pair(1920, 1080));
  EXPECT_EQ(decode(64, 48), std::pair(64, 48));
  EXPECT_EQ(decode(0, 0), std::pair(64, 48)) << "not said";
  EXPECT_THROW(decode(60000, 48), Error) << "no camera takes that";
}

TEST_F(RecordDecoderTest, ASizeThatWasOnlyGuessedIsNotBelieved) {
  const Bytes jpeg = media::encode_jpeg(*ramp(64, 48), 90);
  RecordInfo wrong = info(FrameCodec::kJpeg, 640, 480);
  wrong.original_width = 640;
  wrong.original_height = 480;
  EXPECT_EQ(decoder.decode(wrong, std::as_bytes(std::span(jpeg)))->width, 64);
}

TEST_F(RecordDecoderTest, UnpacksRawPlanesOfOddSizes) {
  for (const auto& [codec, format] :
       {std::pair(FrameCodec::kBgr, PixelFormat::kBgr), std::pair(FrameCodec::kGray, PixelFormat::kGray),
        std::pair(FrameCodec::kI420, PixelFormat::kI420)}) {
    const auto bytes = packed(*ramp(31, 17, format));
    const auto frame = decoder.decode(info(codec, 31, 17), std::as_bytes(std::span(bytes)));
    ASSERT_TRUE(frame && frame->picture) << to_string(codec);
    EXPECT_EQ(frame->picture->format(), format);
    EXPECT_EQ(packed(*frame->picture), bytes) << to_string(codec);
  }
}

TEST_F(RecordDecoderTest, RefusesBytesThatAreNotWhatTheRecordSays) {
  const std::vector<uint8_t> few(100), none;
  for (const auto codec : {FrameCodec::kJpeg, FrameCodec::kBgr, FrameCodec::kGray, FrameCodec::kI420}) {
    for (const auto& bytes : {few, none}) {
      EXPECT_THROW((void)decoder.decode(info(codec, 31, 17), std::as_bytes(std::span(bytes))), Error)
          << to_string(codec);
    }
  }
  auto more = packed(*ramp(31, 17, PixelFormat::kGray));
  more.push_back(0);
  EXPECT_THROW((void)decoder.decode(info(FrameCodec::kGray, 31, 17), std::as_bytes(std::span(more))), Error);
}

TEST_F(RecordDecoderTest, DecodesVideoFromAKeyFrameOnAndNotBehindAHole) {
  media::VideoEncoder encoder({.codec = media::Codec::kH264, .width = 64, .height = 48, .inter = true});
  std::vector<media::VideoEncoder::AccessUnit> units;
  for (int i = 0; i < 4; ++i) units.push_back(encoder.encode(*ramp(64, 48), i == 0));
  const auto decode = [&](size_t i) {
    return decoder.decode(info(FrameCodec::kH264, 64, 48, i, units[i].key), std::as_bytes(std::span(units[i].bytes)));
  };
  EXPECT_FALSE(decode(1)) << "nothing came before";
  ASSERT_TRUE(decode(0));
  const auto second = decode(1);
  ASSERT_TRUE(second && second->picture);
  EXPECT_EQ(second->width, 64);
  EXPECT_FALSE(decode(3)) << "2 is missing";
  EXPECT_TRUE(decode(0)) << "a key frame begins anew";
}

}  // namespace
}  // namespace vedette::framelog
