#pragma once

#include <cstddef>
#include <vector>

#include "vedette/infer/head.h"

namespace vedette::infer {

struct NmsOptions {
  float iou = 0.6f;             ///< of two that overlap more than this the worse one goes
  bool class_agnostic = false;  ///< else only boxes of one class suppress each other
  size_t max_objects = 300;
};

/// Greedy non-maximum suppression in place. Leaves the survivors, best score first; equal scores keep the order they
/// came in. Candidates that are empty or not finite are dropped. At most the 4,096 best of the candidates are looked
/// at.
void suppress(std::vector<Candidate>& candidates, const NmsOptions& options);

}  // namespace vedette::infer
