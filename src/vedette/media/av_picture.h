#pragma once

#include <memory>

#include "vedette/frame/buffer_pool.h"
#include "vedette/frame/picture.h"

struct AVFrame;

namespace vedette::media {

/// A decoded frame in main memory as a kI420 picture. With `in_our_memory` (from Decoder's own buffers) the planes are
/// shared where they keep Picture's alignment; else copied, unzipped (NV12) or converted by libswscale. Matrix and
/// range are carried over; where the stream does not say, pictures of 720 rows and more are taken as BT.709, as players
/// do.
std::shared_ptr<Picture> picture_of(const AVFrame& frame, bool in_our_memory, BufferPool* pool);

}  // namespace vedette::media
