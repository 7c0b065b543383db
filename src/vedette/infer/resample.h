#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vedette::infer {

/// Largest weight of a horizontal tap: the two weights of a pixel add up to it. Sums of two taps stay below 2^24, so
/// they are exact in a float.
constexpr int kTapOne = 32767;

/// Where each output sample of an axis reads: between samples first[i] and first[i]+1, the second with weight
/// second_weight. Columns are padded to whole groups of 8 by repeating the last with weights of 0.
struct Taps {
  int count = 0;
  std::vector<int32_t> first;
  std::vector<uint32_t> weights;  ///< horizontal: low 16 bits weight of the first sample, high 16 bits of the second
  std::vector<float> second;      ///< vertical: weight of the second sample, 0 … 1

  /// Vector code gathers the samples of 8 outputs in `passes` steps of two 16-byte windows, one for either half of the
  /// outputs: a window serves 4, 2 or 1 neighbouring outputs, as many as it spans everywhere on the axis. For each
  /// window, in the order read: where it begins, always at a sample that is read anyway, and which of its bytes go
  /// where in its half (16 entries as of pshufb, 0x80 for none; the passes fill different places).
  size_t passes = 1;
  std::vector<int32_t> base;
  std::vector<uint8_t> shuffle;

  /// Bilinear taps from `from` samples to `count`, pixel centres at half coordinates, edges repeated. `chroma_of` > 0:
  /// the axis is the half-size chroma of a luma axis of that many samples, sited between two luma samples.
  static Taps make(int from, int count, int chroma_of = 0);
};

/// One output row: up to three source planes, each with the two rows to blend and the weight of the second.
struct RowSource {
  const uint8_t* upper = nullptr;
  const uint8_t* lower = nullptr;
  float second = 0;
};

/// From sums of taps (grey level · kTapOne) to tensor values.
struct RowColor {
  // value[c] = level[c] · scale[c] + bias[c], in the order the output rows are given
  float scale[3];
  float bias[3];
  // YUV only: level = clamp(y·Y + u[c]·U + v[c]·V + offset[c], 0, 255) for c = red, green, blue
  float y = 0;
  float u[3] = {0, 0, 0};
  float v[3] = {0, 0, 0};
  float offset[3] = {0, 0, 0};
};

/// The inner loops. out[c] takes Taps::count floats; for YUV c counts red, green, blue, for BGR blue, green, red.
struct RowKernels {
  void (*yuv)(const RowSource (&planes)[3], const Taps& luma, const Taps& chroma, const RowColor&,
              float* const (&out)[3]);
  void (*bgr)(const RowSource& pixels, const Taps&, const RowColor&, float* const (&out)[3]);
  /// As bgr, with the channels of each pixel side by side: reversed: red, green, blue. Writes out[0][0 … 3·count−1];
  /// scale and bias are in the order of the channels written.
  void (*bgr_packed)(const RowSource& pixels, const Taps&, const RowColor&, bool reversed, float* out);
  void (*gray)(const RowSource& pixels, const Taps&, const RowColor&, float* const (&out)[3]);
  /// out[3i …] = a[i], b[i], c[i].
  void (*interleave)(const float* a, const float* b, const float* c, int count, float* out);
};

const RowKernels& portable_kernels();
/// The fastest that this processor can run. All give the same bits.
const RowKernels& best_kernels();

}  // namespace vedette::infer
