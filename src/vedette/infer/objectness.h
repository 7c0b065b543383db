#pragma once

#include <cstddef>

#include "vedette/infer/head.h"
#include "vedette/infer/scan.h"

namespace vedette::infer {

/// What heads with one output [anchors, 4 box values + objectness + classes] share.
struct ObjectnessShape {
  size_t anchors, classes;
};

/// Reads the shape off the model's only output. Throws Error(kInvalidData) through `context`; `anchors` 0: any number.
ObjectnessShape objectness_shape(const HeadContext& context, size_t anchors = 0);

/// Calls visit(anchor, row, BestClass) for anchors whose objectness · best class score reaches the request's score.
template <typename Visit>
void visit_objectness(const float* data, size_t anchors, size_t classes, const DecodeRequest& request, Visit&& visit) {
  const size_t width = 5 + classes;
  for (size_t a = 0; a < anchors; ++a) {
    const float* row = data + a * width;
    if (!(row[4] >= request.score)) continue;  // a class score is at most 1
    BestClass best = best_class(row + 5, 1, classes, request.class_ids);
    best.score *= row[4];
    if (best.score >= request.score) visit(a, row, best);
  }
}

}  // namespace vedette::infer
