#include "vedette/media/knobs.h"

#include <gtest/gtest.h>

#include <cmath>

#include "vedette/base/error.h"
#include "vedette/media/artefacts.h"
#include "vedette/media/convert.h"
#include "vedette/media/differencing.h"
#include "vedette/media/inter_codec.h"
#include "vedette/media/jpeg.h"
#include "vedette/media/testing.h"

namespace vedette::media {
namespace {

using testing::difference;
using testing::ramp;

/// A ramp with a bright square in it.
std::shared_ptr<Picture> scene(int width, int height, int square_x, int side = 48) {
  auto picture = ramp(PixelFormat::kI420, width, height);
  const Plane& luma = picture->plane(0);
  for (int y = height / 2; y < height / 2 + side; ++y)
    for (int x = square_x; x < square_x + side; ++x) luma.data[y * luma.stride_bytes + x] = 235;
  return picture;
}

Encoded applied(const std::string& knobs, const Picture& picture) {
  KnobChain chain(KnobSetting::parse(knobs));
  return chain.apply(picture).value();
}

Frame frame_of(std::shared_ptr<const Picture> picture) {
  Frame frame;
  frame.width = picture->width();
  frame.height = picture->height();
  frame.picture = std::move(picture);
  return frame;
}

Frame jpeg_frame(const Picture& picture, int quality = 95) {
  Frame frame;
  frame.width = picture.width();
  frame.height = picture.height();
  frame.jpeg = std::make_shared<const Bytes>(encode_jpeg(picture, quality));
  return frame;
}

TEST(StoredSizeTest, FitsAndNeverEnlarges) {
  const auto at = [](int width, int height, const char* knobs) {
    const PictureSize size = stored_size({width, height}, KnobSetting::parse(knobs));
    return std::pair(size.width, size.height);
  };
  EXPECT_EQ(at(1920, 1080, "R1"), std::pair(1920, 1080));
  EXPECT_EQ(at(1920, 1080, "R2"), std::pair(1312, 736));
  EXPECT_EQ(at(1920, 1080, "R3"), std::pair(960, 528));
  EXPECT_EQ(at(1920, 1080, "R4"), std::pair(640, 352));
  EXPECT_EQ(at(1920, 1080, "R5"), std::pair(480, 256));
  EXPECT_EQ(at(768, 576, "R2"), std::pair(768, 576));
  EXPECT_EQ(at(768, 576, "R3"), std::pair(704, 528));
  EXPECT_EQ(at(1080, 1920, "R4"), std::pair(198, 352));
  EXPECT_EQ(at(400, 300, "R5"), std::pair(340, 256));
  EXPECT_EQ(at(33, 17, "R5"), std::pair(33, 17));
  EXPECT_EQ(at(16384, 16, "R5"), std::pair(480, 2));
}

TEST(MapBackTest, BoxesLieWhereTheyWereInTheOriginal) {
  EXPECT_EQ(map_back({10, 20, 30, 40}, {480, 256}, {1920, 1024}), (Box{40, 80, 120, 160}));
  EXPECT_EQ(map_back({10, 20, 30, 40}, {640, 480}, {640, 480}), (Box{10, 20, 30, 40}));
}

TEST(KnobChainTest, AFrameThatIsSmallerAlreadyKeepsTheSizeThatTheCameraTook) {
  Frame frame;
  frame.width = 1920;
  frame.height = 1080;
  frame.picture = ramp(PixelFormat::kI420, 960, 528);
  for (const char* setting : {"R1", "R4", "R4,C2,E3", "E5"}) {
    const auto encoded = KnobChain(KnobSetting::parse(setting)).apply(frame);
    ASSERT_TRUE(encoded);
    EXPECT_EQ(encoded->original, (PictureSize{1920, 1080})) << setting;
    EXPECT_LE(encoded->stored.width, 960) << setting;
  }
}

TEST(KnobChainTest, EveryStillCombinationMakesAPictureOfTheRightSize) {
  const auto picture = ramp(PixelFormat::kI420, 642, 362);
  for (const char* r : {"R1", "R4", "R5", "R=101x57"}) {
    for (int c = 1; c <= 5; ++c) {
      for (const char* rest : {"", ",K2", ",K5,D2", ",D3,F3"}) {
        const std::string knobs = std::string(r) + ",C" + std::to_string(c) + rest;
        const Encoded encoded = applied(knobs, *picture);
        const PictureSize size = stored_size({642, 362}, KnobSetting::parse(knobs));
        EXPECT_EQ(encoded.stored, size) << knobs;
        EXPECT_EQ(jpeg_size(*encoded.bytes), std::pair(size.width, size.height)) << knobs;
        EXPECT_EQ(encoded.original, (PictureSize{642, 362})) << knobs;
        KnobDecoder decoder;
        EXPECT_EQ(decoder.decode(encoded)->width(), size.width) << knobs;
      }
    }
  }
}

TEST(KnobChainTest, SmallerQualityAndSizeMakeFewerBytes) {
  const auto picture = ramp(PixelFormat::kI420, 1280, 720);
  const auto bytes = [&](const char* knobs) { return applied(knobs, *picture).bytes->size(); };
  EXPECT_LT(bytes("R3"), bytes("R1"));
  EXPECT_LT(bytes("R5"), bytes("R3"));
  EXPECT_LT(bytes("E4"), bytes("E1"));
  EXPECT_LT(bytes("C2"), bytes("C1"));
}

TEST(KnobChainTest, PixelsSurviveTheKnobsThatKeepThem) {
  const auto picture = ramp(PixelFormat::kI420, 320, 240);
  KnobDecoder decoder;
  const auto back = decoder.decode(applied("E1", *picture));
  // The JPEG is in full range; both in BGR are the same colours.
  EXPECT_LT(difference(*to_bgr(*back), *to_bgr(*picture)), 3);
}

TEST(KnobChainTest, GrayIsTheLumaInFullRange) {
  const auto picture = ramp(PixelFormat::kI420, 320, 240);
  const Encoded encoded = applied("C2", *picture);
  const auto gray = decode_jpeg(*encoded.bytes, nullptr, {.format = PixelFormat::kGray});
  const Plane &from = picture->plane(0), &to = gray->plane(0);
  for (const auto& [x, y] : {std::pair(3, 5), std::pair(160, 120), std::pair(300, 200)}) {
    const double expected = (from.data[y * from.stride_bytes + x] - 16) * 255.0 / 219;
    EXPECT_NEAR(to.data[y * to.stride_bytes + x], expected, 6) << x << ',' << y;
  }
}

TEST(KnobChainTest, ColourSpacesAreStoredAsIfTheyWereBgr) {
  auto picture = Picture::make(PixelFormat::kBgr, 64, 64);
  const Plane& plane = picture->plane(0);
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x) {
      uint8_t* p = plane.data + y * plane.stride_bytes + 3 * x;
      p[0] = 40;
      p[1] = 90;
      p[2] = 200;
    }
  const auto middle = [&](const char* knobs) {
    const auto bgr = decode_jpeg(*applied(knobs, *picture).bytes, nullptr, {.format = PixelFormat::kBgr});
    const uint8_t* p = bgr->plane(0).data + 32 * bgr->plane(0).stride_bytes + 96;
    return std::array<int, 3>{p[0], p[1], p[2]};
  };
  const auto near = [](const std::array<int, 3>& is, const std::array<int, 3>& wanted) {
    for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(is.at(i), wanted.at(i), 6) << i;
  };
  near(middle("C3"), {9, 204, 200});     // hue 18.75° / 2, saturation 1 − 40/200, value 200
  near(middle("C4"), {132, 166, 173});   // as cv::cvtColor(…, COLOR_BGR2Lab) has it
}

TEST(KnobChainTest, BlurSpreadsAnEdge) {
  auto picture = Picture::make(PixelFormat::kI420, 128, 64);
  for (int i = 0; i < 3; ++i) {
    const Plane& plane = picture->plane(i);
    for (int y = 0; y < plane.height; ++y)
      for (int x = 0; x < plane.width; ++x)
        plane.data[y * plane.stride_bytes + x] = static_cast<uint8_t>(i > 0 ? 128 : x < 64 ? 16 : 235);
  }
  const auto step = [&](const char* knobs) {
    const auto gray = decode_jpeg(*applied(knobs, *picture).bytes, nullptr, {.format = PixelFormat::kGray});
    const uint8_t* row = gray->plane(0).data + 32 * gray->plane(0).stride_bytes;
    return row[64] - row[63];
  };
  EXPECT_GT(step("K1"), 200);
  EXPECT_NEAR(step("K2"), 255.0 / 5, 16);
  EXPECT_NEAR(step("K5"), 255.0 / 15, 12);
}

TEST(KnobChainTest, DifferencingComparesWithTheLastFrameSent) {
  KnobChain chain(KnobSetting::parse("F=0.01"));
  EXPECT_TRUE(chain.apply(*scene(640, 480, 0)));
  EXPECT_FALSE(chain.apply(*scene(640, 480, 0)));
  // A slow change adds up until it shows: 48 rows of 4 more pixels are 0.0012 of the picture, twice that with the edge
  // left behind.
  int withheld = 0;
  for (int step = 1; !chain.apply(*scene(640, 480, 4 * step)); ++step, ++withheld) ASSERT_LT(step, 20);
  EXPECT_GE(withheld, 2);
  EXPECT_FALSE(chain.apply(*scene(640, 480, 4 * (withheld + 1))));
  chain.request_key();
  EXPECT_TRUE(chain.apply(*scene(640, 480, 4 * (withheld + 1))));
  chain.set(KnobSetting::parse("F1"));
  EXPECT_TRUE(chain.apply(*scene(640, 480, 4 * (withheld + 1)))) << "threshold 0 sends everything";
}

TEST(DifferencingTest, CountsPixelsThatDiffer) {
  SmallLuma a, b;
  small_luma(*scene(640, 480, 0), 640, 480, a);
  small_luma(*scene(640, 480, 320), 640, 480, b);
  EXPECT_EQ(a.width, 160);
  EXPECT_EQ(a.height, 120);
  EXPECT_EQ(difference(a, a), 0);
  EXPECT_NEAR(difference(a, b), 2.0 * 48 * 48 / (640 * 480), 0.001);
  small_luma(*scene(320, 240, 0), 320, 240, b);
  EXPECT_EQ(difference(a, b), 1);
}

TEST(SmallLumaTest, IsTheSameFromAShrunkPicture) {
  const auto whole = scene(640, 480, 100);
  SmallLuma from_whole, from_half;
  small_luma(*whole, 640, 480, from_whole);
  small_luma(*scaled(*whole, 320, 240), 640, 480, from_half);
  ASSERT_TRUE(from_whole.same_size(from_half));
  for (size_t i = 0; i < from_whole.pixels.size(); ++i) ASSERT_NEAR(from_whole.pixels[i], from_half.pixels[i], 2) << i;
}

TEST(ArtefactsTest, KeepsWhatMovesAndTheOutlines) {
  MotionMask mask;
  SmallLuma small;
  const auto feed = [&](const Picture& picture) {
    small_luma(picture, picture.width(), picture.height(), small);
    mask.update(small);
  };
  feed(*ramp(PixelFormat::kI420, 640, 480));
  EXPECT_EQ(mask.moving_share(), 1) << "nothing is known yet";
  for (int i = 0; i < 5; ++i) feed(*ramp(PixelFormat::kI420, 640, 480));
  EXPECT_EQ(mask.moving_share(), 0);
  const auto picture = scene(640, 480, 200);
  feed(*picture);
  EXPECT_NEAR(mask.moving_share(), 64.0 * 64 / (640 * 480), 0.006);

  const auto kept = mask.apply(*picture, Artefacts::kMoving);
  const auto luma = [](const Picture& p, int x, int y) { return p.plane(0).data[y * p.plane(0).stride_bytes + x]; };
  EXPECT_EQ(luma(*kept, 224, 264), 235);
  EXPECT_EQ(luma(*kept, 20, 20), 16);
  EXPECT_EQ(kept->plane(1).data[0], 128);

  const auto half = scaled(*picture, 320, 240);
  const auto outlines = mask.apply(*half, Artefacts::kContours);
  EXPECT_EQ(luma(*outlines, 112, 132), 16) << "inside the square";
  int white = 0;
  for (int x = 80; x < 112; ++x) white += luma(*outlines, x, 132) == 235 ? 1 : 0;
  EXPECT_GT(white, 0);
  EXPECT_LT(white, 5);
}

TEST(KnobChainTest, ArtefactRemovalShrinksAStillScene) {
  KnobChain plain(KnobSetting::parse("R4")), moving(KnobSetting::parse("R4,D2")), contours(KnobSetting::parse("R4,D3"));
  size_t plain_bytes = 0, moving_bytes = 0, contour_bytes = 0;
  for (int i = 0; i < 8; ++i) {
    const auto picture = scene(1280, 704, 100 + 20 * i);
    plain_bytes = plain.apply(*picture)->bytes->size();
    moving_bytes = moving.apply(*picture)->bytes->size();
    contour_bytes = contours.apply(*picture)->bytes->size();
  }
  EXPECT_LT(moving_bytes, plain_bytes);
  EXPECT_LT(contour_bytes, plain_bytes);
}

TEST(KnobChainTest, AJpegThatNothingTouchesIsHandedOn) {
  const auto frame = jpeg_frame(*ramp(PixelFormat::kI420, 640, 480));
  KnobChain chain;
  EXPECT_EQ(chain.apply(frame)->bytes, frame.jpeg);
  chain.set(KnobSetting::parse("R2,F3"));
  EXPECT_EQ(chain.apply(frame)->bytes, frame.jpeg) << "never enlarged, so still untouched";
  EXPECT_FALSE(chain.apply(frame)) << "the same frame again";
  chain.set(KnobSetting::parse("R=200x150"));
  const auto smaller = chain.apply(frame);
  EXPECT_EQ(smaller->stored, (PictureSize{200, 150}));
  EXPECT_EQ(smaller->original, (PictureSize{640, 480}));
  chain.set(KnobSetting::parse("E4"));
  EXPECT_LT(chain.apply(frame)->bytes->size(), frame.jpeg->size());
}

TEST(KnobChainTest, ARawFrameIsEncodedOnceForAll) {
  const Frame frame = frame_of(ramp(PixelFormat::kI420, 320, 240));
  KnobChain one, other;
  EXPECT_EQ(one.apply(frame)->bytes, other.apply(frame)->bytes);
}

TEST(KnobChainTest, GoesOnAfterABrokenFrame) {
  Frame broken;
  broken.jpeg = std::make_shared<const Bytes>(Bytes{1, 2, 3});
  KnobChain chain(KnobSetting::parse("R4"));
  EXPECT_THROW(static_cast<void>(chain.apply(broken)), Error);
  EXPECT_THROW(static_cast<void>(chain.apply(Frame())), Error);
  EXPECT_TRUE(chain.apply(*ramp(PixelFormat::kI420, 320, 240)));
}

TEST(KnobChainTest, RefusesSettingsOutOfRange) {
  KnobSetting setting;
  setting.quality = 101;
  EXPECT_THROW(KnobChain{setting}, Error);
  setting = {};
  setting.inter = true;
  EXPECT_THROW(KnobChain{setting}, Error);
}

TEST(KnobChainTest, OddSizesAndGrayAndBgrGoThroughEverything) {
  for (const auto format : {PixelFormat::kI420, PixelFormat::kBgr, PixelFormat::kGray})
    for (const char* knobs : {"E1", "C2", "C3", "K3", "D2", "D3,F2", "R=40x40", "R=40x40,C2,K2,D2", "E5", "C5,E6"}) {
      const auto picture = ramp(format, 97, 61);
      const Encoded encoded = applied(knobs, *picture);
      EXPECT_GT(encoded.bytes->size(), 20U) << knobs;
      KnobDecoder decoder;
      EXPECT_TRUE(decoder.decode(encoded)) << knobs;
    }
}

class VideoKnobTest : public ::testing::TestWithParam<std::string> {};

TEST_P(VideoKnobTest, FramesComeBackOneByOne) {
  KnobChain chain(KnobSetting::parse("R=320x240,E=" + GetParam()));
  KnobDecoder decoder;
  const bool inter = chain.setting().inter;
  for (int i = 0; i < 6; ++i) {
    if (i == 4) chain.request_key();
    const auto picture = ramp(PixelFormat::kI420, 320, 240, 3 * i);
    const auto encoded = chain.apply(*picture);
    ASSERT_TRUE(encoded);
    EXPECT_EQ(encoded->codec, chain.setting().codec);
    EXPECT_EQ(encoded->key, !inter || i == 0 || i == 4) << i;
    const auto back = decoder.decode(*encoded);
    ASSERT_TRUE(back) << i;
    EXPECT_LT(difference(*back, *picture), 6) << i;
  }
}

TEST_P(VideoKnobTest, AReceiverThatComesLateWaitsForAKeyFrame) {
  KnobChain chain(KnobSetting::parse("E=" + GetParam()));
  static_cast<void>(chain.apply(*ramp(PixelFormat::kI420, 160, 128, 0)));
  const auto second = chain.apply(*ramp(PixelFormat::kI420, 160, 128, 5));
  KnobDecoder decoder;
  EXPECT_EQ(decoder.decode(*second) != nullptr, second->key);
  chain.request_key();
  EXPECT_TRUE(decoder.decode(*chain.apply(*ramp(PixelFormat::kI420, 160, 128, 10))));
}

TEST_P(VideoKnobTest, SizesMayChangeBetweenFrames) {
  KnobChain chain(KnobSetting::parse("E=" + GetParam()));
  KnobDecoder decoder;
  for (const int width : {320, 160, 160, 480}) {
    const auto encoded = chain.apply(*ramp(PixelFormat::kI420, width, 128));
    const auto back = decoder.decode(*encoded);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->width(), width);
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, VideoKnobTest, ::testing::Values("h264", "h264-inter", "h265", "h265-inter"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(KnobDecoderTest, NamesBytesThatAreNoPicture) {
  KnobDecoder decoder;
  const Encoded encoded{std::make_shared<const Bytes>(Bytes(100, 7)), Codec::kJpeg, true, {8, 8}, {8, 8}};
  EXPECT_THROW(static_cast<void>(decoder.decode(encoded)), Error);
}

}  // namespace
}  // namespace vedette::media
