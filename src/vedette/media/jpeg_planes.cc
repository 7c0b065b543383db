// These loops are what a vectoriser is for, and -O2 leaves them scalar in GCC 12.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#include "vedette/media/jpeg_planes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace vedette::media {
namespace {

/// YCbCr → YCbCr as a fixed-point matrix (14 bits): y' = a·y + b·cb + c·cr, and likewise for cb' and cr' without y. The
/// difference of two matrices with the same primaries has no y part in chroma (both leave gray gray).
struct Matrix {
  int y, y_cb, y_cr, cb_cb, cb_cr, cr_cb, cr_cr, black;
};

constexpr int kBits = 14;
constexpr int kHalf = 1 << (kBits - 1);

Matrix matrix_for(bool bt709, bool full_range) {
  const auto fixed = [](double v) { return static_cast<int>(std::lround(v * (1 << kBits))); };
  const double luma = full_range ? 1 : 255.0 / 219, chroma = full_range ? 1 : 255.0 / 224;
  Matrix m{fixed(luma), 0, 0, fixed(chroma), 0, 0, fixed(chroma), full_range ? 0 : 16};
  if (!bt709) return m;
  // R = Y + 2(1−Kr)·Cr, B = Y + 2(1−Kb)·Cb, G from Y (BT.709: Kr .2126, Kb .0722), then BT.601's own sums (Kr .299, Kb
  // .114).
  const double kr = .2126, kb = .0722, kg = 1 - kr - kb, jr = .299, jb = .114, jg = 1 - jr - jb;
  const double r_cr = 2 * (1 - kr), b_cb = 2 * (1 - kb), g_cr = -r_cr * kr / kg, g_cb = -b_cb * kb / kg;
  const double y_cb = jg * g_cb + jb * b_cb, y_cr = jr * r_cr + jg * g_cr;
  m.y_cb = fixed(chroma * y_cb);
  m.y_cr = fixed(chroma * y_cr);
  m.cb_cb = fixed(chroma * (b_cb - y_cb) / (2 * (1 - jb)));
  m.cb_cr = fixed(chroma * -y_cr / (2 * (1 - jb)));
  m.cr_cb = fixed(chroma * -y_cb / (2 * (1 - jr)));
  m.cr_cr = fixed(chroma * (r_cr - y_cr) / (2 * (1 - jr)));
  return m;
}

uint8_t to_byte(int v) { return static_cast<uint8_t>(std::clamp(v, 0, 255)); }

void chroma_row(const Matrix& m, const uint8_t* __restrict cb, const uint8_t* __restrict cr, uint8_t* __restrict to_cb,
                uint8_t* __restrict to_cr, int* __restrict luma_add, int width) {
  for (int x = 0; x < width; ++x) {
    const int b = cb[x] - 128, r = cr[x] - 128;
    to_cb[x] = to_byte(128 + ((m.cb_cb * b + m.cb_cr * r + kHalf) >> kBits));
    to_cr[x] = to_byte(128 + ((m.cr_cb * b + m.cr_cr * r + kHalf) >> kBits));
    luma_add[x] = m.y_cb * b + m.y_cr * r + kHalf - m.black * m.y;
  }
}

void luma_row(int gain, const uint8_t* __restrict from, uint8_t* __restrict to, const int* __restrict luma_add,
              int pairs) {
  for (int x = 0; x < pairs; ++x) {
    to[2 * x] = to_byte((gain * from[2 * x] + luma_add[x]) >> kBits);
    to[2 * x + 1] = to_byte((gain * from[2 * x + 1] + luma_add[x]) >> kBits);
  }
}

uint8_t* row(const Plane& plane, int y) { return plane.data + static_cast<ptrdiff_t>(y) * plane.stride_bytes; }

}  // namespace

std::shared_ptr<Picture> jpeg_planes(const Picture& picture) {
  const bool even = picture.width() % 2 == 0 && picture.height() % 2 == 0;
  const bool bt709 = picture.matrix == ColorMatrix::kBt709;
  if (even && picture.full_range && !bt709) return nullptr;
  const int width = (picture.width() + 1) / 2 * 2, height = (picture.height() + 1) / 2 * 2;
  auto result = Picture::make(PixelFormat::kI420, width, height);
  result->full_range = true;
  const Matrix m = matrix_for(bt709, picture.full_range);
  std::vector<int> luma_add(static_cast<size_t>(width / 2));
  for (int y = 0; y < height / 2; ++y) {
    chroma_row(m, row(picture.plane(1), y), row(picture.plane(2), y), row(result->plane(1), y),
               row(result->plane(2), y), luma_add.data(), width / 2);
    for (int line = 2 * y; line < 2 * y + 2; ++line) {
      uint8_t* to = row(result->plane(0), line);
      luma_row(m.y, row(picture.plane(0), std::min(line, picture.height() - 1)), to, luma_add.data(), width / 2);
      if (width != picture.width()) to[width - 1] = to[width - 2];
    }
  }
  return result;
}

}  // namespace vedette::media
