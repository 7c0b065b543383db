#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "vedette/frame/buffer_pool.h"
#include "vedette/frame/picture.h"
#include "vedette/media/knob_setting.h"
#include "vedette/media/small_luma.h"

namespace vedette::media {

/// What moves before a camera that stands still (paper 004 §2.3.1, knob 4: absdiff, threshold, dilate, findContours).
/// The paper compares with the frame before, which loses whoever stands still; this compares with a background that is
/// learnt: the mean of the first frames, then followed slowly, and more slowly still where something moves.
class MotionMask {
 public:
  /// Takes the next frame in. A first frame, or one of another size, is all moving: nothing is known yet.
  void update(const SmallLuma& frame);

  /// The picture with everything still made black, or black with the outlines of what moves in white. `picture` is
  /// kI420 or kGray, at any size of the frame that update() took.
  std::shared_ptr<Picture> apply(const Picture& picture, Artefacts artefacts, BufferPool* pool = nullptr) const;

  /// Share of the frame that moves, 0 … 1.
  double moving_share() const;

 private:
  void find_moving();
  std::shared_ptr<Picture> keep_moving(const Picture& picture, BufferPool* pool) const;
  std::shared_ptr<Picture> draw_contours(const Picture& picture, BufferPool* pool) const;

  int width_ = 0, height_ = 0;
  int seen_ = 0;                      // frames, up to what the background remembers
  std::vector<uint16_t> background_;  // brightness · 256
  std::vector<uint8_t> moving_;       // 0 or 255
};

}  // namespace vedette::media
