#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vedette/frame/picture.h"

namespace vedette::media {

/// The brightness of a picture at about a quarter of its width and height, on which is judged what moves and whether a
/// frame differs. Full range or video range, as the picture has it.
struct SmallLuma {
  static constexpr int kStep = 4;  ///< pixels of the frame to one here, in both directions

  int width = 0;
  int height = 0;
  std::vector<uint8_t> pixels;  ///< rows without padding

  bool same_size(const SmallLuma& other) const { return width == other.width && height == other.height; }
};

/// Makes `to` from a kI420 or kGray picture of a frame that is `frame_width`×`frame_height` pixels; the picture may be
/// the frame at 1/1, 1/2 or 1/4. Each pixel is the mean of those it stands for.
void small_luma(const Picture& picture, int frame_width, int frame_height, SmallLuma& to);

}  // namespace vedette::media
