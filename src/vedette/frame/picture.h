#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace vedette {

/// How the pixels of a picture lie in memory.
enum class PixelFormat {
  kI420,  ///< planes Y, U, V; U and V half as wide and half as high, rounded up. What most decoders hand out
  kBgr,   ///< one plane, 3 bytes a pixel, blue first
  kGray,  ///< one plane, 1 byte a pixel
};

enum class ColorMatrix { kBt601, kBt709 };

std::string_view to_string(PixelFormat format);

struct Plane {
  uint8_t* data = nullptr;
  int stride_bytes = 0;
  int width = 0;   ///< in samples of this plane
  int height = 0;  ///< in rows of this plane
};

class BufferPool;

/// Pixels of one picture. Filled by whoever made it, then shared as `std::shared_ptr<const Picture>` and never changed
/// again. Rows start on 64-byte boundaries and are readable up to 64 bytes past the last plane, so that vector code may
/// overrun.
class Picture {
 public:
  static constexpr int kLargestSide = 16384;

  /// Allocates from `pool`, or from the heap when null. Throws Error(kInvalidData) unless both sides lie in 1 …
  /// kLargestSide, Error(kExhausted) when the memory is not to be had.
  static std::shared_ptr<Picture> make(PixelFormat format, int width, int height, BufferPool* pool = nullptr);

  /// A picture in memory that someone else owns, such as a decoder's, kept alive by `owner`: nothing is copied. `data`
  /// and `strides_bytes` have one entry a plane. Rows must start on 64-byte boundaries and the memory must go on for 64
  /// bytes past the last row of each plane, as for every picture. Throws Error(kInvalidData) for a bad size, as make().
  static std::shared_ptr<Picture> wrap(PixelFormat format, int width, int height, const std::array<uint8_t*, 3>& data,
                                       const std::array<int, 3>& strides_bytes, std::shared_ptr<void> owner);

  PixelFormat format() const { return format_; }
  int width() const { return width_; }
  int height() const { return height_; }
  int planes() const { return format_ == PixelFormat::kI420 ? 3 : 1; }
  const Plane& plane(int i) const { return planes_[static_cast<size_t>(i)]; }
  size_t size_bytes() const { return size_bytes_; }

  /// Of kI420 only: which matrix made the YUV, and whether Y spans 0..255 (JPEG) or 16..235 (video).
  ColorMatrix matrix = ColorMatrix::kBt601;
  bool full_range = false;

  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;

 private:
  Picture() = default;
  static std::shared_ptr<Picture> sized(PixelFormat format, int width, int height);
  PixelFormat format_ = PixelFormat::kBgr;
  int width_ = 0;
  int height_ = 0;
  size_t size_bytes_ = 0;
  std::array<Plane, 3> planes_{};
  std::shared_ptr<void> memory_;
};

/// A deep copy with the same format and colour description, from `pool` or the heap.
std::shared_ptr<Picture> copy_of(const Picture& picture, BufferPool* pool = nullptr);

}  // namespace vedette
