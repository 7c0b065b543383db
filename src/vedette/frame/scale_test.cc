#include "vedette/frame/scale.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

TEST(Scale, GoesThereAndBackWithAFactorForEachSide) {
  Frame frame;
  frame.width = 1920;
  frame.height = 1080;
  const auto picture = Picture::make(PixelFormat::kGray, 480, 256);
  const Box box{100, 54, 400, 540};
  const Box small = to_pixels(frame, *picture)(box);
  EXPECT_FLOAT_EQ(small.x, 25);
  EXPECT_FLOAT_EQ(small.y, 12.8F);
  EXPECT_FLOAT_EQ(small.width, 100);
  EXPECT_FLOAT_EQ(small.height, 128);
  EXPECT_GT(iou(to_frame(frame, *picture)(small), box), 0.9999F);
  EXPECT_FLOAT_EQ(to_pixels(frame, *picture)(Point{1920, 1080}).y, 256);
}

TEST(Scale, OfTheSameSizeChangesNoBit) {
  Frame frame;
  frame.width = 1921;
  frame.height = 1081;
  const auto picture = Picture::make(PixelFormat::kGray, 1921, 1081);
  const Box box{0.1F, 1.0F / 3, 77.7F, 1e-7F};
  EXPECT_EQ(to_frame(frame, *picture)(box), box);
  EXPECT_EQ(to_pixels(frame, *picture)(box), box);
}

TEST(Scale, AFrameKeepsItsMeasureWhateverItsPixels) {
  Frame frame;
  const Frame taken = frame.with_picture(Picture::make(PixelFormat::kGray, 640, 480));
  EXPECT_EQ(taken.width, 640) << "the first pixels are what the camera took";
  const Frame smaller = taken.with_picture(Picture::make(PixelFormat::kGray, 320, 240));
  EXPECT_EQ(smaller.width, 640);
  EXPECT_EQ(smaller.height, 480);
  EXPECT_FLOAT_EQ(to_frame(smaller, *smaller.picture).across, 2);
}

}  // namespace
}  // namespace vedette
