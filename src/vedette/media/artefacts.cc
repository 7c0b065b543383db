// These loops are what a vectoriser is for, and -O2 leaves them scalar in GCC 12.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#include "vedette/media/artefacts.h"

#include <algorithm>
#include <cstdlib>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "vedette/base/error.h"

namespace vedette::media {
namespace {

constexpr int kThreshold = 18;       // of 255: brighter or darker by more than this moves
constexpr int kRemembered = 32;      // frames of the background
constexpr int kSlower = 8;           // times, where something moves
constexpr double kLeastAreaPx = 12;  // of the small picture: smaller spots are noise
constexpr int kGrownPx = 5;          // side of the dilation: gaps within a body close

cv::Mat mat_of(const Plane& plane) {
  return {plane.height, plane.width, CV_8UC1, plane.data, static_cast<size_t>(plane.stride_bytes)};
}

uint8_t black_of(const Picture& picture) {
  return picture.format() == PixelFormat::kI420 && !picture.full_range ? 16 : 0;
}
uint8_t white_of(const Picture& picture) {
  return picture.format() == PixelFormat::kI420 && !picture.full_range ? 235 : 255;
}

using Contours = std::vector<std::vector<cv::Point>>;

Contours contours_of(const cv::Mat& mask) {
  Contours all, large;
  cv::findContours(mask, all, cv::RETR_EXTERNAL, cv::CHAIN_APPROX_SIMPLE);
  for (auto& contour : all)
    if (cv::contourArea(contour) >= kLeastAreaPx) large.push_back(std::move(contour));
  return large;
}

/// to = mask ? from : other, of one row.
void choose(const uint8_t* __restrict mask, const uint8_t* __restrict from, uint8_t other, uint8_t* __restrict to,
            int width) {
  for (int x = 0; x < width; ++x) to[x] = static_cast<uint8_t>((from[x] & mask[x]) | (other & ~mask[x]));
}

std::shared_ptr<Picture> like(const Picture& picture, BufferPool* pool) {
  auto result = Picture::make(picture.format(), picture.width(), picture.height(), pool);
  result->matrix = picture.matrix;
  result->full_range = picture.full_range;
  return result;
}

}  // namespace

void MotionMask::update(const SmallLuma& frame) {
  const size_t count = frame.pixels.size();
  if (frame.width != width_ || frame.height != height_) {
    width_ = frame.width;
    height_ = frame.height;
    seen_ = 0;
    background_.resize(count);
    for (size_t i = 0; i < count; ++i) background_[i] = static_cast<uint16_t>(frame.pixels[i] << 8);
    moving_.assign(count, 255);
    seen_ = 1;
    return;
  }
  seen_ = std::min(seen_ + 1, kRemembered);
  const int still_weight = 256 / seen_, moving_weight = std::max(1, still_weight / kSlower);
  const uint8_t* __restrict pixels = frame.pixels.data();
  uint16_t* __restrict background = background_.data();
  uint8_t* __restrict moving = moving_.data();
  for (size_t i = 0; i < count; ++i) {
    const int off = (pixels[i] << 8) - background[i];
    const bool moves = std::abs(off) > kThreshold << 8;
    moving[i] = moves ? 255 : 0;
    background[i] = static_cast<uint16_t>(background[i] + ((off * (moves ? moving_weight : still_weight)) >> 8));
  }
  find_moving();
}

/// From pixels to whole spots: grown together, small ones taken out, holes filled.
void MotionMask::find_moving() {
  cv::Mat mask(height_, width_, CV_8UC1, moving_.data());
  cv::Mat grown;
  cv::dilate(mask, grown, cv::getStructuringElement(cv::MORPH_RECT, {kGrownPx, kGrownPx}));
  const Contours spots = contours_of(grown);
  mask.setTo(0);
  cv::drawContours(mask, spots, -1, cv::Scalar(255), cv::FILLED);
}

std::shared_ptr<Picture> MotionMask::apply(const Picture& picture, Artefacts artefacts, BufferPool* pool) const {
  VEDETTE_ASSERT(picture.format() != PixelFormat::kBgr && !moving_.empty());
  return artefacts == Artefacts::kContours ? draw_contours(picture, pool) : keep_moving(picture, pool);
}

std::shared_ptr<Picture> MotionMask::keep_moving(const Picture& picture, BufferPool* pool) const {
  auto result = like(picture, pool);
  const cv::Mat small(height_, width_, CV_8UC1, const_cast<uint8_t*>(moving_.data()));
  cv::Mat mask;
  for (int i = 0; i < picture.planes(); ++i) {
    const Plane &from = picture.plane(i), &to = result->plane(i);
    if (i < 2) cv::resize(small, mask, {from.width, from.height}, 0, 0, cv::INTER_NEAREST);
    const uint8_t other = i == 0 ? black_of(picture) : uint8_t{128};
    for (int y = 0; y < from.height; ++y)
      choose(mask.ptr(y), from.data + static_cast<ptrdiff_t>(y) * from.stride_bytes, other,
             to.data + static_cast<ptrdiff_t>(y) * to.stride_bytes, from.width);
  }
  return result;
}

std::shared_ptr<Picture> MotionMask::draw_contours(const Picture& picture, BufferPool* pool) const {
  auto result = like(picture, pool);
  for (int i = 0; i < picture.planes(); ++i) mat_of(result->plane(i)).setTo(i == 0 ? black_of(picture) : 128);
  const cv::Mat small(height_, width_, CV_8UC1, const_cast<uint8_t*>(moving_.data()));
  Contours contours = contours_of(small);
  const double right = static_cast<double>(picture.width()) / width_,
               down = static_cast<double>(picture.height()) / height_;
  for (auto& contour : contours)
    for (auto& point : contour) point = {cvRound((point.x + 0.5) * right), cvRound((point.y + 0.5) * down)};
  cv::drawContours(mat_of(result->plane(0)), contours, -1, cv::Scalar(white_of(picture)), 2);
  return result;
}

double MotionMask::moving_share() const {
  if (moving_.empty()) return 0;
  const auto moving = std::count(moving_.begin(), moving_.end(), uint8_t{255});
  return static_cast<double>(moving) / static_cast<double>(moving_.size());
}

}  // namespace vedette::media
