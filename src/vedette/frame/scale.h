#pragma once

#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/frame/box.h"
#include "vedette/frame/frame.h"

namespace vedette {

/// From a picture to another one of the same scene that has another size. The two proportions may differ a little.
struct Scale {
  float across = 1;
  float down = 1;

  /// All sides in pixels, at least 1.
  static Scale between(int from_width, int from_height, int to_width, int to_height) {
    VEDETTE_ASSERT(std::min({from_width, from_height, to_width, to_height}) > 0);
    return {static_cast<float>(to_width) / static_cast<float>(from_width),
            static_cast<float>(to_height) / static_cast<float>(from_height)};
  }

  Box operator()(const Box& box) const { return {box.x * across, box.y * down, box.width * across, box.height * down}; }
  Point operator()(const Point& point) const { return {point.x * across, point.y * down}; }
};

/// Between a frame's own pixels, in which everything that is known of it is measured, and those of `picture`, which is
/// of this frame and may be smaller (Frame::picture). Whoever finds something in pixels, or reads or draws some, goes
/// through one of these two. docs/decisions/013-measured-in-the-cameras-pixels.md.
inline Scale to_frame(const Frame& frame, const Picture& picture) {
  return Scale::between(picture.width(), picture.height(), frame.width, frame.height);
}
inline Scale to_pixels(const Frame& frame, const Picture& picture) {
  return Scale::between(frame.width, frame.height, picture.width(), picture.height());
}

}  // namespace vedette
