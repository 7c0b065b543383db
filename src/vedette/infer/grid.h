#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "vedette/base/settings.h"
#include "vedette/infer/model_card.h"

namespace vedette::infer {

/// The cells of one feature map: row by row, `stride` input pixels apart.
struct Grid {
  int stride = 1;
  size_t columns = 0, rows = 0;

  static Grid of(const InputSpec& input, int stride) {
    const auto cells = [&](int pixels) { return static_cast<size_t>((pixels + stride - 1) / stride); };
    return {stride, cells(input.width), cells(input.height)};
  }
  size_t cells() const { return columns * rows; }
};

/// The setting `strides`, a list of whole numbers.
void strides_field(Fields& f, std::vector<int>& strides);

}  // namespace vedette::infer
