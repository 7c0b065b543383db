#include "vedette/modules/polygon.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace vedette::modules {
namespace {

const std::vector<Point> kSquare{{0, 0}, {10, 0}, {10, 10}, {0, 10}};
const std::vector<Point> kArrow{{0, 0}, {10, 5}, {0, 10}, {4, 5}};  // concave

/// How often the polygon winds around p: another way to the same answer, by angles.
bool winds_around(std::span<const Point> polygon, Point p) {
  double turned = 0;
  for (size_t i = 0; i < polygon.size(); ++i) {
    const Point a = polygon[i], b = polygon[(i + 1) % polygon.size()];
    turned += std::remainder(std::atan2(b.y - p.y, b.x - p.x) - std::atan2(a.y - p.y, a.x - p.x), 2 * M_PI);
  }
  return std::abs(turned) > M_PI;
}

TEST(Polygon, ContainsInsideNotOutside) {
  EXPECT_TRUE(contains(kSquare, {5, 5}));
  EXPECT_FALSE(contains(kSquare, {11, 5}));
  EXPECT_FALSE(contains(kSquare, {5, -1}));
  EXPECT_TRUE(contains(kArrow, {7, 5}));
  EXPECT_FALSE(contains(kArrow, {1, 5}));
}

TEST(Polygon, ContainsAgreesWithTheWindingNumberOnRandomPoints) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> anywhere(-3, 13);
  int inside = 0;
  for (int i = 0; i < 20000; ++i) {
    const Point p{anywhere(random), anywhere(random)};
    ASSERT_EQ(contains(kArrow, p), winds_around(kArrow, p)) << p.x << "," << p.y;
    inside += contains(kArrow, p);
  }
  EXPECT_GT(inside, 500);
}

TEST(Polygon, APointOnASharedEdgeLiesInExactlyOneOfTwoZones) {
  const std::vector<Point> left{{0, 0}, {5, 0}, {5, 10}, {0, 10}}, right{{5, 0}, {10, 0}, {10, 10}, {5, 10}};
  for (int half = 0; half < 20; ++half) {
    const float y = 0.5f * static_cast<float>(half);
    EXPECT_NE(contains(left, {5, y}), contains(right, {5, y})) << y;
  }
}

TEST(Polygon, Area) {
  EXPECT_DOUBLE_EQ(area_of(kSquare), 100);
  EXPECT_DOUBLE_EQ(area_of(kArrow), 30);
}

TEST(Polygon, FaultsAreNamed) {
  EXPECT_EQ(polygon_fault(kSquare), "");
  EXPECT_EQ(polygon_fault(kArrow), "");
  EXPECT_EQ(polygon_fault(std::vector<Point>{{0, 0}, {1, 1}}), "a zone needs at least 3 points, not 2");
  EXPECT_EQ(polygon_fault(std::vector<Point>{{0, 0}, {1, 1}, {1, 1}}), "points 2 and 3 are the same");
  EXPECT_EQ(polygon_fault(std::vector<Point>{{0, 0}, {1, 1}, {2, 2}}), "its points enclose no area");
  EXPECT_EQ(polygon_fault(std::vector<Point>{{0, 0}, {10, 0}, {5, 0}, {5, 5}}), "its edge folds back at point 2");
  const std::vector<Point> bow_tie{{0, 0}, {10, 11}, {10, 0}, {0, 10}};
  EXPECT_EQ(polygon_fault(bow_tie), "it crosses itself: the edge from point 1 to 2 meets the one from 3 to 4");
  const std::vector<Point> touches_a_corner{{0, 0}, {10, 0}, {10, 10}, {5, 0}, {0, 10}};
  EXPECT_NE(polygon_fault(touches_a_corner), "");
  EXPECT_EQ(polygon_fault(std::vector<Point>(257)), "a zone has at most 256 points, not 257");
}

TEST(Crossing, PlusOneIsLeftToRightOfTheWayAlongTheLine) {
  // Walking right along the picture, the right hand is below (y points down).
  EXPECT_EQ(crossing({0, 5}, {10, 5}, {5, 0}, {5, 9}), 1);
  EXPECT_EQ(crossing({0, 5}, {10, 5}, {5, 9}, {5, 0}), -1);
  EXPECT_EQ(crossing({10, 5}, {0, 5}, {5, 0}, {5, 9}), -1);
  EXPECT_EQ(crossing({0, 5}, {10, 5}, {15, 0}, {15, 9}), 0) << "beside the line";
  EXPECT_EQ(crossing({0, 5}, {10, 5}, {5, 0}, {6, 4}), 0);
}

TEST(Crossing, APointOnTheLineCountsOnce) {
  EXPECT_EQ(crossing({0, 5}, {10, 5}, {5, 0}, {5, 5}) + crossing({0, 5}, {10, 5}, {5, 5}, {5, 9}), 1);
  EXPECT_EQ(crossing({0, 5}, {10, 5}, {5, 0}, {5, 5}) + crossing({0, 5}, {10, 5}, {5, 5}, {5, 0}), 0);
  EXPECT_EQ(crossing({0, 5}, {10, 5}, {5, 5}, {5, 5}), 0);
}

TEST(Crossing, ThroughTheJointOfTwoLinesExactlyOneIsCrossed) {
  const Point a{0, 5}, joint{5, 5}, b{10, 5};
  EXPECT_EQ(crossing(a, joint, {5, 0}, {5, 9}) + crossing(joint, b, {5, 0}, {5, 9}), 1);
}

}  // namespace
}  // namespace vedette::modules
