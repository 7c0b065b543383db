// These loops are what a vectoriser is for, and -O2 leaves them scalar in GCC 12.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#include "vedette/media/differencing.h"

#include <cstdlib>

namespace vedette::media {

double difference(const SmallLuma& a, const SmallLuma& b) {
  if (!a.same_size(b) || a.pixels.empty()) return 1;
  const uint8_t* __restrict p = a.pixels.data();
  const uint8_t* __restrict q = b.pixels.data();
  size_t different = 0;
  // Row by row, so that the inner count fits a narrow type.
  for (int y = 0; y < a.height; ++y, p += a.width, q += a.width) {
    unsigned in_row = 0;
    for (int x = 0; x < a.width; ++x) in_row += std::abs(p[x] - q[x]) > kDifferenceNoise ? 1U : 0U;
    different += in_row;
  }
  return static_cast<double>(different) / static_cast<double>(a.pixels.size());
}

bool Differencing::must_send(const SmallLuma& frame, double threshold) const {
  return threshold <= 0 || last_.pixels.empty() || difference(frame, last_) >= threshold;
}

}  // namespace vedette::media
