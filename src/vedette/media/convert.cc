#include "vedette/media/convert.h"

extern "C" {
#include <libavutil/pixfmt.h>
}

#include <algorithm>
#include <cmath>
#include <cstring>

#include "vedette/base/error.h"
#include "vedette/media/jpeg.h"
#include "vedette/media/sws.h"

namespace vedette::media {
namespace {

/// Keys of Frame::derived; jpeg.cc has others. The high half keeps them apart from other folders' keys.
constexpr uint64_t kBgrKey = 0x6d65646961000001u;
constexpr uint64_t kPixelsKey = 0x6d65646961000002u;

int av_format(PixelFormat format) {
  switch (format) {
    case PixelFormat::kI420: return AV_PIX_FMT_YUV420P;
    case PixelFormat::kBgr: return AV_PIX_FMT_BGR24;
    case PixelFormat::kGray: return AV_PIX_FMT_GRAY8;
  }
  return AV_PIX_FMT_NONE;
}

SwsImage image_of(const Picture& picture) {
  SwsImage image;
  for (int i = 0; i < picture.planes(); ++i) {
    image.data[static_cast<size_t>(i)] = picture.plane(i).data;
    image.strides[static_cast<size_t>(i)] = picture.plane(i).stride_bytes;
  }
  image.width = picture.width();
  image.height = picture.height();
  image.av_format = av_format(picture.format());
  image.bt709 = picture.format() == PixelFormat::kI420 && picture.matrix == ColorMatrix::kBt709;
  image.full_range = picture.format() == PixelFormat::kI420 ? picture.full_range : true;
  return image;
}

std::shared_ptr<Picture> converted(const Picture& picture, PixelFormat format, int width, int height,
                                   BufferPool* pool) {
  auto result = Picture::make(format, width, height, pool);
  if (picture.format() == format) {
    result->matrix = picture.matrix;
    result->full_range = picture.full_range;
  }
  sws_convert(image_of(picture), image_of(*result));
  return result;
}

}  // namespace

std::shared_ptr<Picture> to_bgr(const Picture& picture, BufferPool* pool) {
  if (picture.format() == PixelFormat::kBgr) return copy_of(picture, pool);
  return converted(picture, PixelFormat::kBgr, picture.width(), picture.height(), pool);
}

std::shared_ptr<Picture> to_i420(const Picture& picture, BufferPool* pool) {
  if (picture.format() == PixelFormat::kI420) return copy_of(picture, pool);
  return converted(picture, PixelFormat::kI420, picture.width(), picture.height(), pool);
}

std::shared_ptr<Picture> to_i420(const Picture& picture, int width, int height, ColorMatrix matrix, bool full_range,
                                 BufferPool* pool) {
  auto result = Picture::make(PixelFormat::kI420, width, height, pool);
  result->matrix = matrix;
  result->full_range = full_range;
  sws_convert(image_of(picture), image_of(*result));
  return result;
}

std::shared_ptr<Picture> scaled(const Picture& picture, int width, int height, BufferPool* pool) {
  if (picture.width() == width && picture.height() == height) return copy_of(picture, pool);
  return converted(picture, picture.format(), width, height, pool);
}

std::shared_ptr<Picture> crop(const Picture& picture, const Box& box, BufferPool* pool) {
  if (box.empty()) return nullptr;
  const auto clipped = [](float value, int limit) {
    return static_cast<int>(std::clamp(value, 0.f, static_cast<float>(limit)));
  };
  int left = clipped(std::floor(box.x), picture.width()), top = clipped(std::floor(box.y), picture.height());
  const int right = clipped(std::ceil(box.right()), picture.width()),
            bottom = clipped(std::ceil(box.bottom()), picture.height());
  if (picture.format() == PixelFormat::kI420) {
    left &= ~1;
    top &= ~1;
  }
  if (left >= right || top >= bottom) return nullptr;
  auto result = Picture::make(picture.format(), right - left, bottom - top, pool);
  result->matrix = picture.matrix;
  result->full_range = picture.full_range;
  for (int i = 0; i < picture.planes(); ++i) {
    const Plane& from = picture.plane(i);
    const Plane& to = result->plane(i);
    const int shift = i > 0 ? 1 : 0;
    const int sample_bytes = picture.format() == PixelFormat::kBgr ? 3 : 1;
    const uint8_t* at =
        from.data + static_cast<ptrdiff_t>(top >> shift) * from.stride_bytes + (left >> shift) * sample_bytes;
    for (int y = 0; y < to.height; ++y, at += from.stride_bytes)
      std::memcpy(to.data + static_cast<ptrdiff_t>(y) * to.stride_bytes, at,
                  static_cast<size_t>(to.width * sample_bytes));
  }
  return result;
}

std::shared_ptr<const Picture> pixels_of(const Frame& frame) {
  if (frame.picture) return frame.picture;
  if (!frame.jpeg) throw Error(ErrorCode::kUnavailable, "the frame came from another node without its picture");
  return frame.derived<Picture>(kPixelsKey, [&] { return std::shared_ptr<const Picture>(decode_jpeg(*frame.jpeg)); });
}

std::shared_ptr<const Picture> bgr_of(const Frame& frame) {
  // Outside of derived(), which is not to be entered twice.
  const auto pixels = pixels_of(frame);
  if (pixels->format() == PixelFormat::kBgr) return pixels;
  return frame.derived<Picture>(kBgrKey, [&] { return std::shared_ptr<const Picture>(to_bgr(*pixels)); });
}

}  // namespace vedette::media
