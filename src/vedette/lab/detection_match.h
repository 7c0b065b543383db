#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "vedette/lab/detection_data.h"

namespace vedette::lab {

/// Truth and found boxes of one image and category.
struct DetectionCell {
  std::vector<const TruthBox*> truth;
  std::vector<const FoundBox*> found;  ///< by falling score; among equals in file order
  std::vector<double>
      overlap;         ///< found.size() rows of truth.size(); over the found box's area where the truth is a crowd

  double iou(size_t found_row, size_t truth_column) const { return overlap[found_row * truth.size() + truth_column]; }
};

/// The cells of all categories, each category's by ascending image, those without any box left out.
std::vector<std::vector<DetectionCell>> cells_by_category(const DetectionData& data);

/// Truth areas that count, inclusive.
struct AreaRange {
  double least = 0;
  double most = 1e10;
};

enum class Verdict : unsigned char { kTrue, kFalse, kIgnored };

struct CellVerdicts {
  std::vector<Verdict> found;  ///< of each found box
  size_t truth_boxes = 0;      ///< that count
};

/// COCO's matching (pycocotools, COCOeval.evaluateImg) at one overlap. Looks at the first `most` found boxes.
CellVerdicts judge(const DetectionCell& cell, double least_iou, AreaRange area, size_t most);

}  // namespace vedette::lab
