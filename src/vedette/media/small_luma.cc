// These loops are what a vectoriser is for, and -O2 leaves them scalar in GCC 12.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#include "vedette/media/small_luma.h"

#include <algorithm>

#include "vedette/base/error.h"

namespace vedette::media {
namespace {

/// Means of Step×Step pixels.
template <int Step>
void shrink(const Plane& from, int width, int height, uint8_t* to) {
  std::vector<uint16_t> columns(static_cast<size_t>(width) * Step);
  uint16_t* __restrict sums = columns.data();
  for (int y = 0; y < height; ++y, to += width) {
    const uint8_t* row = from.data + static_cast<ptrdiff_t>(y) * Step * from.stride_bytes;
    for (int x = 0; x < width * Step; ++x) sums[x] = row[x];
    for (int line = 1; line < Step; ++line) {
      row += from.stride_bytes;
      for (int x = 0; x < width * Step; ++x) sums[x] = static_cast<uint16_t>(sums[x] + row[x]);
    }
    uint8_t* __restrict out = to;
    for (int x = 0; x < width; ++x) {
      int sum = Step * Step / 2;
      for (int i = 0; i < Step; ++i) sum += sums[Step * x + i];
      out[x] = static_cast<uint8_t>(sum / (Step * Step));
    }
  }
}

}  // namespace

void small_luma(const Picture& picture, int frame_width, int frame_height, SmallLuma& to) {
  VEDETTE_ASSERT(picture.format() != PixelFormat::kBgr);
  const Plane& from = picture.plane(0);
  // A picture too small to be shrunk is taken as it is; whole steps only, so that no mean reaches beyond the edge.
  const bool tiny = frame_width < SmallLuma::kStep || frame_height < SmallLuma::kStep;
  to.width = tiny ? from.width : frame_width / SmallLuma::kStep;
  to.height = tiny ? from.height : frame_height / SmallLuma::kStep;
  const int step = std::clamp(std::min(from.width / to.width, from.height / to.height), 1, SmallLuma::kStep);
  to.pixels.resize(static_cast<size_t>(to.width) * static_cast<size_t>(to.height));
  if (step == 4)
    shrink<4>(from, to.width, to.height, to.pixels.data());
  else if (step >= 2)
    shrink<2>(from, to.width, to.height, to.pixels.data());
  else
    shrink<1>(from, std::min(to.width, from.width), std::min(to.height, from.height), to.pixels.data());
}

}  // namespace vedette::media
