#include "vedette/modules/region.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

using ::testing::HasSubstr;

std::string faults_of(const std::string& yaml) {
  Faults faults;
  read_settings<RegionSettings>(parse_config(yaml, "test.yaml"), faults);
  return faults.lines().empty() ? "" : faults.lines().front();
}

TEST(Region, FractionsFitEveryFrameSize) {
  RegionSettings region;
  region.points = {{0.25, 0.5}, {1, 0}};
  EXPECT_EQ(region.in_pixels(400, 200), (std::vector<Point>{{100, 100}, {400, 0}}));
  region.units = Units::kPixels;
  EXPECT_EQ(region.in_pixels(400, 200), (std::vector<Point>{{0.25f, 0.5f}, {1, 0}}));
}

TEST(Region, AnchorIsTheFootOrTheCentre) {
  EXPECT_EQ(anchor_of({10, 20, 4, 8}, Anchor::kFoot), (Point{12, 28}));
  EXPECT_EQ(anchor_of({10, 20, 4, 8}, Anchor::kCenter), (Point{12, 24}));
}

TEST(Region, FaultsNameFileLineAndZone) {
  EXPECT_EQ(faults_of("points: [[0, 0], [1, 0], [1, 1]]"), "");
  EXPECT_EQ(faults_of("name: door\npoints: [[0, 0], [1, 0]]"),
            "test.yaml:1: zone 'door': a zone needs at least 3 points, not 2");
  EXPECT_THAT(faults_of("points: [[0, 0], [640, 0], [640, 480]]"),
              HasSubstr("[640, 0] is no fraction of a frame: 0 to 1, or pixels with 'units: px'"));
  EXPECT_EQ(faults_of("units: px\npoints: [[0, 0], [640, 0], [640, 480]]"), "");
  EXPECT_THAT(faults_of("points: [[0, 0], [1, 1], [1, 0], [0, 0.9]]"), HasSubstr("crosses itself"));
  EXPECT_NE(faults_of("points: [[0, 0], [.nan, 1], [1, 0]]"), "");
  EXPECT_NE(faults_of("points: [[0, 0], [1, x], [1, 0]]"), "");
  EXPECT_THAT(faults_of("points: [[0, 0, 1]]"), HasSubstr("2 numbers"));
  EXPECT_THAT(faults_of("name: door"), HasSubstr("'points' is missing"));
}

TEST(Region, ClassesByNameOrNumber) {
  const Object person = testing::test_object({}, "person");
  EXPECT_TRUE(is_of(person, {}));
  EXPECT_TRUE(is_of(person, {"car", "person"}));
  EXPECT_FALSE(is_of(person, {"car"}));
  Object nameless;
  nameless.class_id = 7;
  EXPECT_TRUE(is_of(nameless, {"7"}));
}

}  // namespace
}  // namespace vedette::modules
