#pragma once

#include <memory>

#include "vedette/frame/box.h"
#include "vedette/frame/buffer_pool.h"
#include "vedette/frame/frame.h"
#include "vedette/frame/picture.h"

namespace vedette::media {

/// Colour conversion and scaling of whole pictures, by libswscale. Matrix and range of kI420 are honoured. Each returns
/// a new picture from `pool` (or the heap); all may be called from any thread. They throw Error(kExhausted) when memory
/// is not to be had.
std::shared_ptr<Picture> to_bgr(const Picture& picture, BufferPool* pool = nullptr);

/// From kBgr and kGray to BT.601, video range; a kI420 picture is copied with its own matrix and range.
std::shared_ptr<Picture> to_i420(const Picture& picture, BufferPool* pool = nullptr);

/// Any picture as kI420 of the given size, matrix and range: what an encoder that has begun needs.
std::shared_ptr<Picture> to_i420(const Picture& picture, int width, int height, ColorMatrix matrix, bool full_range,
                                 BufferPool* pool = nullptr);

/// The same format at another size, by bilinear interpolation with area averaging when it shrinks.
std::shared_ptr<Picture> scaled(const Picture& picture, int width, int height, BufferPool* pool = nullptr);

/// The pixels of `box`, rounded outwards and clipped to the picture; of a kI420 picture the corner is moved to even
/// coordinates. Null when nothing of the box lies in the picture.
std::shared_ptr<Picture> crop(const Picture& picture, const Box& box, BufferPool* pool = nullptr);

/// The frame's pixels as kBgr: decoded or converted at the first call, shared by all later ones. Throws as pixels_of().
std::shared_ptr<const Picture> bgr_of(const Frame& frame);

/// The frame's raw pixels in whatever format they are at hand: Frame::picture, or the decoded JPEG (kI420), decoded at
/// the first call and shared by all later ones. Throws Error(kInvalidData) for a broken JPEG, and Error(kUnavailable)
/// for a frame that came from another node without its picture: such are under way when a module that needs pictures
/// joins.
std::shared_ptr<const Picture> pixels_of(const Frame& frame);

}  // namespace vedette::media
