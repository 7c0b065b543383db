#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace vedette::infer {

/// The largest of n values; NaN counts as least. Vectorised: a model's scores are mostly below the threshold, so nearly
/// all of a head's time is spent here.
float largest_of(const float* values, size_t n);

/// best[i] = max over the rows r < rows of values[r · stride + i], for i < n.
void largest_of_rows(const float* values, size_t rows, size_t stride, size_t n, float* best);

struct BestClass {
  float score;
  int class_id;
};

/// The best class of one anchor, the first of equals. Class c lies at scores[c · stride]. Empty `wanted`: of all
/// `classes`.
inline BestClass best_class(const float* scores, size_t stride, size_t classes, std::span<const int> wanted) {
  BestClass best{-1, 0};
  const auto consider = [&](size_t c) {
    if (scores[c * stride] > best.score) best = {scores[c * stride], static_cast<int>(c)};
  };
  if (wanted.empty()) {
    for (size_t c = 0; c < classes; ++c) consider(c);
  } else {
    for (const int c : wanted)
      if (static_cast<size_t>(c) < classes) consider(static_cast<size_t>(c));
  }
  return best;
}

/// Calls visit(anchor, BestClass) for every anchor whose best class reaches `score`. Anchor a's class c lies at
/// scores[a · stride + c].
template <typename Visit>
void visit_rows(const float* scores, size_t anchors, size_t stride, size_t classes, float score,
                std::span<const int> wanted, Visit&& visit) {
  for (size_t a = 0; a < anchors; ++a) {
    const float* row = scores + a * stride;
    if (wanted.empty() && !(largest_of(row, classes) >= score)) continue;
    const BestClass best = best_class(row, 1, classes, wanted);
    if (best.score >= score) visit(a, best);
  }
}

/// Likewise where anchor a's class c lies at scores[c · stride + a].
template <typename Visit>
void visit_columns(const float* scores, size_t anchors, size_t stride, size_t classes, float score,
                   std::span<const int> wanted, Visit&& visit) {
  constexpr size_t kBlock = 512;  // its maxima stay in the first-level cache
  float best[kBlock];
  for (size_t begin = 0; begin < anchors; begin += kBlock) {
    const size_t n = std::min(kBlock, anchors - begin);
    const float* block = scores + begin;
    if (wanted.size() == 1 && static_cast<size_t>(wanted[0]) < classes) {
      std::copy_n(block + static_cast<size_t>(wanted[0]) * stride, n, best);
    } else {
      largest_of_rows(block, classes, stride, n, best);
    }
    for (size_t i = 0; i < n; ++i) {
      if (!(best[i] >= score)) continue;
      const BestClass found = best_class(block + i, stride, classes, wanted);
      if (found.score >= score) visit(begin + i, found);
    }
  }
}

}  // namespace vedette::infer
