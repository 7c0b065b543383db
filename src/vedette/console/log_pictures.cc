#include "vedette/console/log_pictures.h"

#include <algorithm>
#include <cmath>
#include <ranges>
#include <vector>

#include "vedette/console/pictures.h"
#include "vedette/media/jpeg.h"

namespace vedette::console {
namespace {

/// A key frame that is further back is not looked for: five seconds at 50 frames a second.
constexpr size_t kMostBackToKeyFrame = 250;

std::span<const uint8_t> bytes_of(const framelog::FrameRef& frame) {
  return {reinterpret_cast<const uint8_t*>(frame.bytes().data()), frame.size_bytes()};
}

}  // namespace

LogPictures::LogPictures(int width_px, int quality)
    : width_px_(width_px),
      quality_(quality),
      decoder_(std::make_shared<BufferPool>(BufferPool::Options{}), /*keep_jpeg=*/true) {}

Bytes LogPictures::shrunk_jpeg(const framelog::FrameRef& frame) const {
  const auto bytes = bytes_of(frame);
  const auto [width, height] = media::jpeg_size(bytes);
  if (width_px_ <= 0 || width <= width_px_) return {bytes.begin(), bytes.end()};
  // Decoded no larger than needed: a quarter of the width costs a sixteenth of the pixels.
  const double longer = static_cast<double>(width_px_) * std::max(width, height) / width;
  Frame small;
  small.picture = media::decode_jpeg(bytes, nullptr, {.max_side_px = static_cast<int>(std::ceil(longer))});
  small.width = small.picture->width();
  small.height = small.picture->height();
  return *picture_jpeg(small, width_px_, quality_);
}

std::optional<Bytes> LogPictures::next(const framelog::FrameRef& frame) {
  if (frame.info().codec == framelog::FrameCodec::kJpeg) return shrunk_jpeg(frame);
  const auto decoded = decoder_.decode(frame.info(), frame.bytes());
  if (!decoded) return std::nullopt;
  return *picture_jpeg(*decoded, width_px_, quality_);
}

std::optional<Bytes> LogPictures::single(const framelog::Log& log, const framelog::FrameRef& frame) {
  std::vector<framelog::FrameRef> way{frame};
  while (!way.back().info().key_frame && way.size() < kMostBackToKeyFrame) {
    auto earlier = log.before(way.back().time());
    if (!earlier) break;
    way.push_back(std::move(*earlier));
  }
  for (const auto& one : way | std::views::drop(1) | std::views::reverse) decoder_.decode(one.info(), one.bytes());
  return next(frame);
}

}  // namespace vedette::console
