#include "vedette/frame/box.h"

#include <gtest/gtest.h>

#include <random>

namespace vedette {
namespace {

TEST(Box, KnownOverlaps) {
  const Box a{0, 0, 10, 10};
  EXPECT_FLOAT_EQ(iou(a, a), 1);
  EXPECT_FLOAT_EQ(iou(a, {5, 0, 10, 10}), 50.f / 150.f);
  EXPECT_FLOAT_EQ(iou(a, {10, 0, 10, 10}), 0) << "touching is not overlapping";
  EXPECT_FLOAT_EQ(iou(a, {2, 2, 5, 5}), 0.25f) << "one inside the other";
  EXPECT_EQ(intersection(a, {5, 5, 10, 10}), (Box{5, 5, 5, 5}));
}

TEST(Box, EmptyOnesOverlapNothing) {
  const Box none{3, 3, 0, 0}, inverted{3, 3, -2, 4}, a{0, 0, 10, 10};
  EXPECT_TRUE(none.empty());
  EXPECT_TRUE(inverted.empty());
  EXPECT_EQ(inverted.area(), 0);
  EXPECT_EQ(iou(none, none), 0);
  EXPECT_EQ(iou(none, a), 0);
  EXPECT_EQ(iou(a, inverted), 0);
}

// Symmetric, within 0 … 1, unmoved by shifting and scaling both, and the intersection lies in both.
TEST(Box, OverlapHasItsProperties) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> place(-50, 50), size(1, 60);
  for (int i = 0; i < 5'000; ++i) {
    const auto any = [&] {
      return Box{static_cast<float>(place(random)), static_cast<float>(place(random)), static_cast<float>(size(random)),
                 static_cast<float>(size(random))};
    };
    const Box a = any(), b = any(), common = intersection(a, b);
    const float overlap = iou(a, b);
    ASSERT_EQ(overlap, iou(b, a));
    ASSERT_GE(overlap, 0);
    ASSERT_LE(overlap, 1);
    ASSERT_EQ(overlap == 1, a == b);
    ASSERT_EQ(overlap > 0, !common.empty());
    if (!common.empty()) {
      ASSERT_GE(common.x, std::max(a.x, b.x));
      ASSERT_LE(common.right(), std::min(a.right(), b.right()));
      ASSERT_LE(common.bottom(), std::min(a.bottom(), b.bottom()));
    }
    const auto moved = [](Box box) { return Box{box.x * 2 + 8, box.y * 2 - 6, box.width * 2, box.height * 2}; };
    ASSERT_FLOAT_EQ(overlap, iou(moved(a), moved(b)));
  }
}

TEST(Box, CentreAndFarCorner) {
  const Box a{2, 4, 10, 20};
  EXPECT_EQ(a.center_x(), 7);
  EXPECT_EQ(a.center_y(), 14);
  EXPECT_EQ(a.right(), 12);
  EXPECT_EQ(a.bottom(), 24);
}

}  // namespace
}  // namespace vedette
