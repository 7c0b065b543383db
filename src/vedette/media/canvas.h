#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>

#include "vedette/frame/box.h"
#include "vedette/frame/picture.h"
#include "vedette/media/overlay.h"

namespace vedette::media {

/// Draws on a picture in its own format, kI420 included (each plane at its own scale), so that nothing is converted for
/// the sake of a few lines. Coordinates in pixels; everything is clipped.
class Canvas {
 public:
  explicit Canvas(Picture& picture) : picture_(picture) {}

  void fill(const Box& box, Rgb color);
  void outline(const Box& box, Rgb color, int line_px);
  void polyline(std::span<const Point> points, bool closed, Rgb color, int line_px);
  /// A line of ASCII text on a filled background; `at` is the label's bottom left corner, moved so that it stays in the
  /// picture.
  void label(Point at, const std::string& text, Rgb background, int text_px);

 private:
  std::array<uint8_t, 3> components(Rgb color) const;

  Picture& picture_;
};

}  // namespace vedette::media
