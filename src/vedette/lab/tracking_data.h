#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vedette/lab/mot_file.h"

namespace vedette::lab {

/// One frame's boxes by dense index of their id, and how they overlap.
struct TrackingFrame {
  std::vector<size_t> truth;    ///< indices below TrackingData::truth_ids
  std::vector<size_t> result;   ///< indices below TrackingData::result_ids
  std::vector<double> overlap;  ///< intersection over union, truth.size() rows of result.size()

  double iou(size_t truth_row, size_t result_column) const {
    return overlap[truth_row * result.size() + result_column];
  }
};

/// Truth and result of one sequence, brought together once for all metrics.
struct TrackingData {
  std::vector<TrackingFrame> frames;  ///< ascending; those in which either side has a box
  size_t truth_ids = 0;
  size_t result_ids = 0;
  size_t truth_boxes = 0;
  size_t result_boxes = 0;
  std::vector<size_t> truth_count;   ///< boxes of each truth id
  std::vector<size_t> result_count;  ///< boxes of each result id
};

/// Truth rows of confidence 0 are taken out (see without_ignored). Throws Error(kInvalidData) when no truth row
/// remains, when an id is missing (−1), or when an id appears twice in a frame; `truth_name` and `result_name` name the
/// files in messages.
TrackingData bring_together(std::vector<MotRow> truth, const std::vector<MotRow>& result, const std::string& truth_name,
                            const std::string& result_name);

}  // namespace vedette::lab
