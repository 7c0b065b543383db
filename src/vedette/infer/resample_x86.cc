#include "vedette/infer/resample.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstddef>
#include <cstring>

#define VEDETTE_AVX2 __attribute__((target("avx2")))

namespace vedette::infer {
namespace {

// Multiplications and additions stay apart (no FMA), so that results equal the portable code's bit for bit.

VEDETTE_AVX2 inline __m256 blend(__m256i upper_sums, __m256i lower_sums, __m256 second) {
  const __m256 upper = _mm256_cvtepi32_ps(upper_sums), lower = _mm256_cvtepi32_ps(lower_sums);
  return _mm256_add_ps(upper, _mm256_mul_ps(_mm256_sub_ps(lower, upper), second));
}

/// Taps as the loops read them: a copy, because the compiler cannot know that what is written to a tensor leaves Taps
/// alone, and would load every pointer again for each group.
struct TapReader {
  const int32_t* base;
  const uint8_t* shuffle;
  const uint32_t* weights;
  size_t passes;

  explicit TapReader(const Taps& taps)
      : base(taps.base.data()), shuffle(taps.shuffle.data()), weights(taps.weights.data()), passes(taps.passes) {}

  /// The samples that the n-th pass of a row reads: pairs of words where they belong, zeros elsewhere.
  VEDETTE_AVX2 __m256i pass(const uint8_t* row, size_t n) const {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + base[2 * n]));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + base[2 * n + 1]));
    const __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    return _mm256_shuffle_epi8(bytes, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(shuffle + 32 * n)));
  }
  VEDETTE_AVX2 __m256i two_passes(const uint8_t* row, size_t n) const {
    return _mm256_or_si256(pass(row, n), pass(row, n + 1));
  }
  /// Tap sums of outputs 8g … 8g+7 of one row.
  VEDETTE_AVX2 __m256i sums(const uint8_t* row, size_t g) const {
    const size_t n = passes * g;
    __m256i pairs = passes == 1 ? pass(row, n) : two_passes(row, n);
    if (passes == 4) pairs = _mm256_or_si256(pairs, two_passes(row, n + 2));
    return _mm256_madd_epi16(pairs, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights + 8 * g)));
  }
  VEDETTE_AVX2 __m256 level(const RowSource& rows, size_t g, __m256 second) const {
    return blend(sums(rows.upper, g), sums(rows.lower, g), second);
  }
};

/// The last step, from grey levels to tensor values; held in registers, because the compiler cannot know that what is
/// written to a tensor leaves a RowColor alone.
struct Finish {
  __m256 scale, bias;
};

VEDETTE_AVX2 inline Finish finish_of(const RowColor& color, int c) {
  return {_mm256_set1_ps(color.scale[c]), _mm256_set1_ps(color.bias[c])};
}

VEDETTE_AVX2 inline __m256 scaled(__m256 level, const Finish& by) {
  return _mm256_add_ps(_mm256_mul_ps(level, by.scale), by.bias);
}

VEDETTE_AVX2 inline void store(float* out, __m256 values, size_t g, int count) {
  const int left = count - static_cast<int>(8 * g);
  if (left >= 8) {
    _mm256_storeu_ps(out + 8 * g, values);
  } else {
    alignas(32) float some[8];
    _mm256_store_ps(some, values);
    std::memcpy(out + 8 * g, some, static_cast<size_t>(left) * sizeof(float));
  }
}

VEDETTE_AVX2 void yuv_row(const RowSource (&planes)[3], const Taps& luma, const Taps& chroma, const RowColor& color,
                          float* const (&out)[3]) {
  const RowSource y_rows = planes[0], u_rows = planes[1], v_rows = planes[2];
  const TapReader luma_reader(luma), chroma_reader(chroma);
  const __m256 luma_second = _mm256_set1_ps(y_rows.second), chroma_second = _mm256_set1_ps(u_rows.second);
  const Finish finish[3] = {finish_of(color, 0), finish_of(color, 1), finish_of(color, 2)};
  float* const to[3] = {out[0], out[1], out[2]};
  const int count = luma.count;
  const size_t groups = luma.first.size() / 8;
  for (size_t g = 0; g < groups; ++g) {
    const __m256 y = _mm256_mul_ps(luma_reader.level(y_rows, g, luma_second), _mm256_set1_ps(color.y));
    const __m256 u = chroma_reader.level(u_rows, g, chroma_second);
    const __m256 v = chroma_reader.level(v_rows, g, chroma_second);
    for (int c = 0; c < 3; ++c) {
      __m256 level = _mm256_add_ps(y, _mm256_set1_ps(color.offset[c]));
      level = _mm256_add_ps(level, _mm256_mul_ps(u, _mm256_set1_ps(color.u[c])));
      level = _mm256_add_ps(level, _mm256_mul_ps(v, _mm256_set1_ps(color.v[c])));
      level = _mm256_min_ps(_mm256_max_ps(level, _mm256_setzero_ps()), _mm256_set1_ps(255.f));
      store(to[c], scaled(level, finish[c]), g, count);
    }
  }
}

/// Pixels k and k+4 of group g, blended: three channels and a zero in each half of the register.
struct BgrGroup {
  const RowSource& pixels;
  const int32_t* first;
  __m256i weights, spread;
  __m256 second;

  VEDETTE_AVX2 __m256i sums_of(const uint8_t* row, int k, __m256i weight) const {
    const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(row + 3 * first[k]));
    const __m128i high = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(row + 3 * first[k + 4]));
    const __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    return _mm256_madd_epi16(_mm256_shuffle_epi8(bytes, spread), weight);
  }
  VEDETTE_AVX2 __m256 two(int k, __m256i weight) const {
    return blend(sums_of(pixels.upper, k, weight), sums_of(pixels.lower, k, weight), second);
  }
  VEDETTE_AVX2 void all(__m256 (&p)[4]) const {
    p[0] = two(0, _mm256_shuffle_epi32(weights, 0x00));
    p[1] = two(1, _mm256_shuffle_epi32(weights, 0x55));
    p[2] = two(2, _mm256_shuffle_epi32(weights, 0xaa));
    p[3] = two(3, _mm256_shuffle_epi32(weights, 0xff));
  }
};

VEDETTE_AVX2 inline BgrGroup bgr_group(const RowSource& pixels, const Taps& taps, size_t g, __m256i spread,
                                       __m256 second) {
  return {pixels, &taps.first[8 * g], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(&taps.weights[8 * g])),
          spread, second};
}

/// Two neighbouring pixels b g r b g r become the word pairs (b, b) (g, g) (r, r) (0, 0), or those of r, g, b.
VEDETTE_AVX2 inline __m256i spread_of(bool reversed) {
  const auto a = static_cast<char>(reversed ? 2 : 0), c = static_cast<char>(reversed ? 0 : 2);
  return _mm256_broadcastsi128_si256(_mm_setr_epi8(a, -128, static_cast<char>(a + 3), -128, 1, -128, 4, -128, c, -128,
                                                   static_cast<char>(c + 3), -128, -128, -128, -128, -128));
}

VEDETTE_AVX2 void bgr_row(const RowSource& pixels, const Taps& taps, const RowColor& color, float* const (&out)[3]) {
  const RowSource rows = pixels;
  float* const to[3] = {out[0], out[1], out[2]};
  const int count = taps.count;
  const __m256 second = _mm256_set1_ps(pixels.second);
  const __m256i spread = spread_of(false);
  const Finish finish[3] = {finish_of(color, 0), finish_of(color, 1), finish_of(color, 2)};
  const size_t groups = taps.first.size() / 8;
  for (size_t g = 0; g < groups; ++g) {
    __m256 p[4];
    bgr_group(rows, taps, g, spread, second).all(p);
    const __m256 bg01 = _mm256_unpacklo_ps(p[0], p[1]), bg23 = _mm256_unpacklo_ps(p[2], p[3]);
    const __m256 r01 = _mm256_unpackhi_ps(p[0], p[1]), r23 = _mm256_unpackhi_ps(p[2], p[3]);
    store(to[0], scaled(_mm256_shuffle_ps(bg01, bg23, 0x44), finish[0]), g, count);
    store(to[1], scaled(_mm256_shuffle_ps(bg01, bg23, 0xee), finish[1]), g, count);
    store(to[2], scaled(_mm256_shuffle_ps(r01, r23, 0x44), finish[2]), g, count);
  }
}

VEDETTE_AVX2 inline __m256 twice(const float (&x)[3]) {
  return _mm256_setr_ps(x[0], x[1], x[2], 0, x[0], x[1], x[2], 0);
}

VEDETTE_AVX2 void bgr_packed_row(const RowSource& pixels, const Taps& taps, const RowColor& color, bool reversed,
                                 float* out) {
  const __m256 second = _mm256_set1_ps(pixels.second);
  const __m256i spread = spread_of(reversed);
  const Finish finish{twice(color.scale), twice(color.bias)};
  const size_t groups = taps.first.size() / 8;
  for (size_t g = 0; g < groups; ++g) {
    __m256 p[4];
    bgr_group(pixels, taps, g, spread, second).all(p);
    // Each store spills one float into the next pixel, which is stored after it; the row's last pixel must not spill.
    const int left = taps.count - static_cast<int>(8 * g);
    float some[25];
    float* to = left > 8 ? out + 24 * g : some;
    for (__m256& quarter : p) quarter = scaled(quarter, finish);
    for (int k = 0; k < 4; ++k) _mm_storeu_ps(to + 3 * k, _mm256_castps256_ps128(p[k]));
    for (int k = 0; k < 4; ++k) _mm_storeu_ps(to + 12 + 3 * k, _mm256_extractf128_ps(p[k], 1));
    if (to == some) std::memcpy(out + 24 * g, some, static_cast<size_t>(left) * 3 * sizeof(float));
  }
}

VEDETTE_AVX2 void gray_row(const RowSource& pixels, const Taps& taps, const RowColor& color, float* const (&out)[3]) {
  const TapReader reader(taps);
  const __m256 second = _mm256_set1_ps(pixels.second);
  const Finish finish[3] = {finish_of(color, 0), finish_of(color, 1), finish_of(color, 2)};
  const size_t groups = taps.first.size() / 8;
  for (size_t g = 0; g < groups; ++g) {
    const __m256 level = reader.level(pixels, g, second);
    for (int c = 0; c < 3; ++c) store(out[c], scaled(level, finish[c]), g, taps.count);
  }
}

void interleave(const float* a, const float* b, const float* c, int count, float* out) {
  int i = 0;
  // Four floats are written for each pixel; the fourth is the next one's first, so the last pixels are left to the loop
  // below.
  for (; i + 4 < count; i += 4) {
    __m128 p0 = _mm_loadu_ps(a + i), p1 = _mm_loadu_ps(b + i), p2 = _mm_loadu_ps(c + i), p3 = _mm_setzero_ps();
    _MM_TRANSPOSE4_PS(p0, p1, p2, p3);
    float* to = out + 3 * static_cast<std::ptrdiff_t>(i);
    _mm_storeu_ps(to, p0);
    _mm_storeu_ps(to + 3, p1);
    _mm_storeu_ps(to + 6, p2);
    _mm_storeu_ps(to + 9, p3);
  }
  portable_kernels().interleave(a + i, b + i, c + i, count - i, out + 3 * static_cast<std::ptrdiff_t>(i));
}

}  // namespace

const RowKernels& best_kernels() {
  static const RowKernels avx2{yuv_row, bgr_row, bgr_packed_row, gray_row, interleave};
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  return has_avx2 ? avx2 : portable_kernels();
}

}  // namespace vedette::infer

#else

namespace vedette::infer {
const RowKernels& best_kernels() { return portable_kernels(); }
}  // namespace vedette::infer

#endif
