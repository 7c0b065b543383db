#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "vedette/modules/polygon.h"
#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

using testing::CollectingEmit;
using ::testing::HasSubstr;
using testing::plain_picture;
using testing::settings_faults;
using testing::start_module;
using testing::test_object;
using testing::test_observation;

std::shared_ptr<Picture> noise(int width, int height, PixelFormat format = PixelFormat::kI420) {
  auto picture = Picture::make(format, width, height);
  std::mt19937 random(7);
  for (int i = 0; i < picture->planes(); ++i) {
    const Plane& plane = picture->plane(i);
    for (ptrdiff_t at = 0; at < static_cast<ptrdiff_t>(plane.stride_bytes) * plane.height; ++at)
      plane.data[at] = static_cast<uint8_t>(random());
  }
  return picture;
}

int sample(const Picture& picture, int plane, int x, int y, int channel = 0) {
  const Plane& p = picture.plane(plane);
  const int step = picture.format() == PixelFormat::kBgr ? 3 : 1;
  return p.data[static_cast<ptrdiff_t>(y) * p.stride_bytes + x * step + channel];
}

Observation masked(const std::string& yaml, const Observation& observation) {
  auto mask = start_module("mask", yaml);
  CollectingEmit emit;
  mask->process(observation, emit);
  EXPECT_EQ(emit.observations.size(), 1u);
  return emit.observations.at(0);
}

TEST(Mask, BlackHidesTheZoneAndNothingElse) {
  const auto before = noise(320, 240);
  const auto after =
      masked("{method: black, zones: [{units: px, points: [[100, 60], [200, 60], [200, 160], [100, 160]]}]}",
             test_observation({.picture = before}))
          .frame()
          .picture;
  ASSERT_NE(after, before);
  for (int y = 0; y < 240; ++y) {
    for (int x = 0; x < 320; ++x) {
      const bool inside = x >= 100 && x <= 200 && y >= 60 && y <= 160,
                 near = x >= 97 && x <= 203 && y >= 57 && y <= 163;
      if (inside) {
        ASSERT_EQ(sample(*after, 0, x, y), 16) << x << "," << y;
      }
      if (inside) {
        ASSERT_EQ(sample(*after, 1, x / 2, y / 2), 128) << x << "," << y;
      }
      if (inside) {
        ASSERT_EQ(sample(*after, 2, x / 2, y / 2), 128) << x << "," << y;
      }
      if (!near) {
        ASSERT_EQ(sample(*after, 0, x, y), sample(*before, 0, x, y)) << x << "," << y;
      }
      if (!near) {
        ASSERT_EQ(sample(*after, 1, x / 2, y / 2), sample(*before, 1, x / 2, y / 2)) << x << "," << y;
      }
    }
  }
}

TEST(Mask, EveryPixelOfAConcaveZoneIsHidden) {
  const auto before = plain_picture(321, 241, 200);  // odd sides
  const std::vector<Point> polygon{{20.3f, 20.7f}, {300.2f, 120.9f}, {20.1f, 230.5f}, {80.6f, 120.2f}};
  const auto after =
      masked(
          "{method: black, zones: [{units: px, points: [[20.3, 20.7], [300.2, 120.9], [20.1, 230.5], [80.6, 120.2]]}]}",
          test_observation({.picture = before}))
          .frame()
          .picture;
  for (int y = 0; y < 241; ++y)
    for (int x = 0; x < 321; ++x)
      if (contains(polygon, {static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f})) {
        ASSERT_EQ(sample(*after, 0, x, y), 16) << x << "," << y;
      }
  EXPECT_EQ(sample(*after, 0, 60, 120), 200) << "the dent stays";
}

TEST(Mask, BoxesOfTheClassesAreHiddenWithTheirMargin) {
  const auto before = plain_picture(320, 240, 200);
  const auto result = masked("{method: black, classes: [person], pad: 0.5}",
                             test_observation({.picture = before}, {test_object({100, 100, 20, 40}, "person"),
                                                                    test_object({200, 100, 20, 40}, "car")}));
  const Picture& after = *result.frame().picture;
  EXPECT_EQ(sample(after, 0, 91, 81), 16);
  EXPECT_EQ(sample(after, 0, 129, 159), 16);
  EXPECT_EQ(sample(after, 0, 88, 100), 200);
  EXPECT_EQ(sample(after, 0, 210, 120), 200);
}

TEST(Mask, ZonesAndBoxesAreThoseOfTheFrameBeforeItWasMadeSmaller) {
  const auto before = plain_picture(320, 240, 200);
  const auto result = masked(
      "{method: black, classes: [person], pad: 0, zones: [{units: px, points: [[0, 0], [200, 0], [200, 160], [0, "
      "160]]}]}",
      test_observation({.width = 1280, .height = 480, .picture = before, .made_smaller = true},
                       {test_object({800, 200, 80, 80}, "person")}));
  const Picture& after = *result.frame().picture;
  EXPECT_EQ(result.frame().width, 1280);
  EXPECT_EQ(sample(after, 0, 49, 79), 16) << "the zone's corner";
  EXPECT_EQ(sample(after, 0, 56, 20), 200);
  EXPECT_EQ(sample(after, 0, 20, 86), 200);
  EXPECT_EQ(sample(after, 0, 201, 101), 16) << "the person";
  EXPECT_EQ(sample(after, 0, 218, 138), 16);
  EXPECT_EQ(sample(after, 0, 224, 120), 200);
}

TEST(Mask, PixelateLeavesFewValuesOnAFixedGrid) {
  const auto before = noise(320, 240);
  const std::string yaml = "{method: pixelate, classes: [person], pad: 0, cells: 4}";
  const auto result = masked(yaml, test_observation({.picture = before}, {test_object({64, 32, 64, 128})}));
  const Picture& after = *result.frame().picture;
  std::set<int> values;
  for (int y = 32; y < 160; ++y)
    for (int x = 64; x < 128; ++x) {
      values.insert(sample(after, 0, x, y));
      ASSERT_EQ(sample(after, 0, x, y), sample(after, 0, x / 16 * 16, y / 16 * 16)) << x << "," << y;
    }
  EXPECT_LE(values.size(), 4u * 8u);
  // The mean of a cell, to rounding.
  double mean = 0;
  for (int y = 32; y < 48; ++y)
    for (int x = 64; x < 80; ++x) mean += sample(*before, 0, x, y) / 256.0;
  EXPECT_NEAR(sample(after, 0, 70, 40), mean, 1);

  // The box trembles by a pixel: the cells that lie wholly in both stay the same.
  const auto moved = masked(yaml, test_observation({.picture = before}, {test_object({65, 33, 64, 128})}));
  for (int y = 48; y < 160; ++y)
    for (int x = 80; x < 128; ++x) ASSERT_EQ(sample(after, 0, x, y), sample(*moved.frame().picture, 0, x, y));
}

TEST(Mask, BlurHoldsNoMoreThanTheMeansOfCells) {
  // Two pictures whose pixels differ but whose cells' means agree must become the same picture.
  auto one = plain_picture(128, 128, 100), two = plain_picture(128, 128, 100);
  for (int y = 0; y < 128; ++y)
    for (int x = 0; x < 128; ++x)
      one->plane(0).data[static_cast<ptrdiff_t>(y) * one->plane(0).stride_bytes + x] = (x + y) % 2 ? 60 : 140;
  for (const std::string method : {"blur", "pixelate"}) {
    const std::string yaml = "{method: " + method + ", zones: [{points: [[0, 0], [1, 0], [1, 1], [0, 1]]}]}";
    const auto a = masked(yaml, test_observation({.picture = one})),
               b = masked(yaml, test_observation({.picture = two}));
    for (int y = 0; y < 128; ++y)
      for (int x = 0; x < 128; ++x)
        ASSERT_EQ(sample(*a.frame().picture, 0, x, y), sample(*b.frame().picture, 0, x, y)) << method;
  }
}

TEST(Mask, BlurAndPixelateHideEverySampleOfEachPlane) {
  for (const auto format : {PixelFormat::kI420, PixelFormat::kBgr, PixelFormat::kGray}) {
    for (const std::string method : {"blur", "pixelate"}) {
      const auto before = noise(320, 240, format);
      const auto result = masked("{method: " + method + ", classes: person, pad: 0}",
                                 test_observation({.picture = before}, {test_object({40, 40, 160, 160})}));
      const Picture& after = *result.frame().picture;
      ASSERT_EQ(after.format(), format);
      for (int plane = 0; plane < after.planes(); ++plane) {
        const int shrink = plane == 0 ? 1 : 2, samples = 160 / shrink;
        int same = 0;
        for (int y = 0; y < samples; ++y)
          for (int x = 0; x < samples; ++x)
            same += sample(after, plane, 40 / shrink + x, 40 / shrink + y) ==
                    sample(*before, plane, 40 / shrink + x, 40 / shrink + y);
        EXPECT_LT(same, samples * samples / 50) << to_string(format) << " plane " << plane;
        EXPECT_EQ(sample(after, plane, 220 / shrink, 220 / shrink), sample(*before, plane, 220 / shrink, 220 / shrink));
      }
    }
  }
}

TEST(Mask, NoTraceOfTheOldPixelsGoesOn) {
  Frame frame = test_observation({.picture = noise(320, 240)}).frame();
  frame.jpeg = std::make_shared<const Bytes>(Bytes{1, 2, 3});
  frame.derived<int>(7, [] { return std::make_shared<const int>(42); });
  Object person = test_object({40, 40, 50, 50});
  person.crop = plain_picture(50, 50, 1);
  const auto result =
      masked("classes: person", Observation(std::make_shared<const Frame>(frame)).with_objects({person}));
  EXPECT_EQ(result.frame().jpeg, nullptr);
  EXPECT_EQ(*result.frame().derived<int>(7, [] { return std::make_shared<const int>(0); }), 0);
  EXPECT_EQ(result.objects()[0].crop, nullptr);
}

TEST(Mask, AFrameWithNothingToHideIsNotCopied) {
  const auto before = noise(64, 64);
  EXPECT_EQ(masked("classes: person", test_observation({.picture = before}, {test_object({0, 0, 9, 9}, "car")}))
                .frame()
                .picture,
            before);
  EXPECT_EQ(
      masked("classes: person", test_observation({.picture = before}, {test_object({500, 500, 9, 9})})).frame().picture,
      before);
}

TEST(Mask, BoxesBeyondTheFrameAndBoxesThatAreNoNumbers) {
  const auto before = plain_picture(65, 63, 200);
  const auto result = masked(
      "{method: pixelate, classes: person}",
      test_observation({.picture = before}, {test_object({-100, -100, 500, 500}), test_object({60, 60, 50, 50})}));
  EXPECT_EQ(result.frame().picture->width(), 65);
  const auto all =
      masked("{method: black, classes: person}", test_observation({.picture = before}, {test_object({NAN, 0, 5, 5})}));
  EXPECT_EQ(sample(*all.frame().picture, 0, 64, 62), 16) << "all is hidden rather than nothing";
}

TEST(Mask, SettingsFaults) {
  EXPECT_THAT(settings_faults("mask", "method: black"), HasSubstr("hides nothing"));
  EXPECT_THAT(settings_faults("mask", "{classes: face, method: mosaic}"), HasSubstr("'method' cannot be 'mosaic'"));
  EXPECT_THAT(settings_faults("mask", "{classes: face, cells: 40}"), HasSubstr("from 1 to 16"));
}

}  // namespace
}  // namespace vedette::modules
