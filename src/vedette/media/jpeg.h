#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "vedette/frame/frame.h"

namespace vedette::media {

/// JPEG bytes of a picture, 4:2:0 (gray stays gray), `quality` 1 … 100. kI420 planes go in as they are; only video
/// range or the BT.709 matrix are turned into the full-range BT.601 that JPEG (ITU-T T.871) asks for. Throws
/// Error(kInternal | kExhausted).
Bytes encode_jpeg(const Picture& picture, int quality);

struct JpegDecodeOptions {
  PixelFormat format = PixelFormat::kI420;
  /// Decode at 1/1, 1/2, 1/4 or 1/8: the smallest that is still at least this long on its longer side. 0: full size.
  int max_side_px = 0;
};

/// Decodes a JPEG; kI420 comes out as full range BT.601. A picture cut short keeps what decodes, as JPEG viewers do.
/// Throws Error(kInvalidData) when it is no JPEG, has a side of 0 or beyond Picture::kLargestSide, or cannot be
/// decoded.
std::shared_ptr<Picture> decode_jpeg(std::span<const uint8_t> jpeg, BufferPool* pool = nullptr,
                                     JpegDecodeOptions options = {});

/// Width and height from the header alone, both at least 1, at most 65,535. Throws Error(kInvalidData) when it is no
/// JPEG.
std::pair<int, int> jpeg_size(std::span<const uint8_t> jpeg);

/// Width and height of the pixels that a frame has, which may be fewer than what it is measured in. Throws as
/// pixels_of(), but decodes nothing.
std::pair<int, int> pixel_size(const Frame& frame);

/// The frame as JPEG: what the camera delivered if it did (whatever `quality`), else encoded at the first call and
/// shared by all later calls with the same quality. Throws as encode_jpeg; the frame must have pixels.
std::shared_ptr<const Bytes> jpeg_of(const Frame& frame, int quality);

}  // namespace vedette::media
