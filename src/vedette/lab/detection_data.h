#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "vedette/lab/mot_file.h"

namespace vedette::lab {

/// A box that is there. Lengths in pixels of its image.
struct TruthBox {
  int64_t image = 0;
  int64_t category = 0;
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
  double area = 0;     ///< decides small, medium, large; of the outline where the truth has one, else of the box
  bool crowd = false;  ///< a region of many: detections in it count neither for nor against
};

/// A box that was found.
struct FoundBox {
  int64_t image = 0;
  int64_t category = 0;
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
  double score = 0;
};

/// What was there and what was found, of all images.
struct DetectionData {
  std::vector<int64_t> images;      ///< ascending
  std::vector<int64_t> categories;  ///< ascending
  std::vector<TruthBox> truth;
  std::vector<FoundBox> found;      ///< only of `images` and `categories`
  size_t dropped = 0;               ///< found boxes of a category the truth does not have
};

/// Reads a truth file and a result file. Truth: COCO instances JSON or MOT text (frames are images, one category; rows
/// of confidence 0 are taken out, see without_ignored). Result: COCO results JSON (a list of {image_id, category_id,
/// bbox, score}) or MOT text, of the truth's kind. The kind is seen from the content. Throws Error(kNotFound |
/// kPermissionDenied | kInvalidData): unreadable, malformed, of different kinds, truth without a box, or a result for
/// an image the COCO truth does not have.
DetectionData load_detection_data(const std::string& truth_path, const std::string& result_path);

/// The same from rows already read.
DetectionData detection_data(std::vector<MotRow> truth, const std::vector<MotRow>& found);

}  // namespace vedette::lab
