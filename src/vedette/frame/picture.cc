#include "vedette/frame/picture.h"

#include <cstring>

#include "vedette/base/error.h"
#include "vedette/frame/buffer_pool.h"

namespace vedette {
namespace {

constexpr int kRowAlignment = 64;
constexpr size_t kOverrun = 64;

int aligned(int bytes) { return (bytes + kRowAlignment - 1) / kRowAlignment * kRowAlignment; }

}  // namespace

std::string_view to_string(PixelFormat format) {
  switch (format) {
    case PixelFormat::kI420: return "i420";
    case PixelFormat::kBgr: return "bgr";
    case PixelFormat::kGray: return "gray";
  }
  return "?";
}

std::shared_ptr<Picture> Picture::sized(PixelFormat format, int width, int height) {
  if (width < 1 || height < 1 || width > kLargestSide || height > kLargestSide) {
    throw Error(ErrorCode::kInvalidData,
                "a picture of " + std::to_string(width) + "x" + std::to_string(height) + " pixels is refused",
                "sides from 1 to " + std::to_string(kLargestSide) + " are taken");
  }
  std::shared_ptr<Picture> picture(new Picture);
  picture->format_ = format;
  picture->width_ = width;
  picture->height_ = height;
  for (int i = 0; i < picture->planes(); ++i) {
    Plane& plane = picture->planes_[static_cast<size_t>(i)];
    const bool chroma = i > 0;
    plane.width = chroma ? (width + 1) / 2 : width;
    plane.height = chroma ? (height + 1) / 2 : height;
    plane.stride_bytes = aligned(format == PixelFormat::kBgr ? plane.width * 3 : plane.width);
  }
  return picture;
}

std::shared_ptr<Picture> Picture::make(PixelFormat format, int width, int height, BufferPool* pool) {
  auto picture = sized(format, width, height);
  const auto plane_bytes = [&](int i) {
    const Plane& plane = picture->plane(i);
    return static_cast<size_t>(plane.stride_bytes) * static_cast<size_t>(plane.height);
  };
  picture->size_bytes_ = kOverrun;
  for (int i = 0; i < picture->planes(); ++i) picture->size_bytes_ += plane_bytes(i);
  static BufferPool heap(BufferPool::Options{.max_idle_bytes = 0});
  auto memory = (pool ? *pool : heap).acquire(picture->size_bytes_);
  uint8_t* at = memory.get();
  for (int i = 0; i < picture->planes(); ++i) {
    picture->planes_[static_cast<size_t>(i)].data = at;
    at += plane_bytes(i);
  }
  picture->memory_ = std::move(memory);
  return picture;
}

std::shared_ptr<Picture> Picture::wrap(PixelFormat format, int width, int height, const std::array<uint8_t*, 3>& data,
                                       const std::array<int, 3>& strides_bytes, std::shared_ptr<void> owner) {
  auto picture = sized(format, width, height);
  picture->size_bytes_ = kOverrun;
  for (int i = 0; i < picture->planes(); ++i) {
    const auto at = static_cast<size_t>(i);
    Plane& plane = picture->planes_[at];
    VEDETTE_ASSERT(reinterpret_cast<uintptr_t>(data[at]) % kRowAlignment == 0);
    VEDETTE_ASSERT(strides_bytes[at] >= plane.stride_bytes && strides_bytes[at] % kRowAlignment == 0);
    plane.data = data[at];
    plane.stride_bytes = strides_bytes[at];
    picture->size_bytes_ += static_cast<size_t>(plane.stride_bytes) * static_cast<size_t>(plane.height);
  }
  picture->memory_ = std::move(owner);
  return picture;
}

std::shared_ptr<Picture> copy_of(const Picture& picture, BufferPool* pool) {
  auto copy = Picture::make(picture.format(), picture.width(), picture.height(), pool);
  copy->matrix = picture.matrix;
  copy->full_range = picture.full_range;
  for (int i = 0; i < picture.planes(); ++i) {
    const Plane& from = picture.plane(i);
    const Plane& to = copy->plane(i);
    const auto row_bytes = static_cast<size_t>(picture.format() == PixelFormat::kBgr ? from.width * 3 : from.width);
    for (int y = 0; y < from.height; ++y)
      std::memcpy(to.data + static_cast<ptrdiff_t>(y) * to.stride_bytes,
                  from.data + static_cast<ptrdiff_t>(y) * from.stride_bytes, row_bytes);
  }
  return copy;
}

}  // namespace vedette
