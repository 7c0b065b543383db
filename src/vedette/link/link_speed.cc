#include "vedette/link/link_speed.h"

#include <algorithm>
#include <cmath>

namespace vedette::link {

void RunningMean::add(double value) {
  ++count_;
  const double weight = std::max(kLeastWeight, 1.0 / static_cast<double>(count_));
  mean_ += (value - mean_) * weight;
}

void LinkSpeed::add(size_t bytes, MonotonicTime began, MonotonicTime ended) {
  const MonotonicTime from = std::max(began, last_ended_);
  last_ended_ = ended;
  if (bytes < kLeastBytes) return;
  // A clock that is a little off may let a message arrive before it was sent; no link is faster than this.
  constexpr double kLeastSecondsPerByte = 1e-11;
  seconds_per_byte_.add(std::max(kLeastSecondsPerByte, to_seconds(ended - from) / static_cast<double>(bytes)));
}

void FormChoice::encoded(size_t pixels, Duration took, size_t jpeg_bytes) {
  if (pixels == 0) return;
  encode_ns_per_pixel_.add(static_cast<double>(took.count()) / static_cast<double>(pixels));
  jpeg_bytes_per_pixel_.add(static_cast<double>(jpeg_bytes) / static_cast<double>(pixels));
}

void FormChoice::decoding_costs(double ns_per_pixel) {
  if (std::isfinite(ns_per_pixel) && ns_per_pixel > 0) decode_ns_per_pixel_ = ns_per_pixel;
}

bool FormChoice::raw_is_faster(const Picture& picture, double bytes_per_second) const {
  if (!(bytes_per_second > 0)) return true;
  const auto pixels = static_cast<double>(picture.pixels);
  const double jpeg_bytes =
      picture.jpeg_bytes > 0 ? static_cast<double>(picture.jpeg_bytes) : pixels * jpeg_bytes_per_pixel_.value();
  const double encode_ns = picture.jpeg_bytes > 0 ? 0 : pixels * encode_ns_per_pixel_.value();
  const double raw_ns = static_cast<double>(picture.raw_bytes) / bytes_per_second * 1e9;
  return raw_ns <= encode_ns + jpeg_bytes / bytes_per_second * 1e9 + pixels * decode_ns_per_pixel_;
}

}  // namespace vedette::link
