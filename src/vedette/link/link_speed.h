#pragma once

#include <cstddef>
#include <cstdint>

#include "vedette/base/time.h"

namespace vedette::link {

/// A mean that follows what it is told: the plain mean of the first few, later ones with a fixed weight.
class RunningMean {
 public:
  explicit RunningMean(double guess) : mean_(guess) {}
  void add(double value);
  double value() const { return mean_; }
  bool known() const { return count_ > 0; }

 private:
  static constexpr double kLeastWeight = 0.1;
  double mean_;
  uint64_t count_ = 0;
};

/// How fast a link is, seen by the receiver: a message takes from when its sender began it, or from when the one before
/// had come in if that is later, until its last byte. Small ones tell nothing. Pure.
class LinkSpeed {
 public:
  /// Times in the receiver's clock.
  void add(size_t bytes, MonotonicTime began, MonotonicTime ended);
  double bytes_per_second() const { return seconds_per_byte_.known() ? 1 / seconds_per_byte_.value() : 0; }

 private:
  static constexpr size_t kLeastBytes = 16384;
  RunningMean seconds_per_byte_{0};
  MonotonicTime last_ended_{};
};

/// Raw or JPEG: raw when the link brings the pixels over sooner than coding, the JPEG's way and decoding take together.
/// Starts from what one slow core needs; then follows what is measured. Pure.
class FormChoice {
 public:
  void encoded(size_t pixels, Duration took, size_t jpeg_bytes);
  void decoding_costs(double ns_per_pixel);

  struct Picture {
    size_t pixels = 0;
    size_t raw_bytes = 0;
    size_t jpeg_bytes = 0;  ///< when there is one at hand, so that nothing has to be encoded; else 0
  };
  /// `bytes_per_second` 0: not known yet, which is taken for a fast link, so that it becomes known.
  bool raw_is_faster(const Picture& picture, double bytes_per_second) const;

 private:
  RunningMean encode_ns_per_pixel_{2.5};
  RunningMean jpeg_bytes_per_pixel_{0.25};
  double decode_ns_per_pixel_ = 2.0;
};

}  // namespace vedette::link
