#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

using testing::CollectingEmit;
using testing::plain_picture;
using testing::start_module;
using testing::test_object;
using testing::test_observation;

Observation cropped(const std::string& yaml, std::vector<Object> objects, PixelFormat format = PixelFormat::kI420) {
  auto crop = start_module("crop", yaml);
  CollectingEmit emit;
  crop->process(test_observation({.picture = plain_picture(200, 100, 128, format)}, std::move(objects)), emit);
  EXPECT_EQ(emit.observations.size(), 1u);
  return emit.observations.at(0);
}

TEST(Crop, CutsBgrPixelsOfEachObject) {
  for (const auto format : {PixelFormat::kI420, PixelFormat::kBgr}) {
    const auto result = cropped("pad: 0", {test_object({20, 10, 40, 60}), test_object({100, 20, 30, 30})}, format);
    ASSERT_TRUE(result.objects()[0].crop && result.objects()[1].crop);
    EXPECT_EQ(result.objects()[0].crop->format(), PixelFormat::kBgr);
    EXPECT_EQ(result.objects()[0].crop->width(), 40);
    EXPECT_EQ(result.objects()[0].crop->height(), 60);
    EXPECT_NEAR(result.objects()[0].crop->plane(0).data[0], 128, 4);
  }
}

TEST(Crop, CutsTheRightPixels) {
  auto picture = plain_picture(200, 100, 0, PixelFormat::kBgr);
  const Plane& plane = picture->plane(0);
  plane.data[30 * plane.stride_bytes + 50 * 3 + 2] = 250;
  auto crop = start_module("crop", "pad: 0");
  CollectingEmit emit;
  crop->process(test_observation({.picture = picture}, {test_object({50, 30, 10, 10})}), emit);
  const auto& pixels = emit.observations[0].objects()[0].crop;
  EXPECT_EQ(pixels->plane(0).data[2], 250);
  EXPECT_EQ(pixels->plane(0).data[3 + 2], 0);
}

TEST(Crop, OfAFrameThatWasMadeSmallerCutsWhatIsThere) {
  auto picture = plain_picture(200, 100, 0, PixelFormat::kBgr);
  const Plane& plane = picture->plane(0);
  plane.data[30 * plane.stride_bytes + 50 * 3 + 2] = 250;
  auto crop = start_module("crop", "{pad: 0, min_width_px: 8}");
  CollectingEmit emit;
  crop->process(test_observation({.width = 800, .height = 300, .picture = picture, .made_smaller = true},
                                 {test_object({200, 90, 40, 30}), test_object({0, 0, 28, 30})}),
                emit);
  const auto objects = emit.observations.at(0).objects();
  ASSERT_TRUE(objects[0].crop);
  EXPECT_EQ(objects[0].crop->width(), 10);
  EXPECT_EQ(objects[0].crop->height(), 10);
  EXPECT_EQ(objects[0].crop->plane(0).data[2], 250);
  EXPECT_EQ(objects[0].box, (Box{200, 90, 40, 30})) << "measured in what the camera took";
  EXPECT_FALSE(objects[1].crop) << "seven pixels are left of it";
}

TEST(Crop, PadsAndClipsToTheFrame) {
  const auto result = cropped("pad: 0.5", {test_object({80, 30, 20, 20}), test_object({0, 0, 20, 20})});
  EXPECT_EQ(result.objects()[0].crop->width(), 40);
  EXPECT_EQ(result.objects()[1].crop->width(), 30);
  EXPECT_EQ(result.objects()[1].crop->height(), 30);
}

TEST(Crop, TheLargestComeFirstAndTheOrderOfObjectsStays) {
  const auto result = cropped(
      "max_objects: 2", {test_object({0, 0, 10, 10}), test_object({20, 0, 50, 50}), test_object({80, 0, 40, 40})});
  EXPECT_FALSE(result.objects()[0].crop);
  EXPECT_TRUE(result.objects()[1].crop);
  EXPECT_TRUE(result.objects()[2].crop);
}

TEST(Crop, SmallOutsideAndOtherClassesStayUncut) {
  const auto result =
      cropped("{classes: [person], min_width_px: 12}",
              {test_object({0, 0, 10, 30}), test_object({500, 0, 30, 30}), test_object({195, 0, 30, 30}),
               test_object({20, 0, 30, 30}, "car"), test_object({60, 0, 30, 30})});
  ASSERT_EQ(result.objects().size(), 5u);
  for (size_t i = 0; i < 4; ++i) EXPECT_FALSE(result.objects()[i].crop) << i;
  EXPECT_TRUE(result.objects()[4].crop);
}

TEST(Crop, AFrameWithoutObjectsPassesAsItIs) { EXPECT_TRUE(cropped("{}", {}).objects().empty()); }

}  // namespace
}  // namespace vedette::modules
