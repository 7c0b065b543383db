#pragma once

#include <array>
#include <cstdint>

namespace vedette::media {

/// A picture as libswscale takes it.
struct SwsImage {
  std::array<uint8_t*, 4> data{};
  std::array<int, 4> strides{};
  int width = 0;
  int height = 0;
  int av_format = 0;       ///< AVPixelFormat; the deprecated yuvj… formats are taken as yuv… with full range
  bool bt709 = false;      ///< else BT.601
  bool full_range = false;
};

/// Converts and scales into `to`'s memory. Keeps a few ready contexts per thread, so a steady stream sets nothing up
/// anew. Throws Error(kInternal) when libswscale has no such conversion.
void sws_convert(const SwsImage& from, const SwsImage& to);

}  // namespace vedette::media
