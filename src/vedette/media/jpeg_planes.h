#pragma once

#include <memory>

#include "vedette/frame/picture.h"

namespace vedette::media {

/// The picture as JPEG's planes: full range, BT.601 (ITU-T T.871), padded by repeated edges to even sides. Null when a
/// kI420 picture already is that, so that nothing is copied. One pass of integer arithmetic.
std::shared_ptr<Picture> jpeg_planes(const Picture& picture);

}  // namespace vedette::media
