#pragma once

#include <memory>

#include "vedette/frame/buffer_pool.h"
#include "vedette/frame/picture.h"
#include "vedette/media/knob_setting.h"

namespace vedette::media {

/// The steps of a knob chain that need no memory of other frames. Pictures are kI420 or kGray unless said otherwise.

/// The Y plane as a kGray picture, not copied; `picture` must outlive it.
std::shared_ptr<const Picture> luma_only(const Picture& picture);

/// A kGray picture that came from video range, 16 … 235, in full range.
std::shared_ptr<Picture> stretched(const Picture& luma, BufferPool* pool);

/// Mean over a box of side_px×side_px pixels (of chroma planes half of that, rounded up), edges mirrored as OpenCV's
/// blur() does.
std::shared_ptr<Picture> blurred(const Picture& picture, int side_px, BufferPool* pool);

/// kBgr whose three channels are H,S,V (H of 0 … 179) or L,a,b or L,u,v, as OpenCV's cvtColor() makes them of 8-bit
/// BGR.
std::shared_ptr<Picture> in_color_space(const Picture& picture, ColorSpace space, BufferPool* pool);

}  // namespace vedette::media
