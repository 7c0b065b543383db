#include "vedette/framelog/record_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <tuple>

#include "vedette/base/error.h"
#include "vedette/media/inter_codec.h"
#include "vedette/media/jpeg.h"

namespace vedette::framelog {
namespace {

/// Planes that lie behind one another without padding.
std::shared_ptr<const Picture> unpack(const RecordInfo& info, std::span<const uint8_t> bytes, PixelFormat format,
                                      BufferPool* pool) {
  const auto picture = Picture::make(format, info.width, info.height, pool);
  picture->full_range = true;
  const size_t samples = format == PixelFormat::kBgr ? 3 : 1;
  size_t at = 0;
  for (int i = 0; i < picture->planes(); ++i) {
    const Plane& plane = picture->plane(i);
    const size_t row_bytes = static_cast<size_t>(plane.width) * samples;
    if (bytes.size() - at < row_bytes * static_cast<size_t>(plane.height)) at = bytes.size() + 1;
    for (int y = 0; at <= bytes.size() && y < plane.height; ++y, at += row_bytes)
      std::memcpy(plane.data + static_cast<ptrdiff_t>(y) * plane.stride_bytes, bytes.data() + at, row_bytes);
  }
  if (at != bytes.size())
    throw Error(ErrorCode::kInvalidData, fmt::format("a record of {}×{} {} has {} bytes", info.width, info.height,
                                                     to_string(info.codec), bytes.size()));
  return picture;
}

/// Of the picture that the camera took: the record says when a knob made it smaller, else its own.
std::pair<int, int> taken_size(const RecordInfo& info, const Frame& frame) {
  const int width = info.original_width, height = info.original_height;
  if (width == 0 || height == 0 || (width == info.width && height == info.height)) return media::pixel_size(frame);
  if (std::max(width, height) > Picture::kLargestSide)
    throw Error(ErrorCode::kInvalidData,
                fmt::format("a record of a picture of {}×{} pixels, which no camera takes", width, height));
  return {width, height};
}

}  // namespace

RecordDecoder::RecordDecoder(std::shared_ptr<BufferPool> pool, bool keep_jpeg)
    : pool_(std::move(pool)), keep_jpeg_(keep_jpeg) {}
RecordDecoder::~RecordDecoder() = default;

std::optional<Frame> RecordDecoder::decode(const RecordInfo& info, std::span<const std::byte> raw) {
  const std::span bytes(reinterpret_cast<const uint8_t*>(raw.data()), raw.size());
  Frame frame;
  switch (info.codec) {
    case FrameCodec::kJpeg:
      if (keep_jpeg_) {
        (void)media::jpeg_size(bytes);
        frame.jpeg = std::make_shared<const Bytes>(bytes.begin(), bytes.end());
      } else {
        frame.picture = media::decode_jpeg(bytes, pool_.get());
      }
      break;
    case FrameCodec::kBgr: frame.picture = unpack(info, bytes, PixelFormat::kBgr, pool_.get()); break;
    case FrameCodec::kGray: frame.picture = unpack(info, bytes, PixelFormat::kGray, pool_.get()); break;
    case FrameCodec::kI420: frame.picture = unpack(info, bytes, PixelFormat::kI420, pool_.get()); break;
    case FrameCodec::kH264:
    case FrameCodec::kH265: frame.picture = decode_video(info, bytes); break;
  }
  if (!frame.picture && !frame.jpeg) return std::nullopt;
  std::tie(frame.width, frame.height) = taken_size(info, frame);
  return frame;
}

std::shared_ptr<const Picture> RecordDecoder::decode_video(const RecordInfo& info, std::span<const uint8_t> bytes) {
  const bool goes_on =
      video_ && info.codec == last_video_.codec && (info.key_frame || info.sequence == last_video_.sequence + 1);
  if (!goes_on) video_.reset();
  if (!video_) {
    if (!info.key_frame) return nullptr;
    video_ = std::make_unique<media::VideoDecoder>(
        info.codec == FrameCodec::kH264 ? media::Codec::kH264 : media::Codec::kH265, pool_);
  }
  last_video_ = info;
  return video_->decode(bytes);
}

}  // namespace vedette::framelog
