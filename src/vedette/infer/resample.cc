#include "vedette/infer/resample.h"

#include <algorithm>
#include <cmath>

namespace vedette::infer {
namespace {

float sum(const uint8_t* row, int at, int step, uint32_t weights) {
  return static_cast<float>(row[at] * static_cast<int>(weights & 0xffff) +
                            row[at + step] * static_cast<int>(weights >> 16));
}

float blend(const RowSource& rows, int at, int step, uint32_t weights) {
  const float upper = sum(rows.upper, at, step, weights);
  const float lower = sum(rows.lower, at, step, weights);
  return upper + (lower - upper) * rows.second;
}

void yuv_row(const RowSource (&planes)[3], const Taps& luma, const Taps& chroma, const RowColor& color,
             float* const (&out)[3]) {
  for (int i = 0; i < luma.count; ++i) {
    const auto n = static_cast<size_t>(i);
    const float y = blend(planes[0], luma.first[n], 1, luma.weights[n]) * color.y;
    const float u = blend(planes[1], chroma.first[n], 1, chroma.weights[n]);
    const float v = blend(planes[2], chroma.first[n], 1, chroma.weights[n]);
    for (int c = 0; c < 3; ++c) {
      const float level = ((y + color.offset[c]) + u * color.u[c]) + v * color.v[c];
      out[c][i] = std::min(std::max(level, 0.f), 255.f) * color.scale[c] + color.bias[c];
    }
  }
}

void bgr_row(const RowSource& pixels, const Taps& taps, const RowColor& color, float* const (&out)[3]) {
  for (int i = 0; i < taps.count; ++i) {
    const auto n = static_cast<size_t>(i);
    for (int c = 0; c < 3; ++c)
      out[c][i] = blend(pixels, taps.first[n] * 3 + c, 3, taps.weights[n]) * color.scale[c] + color.bias[c];
  }
}

void bgr_packed_row(const RowSource& pixels, const Taps& taps, const RowColor& color, bool reversed, float* out) {
  for (int i = 0; i < taps.count; ++i, out += 3) {
    const auto n = static_cast<size_t>(i);
    for (int c = 0; c < 3; ++c) {
      const int from = taps.first[n] * 3 + (reversed ? 2 - c : c);
      out[c] = blend(pixels, from, 3, taps.weights[n]) * color.scale[c] + color.bias[c];
    }
  }
}

void gray_row(const RowSource& pixels, const Taps& taps, const RowColor& color, float* const (&out)[3]) {
  for (int i = 0; i < taps.count; ++i) {
    const auto n = static_cast<size_t>(i);
    const float level = blend(pixels, taps.first[n], 1, taps.weights[n]);
    for (int c = 0; c < 3; ++c) out[c][i] = level * color.scale[c] + color.bias[c];
  }
}

void interleave(const float* a, const float* b, const float* c, int count, float* out) {
  for (int i = 0; i < count; ++i, out += 3) {
    out[0] = a[i];
    out[1] = b[i];
    out[2] = c[i];
  }
}

/// Whether 16 bytes span each run of `outputs` neighbours.
bool window_spans(const Taps& taps, size_t outputs) {
  for (size_t i = 0; i < taps.first.size(); i += outputs)
    if (taps.first[i + outputs - 1] + 1 - taps.first[i] > 15) return false;
  return true;
}

void find_windows(Taps& taps) {
  while (!window_spans(taps, 4 / taps.passes)) taps.passes *= 2;
  const size_t outputs = 4 / taps.passes;
  for (size_t group = 0; group < taps.first.size(); group += 8)
    for (size_t pass = 0; pass < taps.passes; ++pass)
      for (const size_t half : {group, group + 4}) {
        const int base = taps.first[half + pass * outputs];
        taps.base.push_back(base);
        for (size_t k = 0; k < 4; ++k) {
          const bool served = k / outputs == pass;
          const int at = taps.first[half + k] - base;
          for (const int byte : {served ? at : 0x80, 0x80, served ? at + 1 : 0x80, 0x80})
            taps.shuffle.push_back(static_cast<uint8_t>(byte));
        }
      }
}

}  // namespace

Taps Taps::make(int from, int count, int chroma_of) {
  Taps taps;
  taps.count = count;
  const double whole = chroma_of > 0 ? chroma_of : from;
  for (int i = 0; i < count; ++i) {
    double at = std::clamp((i + 0.5) * whole / count - 0.5, 0.0, whole - 1);
    if (chroma_of > 0) at = std::clamp((at + 0.5) / 2 - 0.5, 0.0, from - 1.0);
    // first+1 must be a sample too, wherever there are two.
    const int first = std::min(static_cast<int>(at), std::max(0, from - 2));
    const int weight = static_cast<int>(std::lround((at - first) * kTapOne));
    taps.first.push_back(first);
    taps.second.push_back(static_cast<float>(at - first));
    taps.weights.push_back(static_cast<uint32_t>(kTapOne - weight) | static_cast<uint32_t>(weight) << 16);
  }
  while (taps.first.size() % 8 != 0) {
    taps.first.push_back(taps.first.back());
    taps.weights.push_back(0);
  }
  find_windows(taps);
  return taps;
}

const RowKernels& portable_kernels() {
  static const RowKernels kernels{yuv_row, bgr_row, bgr_packed_row, gray_row, interleave};
  return kernels;
}

}  // namespace vedette::infer
