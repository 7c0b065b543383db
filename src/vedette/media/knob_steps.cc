// These loops are what a vectoriser is for, and -O2 leaves them scalar in GCC 12.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#include "vedette/media/knob_steps.h"

#include <algorithm>
#include <array>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "vedette/base/error.h"
#include "vedette/media/convert.h"

namespace vedette::media {
namespace {

cv::Mat mat_of(const Plane& plane, int type = CV_8UC1) {
  return {plane.height, plane.width, type, plane.data, static_cast<size_t>(plane.stride_bytes)};
}

/// 16 … 235 to 0 … 255.
void stretch(const uint8_t* __restrict from, uint8_t* __restrict to, int width) {
  constexpr int kGain = 255 * 16384 / 219;
  for (int x = 0; x < width; ++x)
    to[x] = static_cast<uint8_t>(std::clamp(((from[x] - 16) * kGain + 8192) >> 14, 0, 255));
}

}  // namespace

std::shared_ptr<const Picture> luma_only(const Picture& picture) {
  const Plane& luma = picture.plane(0);
  return Picture::wrap(PixelFormat::kGray, luma.width, luma.height, {luma.data, nullptr, nullptr},
                       {luma.stride_bytes, 0, 0}, nullptr);
}

std::shared_ptr<Picture> stretched(const Picture& luma, BufferPool* pool) {
  VEDETTE_ASSERT(luma.format() == PixelFormat::kGray);
  auto result = Picture::make(PixelFormat::kGray, luma.width(), luma.height(), pool);
  const Plane &from = luma.plane(0), &to = result->plane(0);
  for (int y = 0; y < from.height; ++y)
    stretch(from.data + static_cast<ptrdiff_t>(y) * from.stride_bytes,
            to.data + static_cast<ptrdiff_t>(y) * to.stride_bytes, from.width);
  return result;
}

std::shared_ptr<Picture> blurred(const Picture& picture, int side_px, BufferPool* pool) {
  auto result = Picture::make(picture.format(), picture.width(), picture.height(), pool);
  result->matrix = picture.matrix;
  result->full_range = picture.full_range;
  for (int i = 0; i < picture.planes(); ++i) {
    const int side = i == 0 ? side_px : (side_px + 1) / 2;
    cv::Mat to = mat_of(result->plane(i));
    cv::blur(mat_of(picture.plane(i)), to, {side, side});
  }
  return result;
}

std::shared_ptr<Picture> in_color_space(const Picture& picture, ColorSpace space, BufferPool* pool) {
  const auto bgr = to_bgr(picture, pool);
  auto result = Picture::make(PixelFormat::kBgr, picture.width(), picture.height(), pool);
  cv::Mat to = mat_of(result->plane(0), CV_8UC3);
  const int code = space == ColorSpace::kHsv   ? cv::COLOR_BGR2HSV
                   : space == ColorSpace::kLab ? cv::COLOR_BGR2Lab
                                               : cv::COLOR_BGR2Luv;
  cv::cvtColor(mat_of(bgr->plane(0), CV_8UC3), to, code);
  return result;
}

}  // namespace vedette::media
