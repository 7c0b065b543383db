#include "vedette/infer/scan.h"

#include <cstring>
#include <limits>

namespace vedette::infer {
namespace {

// Four lanes are what every 64-bit processor has; the loops below are bound by memory, wider ones gain nothing.
using Lanes = float __attribute__((vector_size(16)));

inline Lanes load(const float* at) {
  Lanes lanes;
  std::memcpy(&lanes, at, sizeof lanes);
  return lanes;
}

inline Lanes larger(Lanes a, Lanes b) { return a > b ? a : b; }

}  // namespace

float largest_of(const float* values, size_t n) {
  constexpr float kLeast = -std::numeric_limits<float>::infinity();
  const Lanes least{kLeast, kLeast, kLeast, kLeast};
  Lanes a = least, b = least, c = least, d = least;
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    a = larger(load(values + i), a);
    b = larger(load(values + i + 4), b);
    c = larger(load(values + i + 8), c);
    d = larger(load(values + i + 12), d);
  }
  const Lanes all = larger(larger(a, b), larger(c, d));
  float best = std::max(std::max(all[0], all[1]), std::max(all[2], all[3]));
  for (; i < n; ++i) best = values[i] > best ? values[i] : best;
  return best;
}

void largest_of_rows(const float* values, size_t rows, size_t stride, size_t n, float* best) {
  std::fill_n(best, n, -std::numeric_limits<float>::infinity());
  for (size_t r = 0; r < rows; ++r) {
    const float* row = values + r * stride;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
      const Lanes lanes = larger(load(row + i), load(best + i));
      std::memcpy(best + i, &lanes, sizeof lanes);
    }
    for (; i < n; ++i) best[i] = row[i] > best[i] ? row[i] : best[i];
  }
}

}  // namespace vedette::infer
