#include "vedette/console/log_pictures.h"

#include <algorithm>
#include <cmath>
#include <utility>

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

LogPictures::LogPictures(std::shared_ptr<const framelog::Log> log, int width_px, int quality)
    : log_(std::move(log)),
      width_px_(width_px),
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

/// What has to be decoded before a frame of a video: oldest first, from behind what the decoder saw or a key frame on.
std::vector<framelog::FrameRef> LogPictures::way_to(const framelog::FrameRef& frame) const {
  std::vector<framelog::FrameRef> way;
  framelog::RecordInfo info = frame.info();
  while (!info.key_frame && !(decoded_ && *decoded_ + 1 == info.sequence)) {
    auto earlier = way.size() < kMostBackToKeyFrame ? log_->before(info.time) : std::nullopt;
    if (!earlier || earlier->sequence() + 1 != info.sequence) return {};  // without it the others are of no use
    info = earlier->info();
    way.push_back(std::move(*earlier));
  }
  std::ranges::reverse(way);
  return way;
}

std::optional<Bytes> LogPictures::picture_of(const framelog::FrameRef& frame) {
  if (frame.info().codec == framelog::FrameCodec::kJpeg) return shrunk_jpeg(frame);
  const auto decode = [this](const framelog::FrameRef& one) {
    decoded_ = one.sequence();
    return decoder_.decode(one.info(), one.bytes());
  };
  for (const auto& earlier : way_to(frame)) (void)decode(earlier);
  const auto decoded = decode(frame);
  if (!decoded) return std::nullopt;
  return *picture_jpeg(*decoded, width_px_, quality_);
}

}  // namespace vedette::console
