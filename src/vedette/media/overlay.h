#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>

#include "vedette/base/settings.h"
#include "vedette/frame/observation.h"

namespace vedette::media {

struct Rgb {
  uint8_t r = 0, g = 0, b = 0;
  friend bool operator==(const Rgb&, const Rgb&) = default;
};

/// The colour of a track or class number: always the same for one number, and well apart for neighbouring numbers (hues
/// by the golden angle, in OKLCH at a lightness that shows on dark and bright pictures alike).
Rgb stable_color(int64_t number);

struct OverlayOptions {
  bool boxes = true;
  bool labels = true;        ///< "person #7 0.92"
  bool traces = true;        ///< the way of a track's foot point
  bool zones = true;
  int trace_length = 50;     ///< foot points kept for each track
  double line_px = 0;        ///< 0: by picture height
  double text_px = 0;        ///< height of a capital letter; 0: by picture height

  void fields(Fields& f);
};

/// Draws what is known about a frame into a copy of it. One Overlay per stream: it keeps the traces. Not thread-safe.
class Overlay {
 public:
  explicit Overlay(OverlayOptions options = {}) : options_(options) {}

  /// A new picture in the format of the frame's own pixels (kI420 for JPEG frames). Never touches its input.
  /// Throws Error(kInvalidData) when the frame's JPEG does not decode.
  std::shared_ptr<Picture> draw(const Observation& observation, BufferPool* pool = nullptr);

 private:
  struct Trace {
    std::deque<Point> points;
    uint64_t seen = 0;  ///< number of the draw() call that last showed the track
  };
  void remember(const Observation& observation);

  OverlayOptions options_;
  std::unordered_map<int64_t, Trace> traces_;
  uint64_t drawn_ = 0;
};

}  // namespace vedette::media
