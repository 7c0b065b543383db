#pragma once

#include <memory>

#include "vedette/frame/observation.h"
#include "vedette/media/overlay.h"

namespace vedette::console {

/// The width that a wish for `width_px` is given: the next larger of a few, so that viewers share encoded pictures. 0
/// stays 0.
int shared_width(int width_px);

/// The frame as JPEG, no wider than `width_px` (0: as it is). Scaled and encoded once for all viewers of a width.
/// Throws as media::jpeg_of.
std::shared_ptr<const Bytes> picture_jpeg(const Frame& frame, int width_px, int quality);

/// The frame with what is known about it drawn in. Encoded for this viewer alone.
std::shared_ptr<const Bytes> drawn_jpeg(const Observation& observation, media::Overlay& overlay, int width_px,
                                        int quality);

}  // namespace vedette::console
