#pragma once

#include "vedette/media/small_luma.h"

namespace vedette::media {

/// How different two pictures are, 0 … 1: the share of their pixels whose brightness differs by more than the noise of
/// a camera, kDifferenceNoise. 1 when their sizes differ.
double difference(const SmallLuma& a, const SmallLuma& b);

/// Of 255. Means over 4×4 pixels carry a quarter of the noise of one.
inline constexpr int kDifferenceNoise = 2;

/// Frame differencing against the frame that was sent last (paper 004 §2.3.1, knob 5; there against the frame before,
/// so that a slow change never shows).
class Differencing {
 public:
  /// Whether a frame is to be sent: always at threshold 0 and for the first, else when it differs from the last one
  /// sent by at least `threshold`. Says nothing about what is sent then: call sent().
  bool must_send(const SmallLuma& frame, double threshold) const;
  void sent(const SmallLuma& frame) { last_ = frame; }
  void forget() { last_ = {}; }

 private:
  SmallLuma last_;
};

}  // namespace vedette::media
