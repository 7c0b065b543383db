#include "vedette/frame/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "vedette/base/error.h"
#include "vedette/frame/buffer_pool.h"

namespace vedette {
namespace {

TEST(Picture, RefusesSidesOutsideItsLimits) {
  const std::pair<int, int> refused[] = {
      {0, 0}, {0, 10}, {10, 0}, {-1, 10}, {20'000, 10}, {10, 20'000}, {INT32_MAX, INT32_MAX}};
  for (const auto& [width, height] : refused) {
    try {
      Picture::make(PixelFormat::kBgr, width, height);
      FAIL() << width << "x" << height << " was taken";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidData);
      EXPECT_THAT(e.line(), ::testing::HasSubstr(std::to_string(width) + "x" + std::to_string(height)));
    }
  }
  EXPECT_EQ(Picture::make(PixelFormat::kGray, Picture::kLargestSide, 1)->width(), Picture::kLargestSide);
}

TEST(Picture, PlanesOfOddSizesAreRoundedUp) {
  const auto p = Picture::make(PixelFormat::kI420, 7, 5);
  ASSERT_EQ(p->planes(), 3);
  EXPECT_EQ(p->plane(0).width, 7);
  EXPECT_EQ(p->plane(0).height, 5);
  EXPECT_EQ(p->plane(1).width, 4);
  EXPECT_EQ(p->plane(2).height, 3);
}

TEST(Picture, RowsAreAlignedAndPlanesApartWithRoomToOverrun) {
  for (const auto format : {PixelFormat::kI420, PixelFormat::kBgr, PixelFormat::kGray}) {
    const auto p = Picture::make(format, 131, 77);
    const uint8_t* end = p->plane(0).data;
    for (int i = 0; i < p->planes(); ++i) {
      const auto& plane = p->plane(i);
      EXPECT_GE(plane.data, end);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(plane.data) % 64, 0u);
      EXPECT_EQ(plane.stride_bytes % 64, 0);
      end = plane.data + plane.stride_bytes * plane.height;
    }
    std::memset(p->plane(0).data, 1, static_cast<size_t>(end - p->plane(0).data) + 64);
    EXPECT_EQ(p->size_bytes(), static_cast<size_t>(end - p->plane(0).data) + 64);
  }
}

TEST(Picture, ComesFromThePoolAndGoesBack) {
  BufferPool pool;
  const uint8_t* first = Picture::make(PixelFormat::kI420, 640, 480, &pool)->plane(0).data;
  EXPECT_EQ(Picture::make(PixelFormat::kI420, 640, 480, &pool)->plane(0).data, first);
  EXPECT_EQ(pool.stats().allocated, 1u);
}

TEST(Picture, ACopyIsDeepAndKeepsItsColours) {
  const auto p = Picture::make(PixelFormat::kI420, 16, 16);
  for (int i = 0; i < 3; ++i) p->plane(i).data[0] = static_cast<uint8_t>(10 + i);
  p->matrix = ColorMatrix::kBt709;
  p->full_range = true;
  const auto copy = copy_of(*p);
  EXPECT_EQ(copy->matrix, ColorMatrix::kBt709);
  EXPECT_TRUE(copy->full_range);
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(copy->plane(i).data, p->plane(i).data);
    EXPECT_EQ(copy->plane(i).data[0], 10 + i);
  }
  p->plane(0).data[0] = 99;
  EXPECT_EQ(copy->plane(0).data[0], 10);
}

}  // namespace
}  // namespace vedette
