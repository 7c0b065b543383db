#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vedette/frame/box.h"
#include "vedette/frame/picture.h"

namespace vedette {

/// The names of a model's classes; an object's `class_id` indexes them.
using Labels = std::vector<std::string>;

/// Something seen in a frame.
struct Object {
  Box box;
  int class_id = 0;
  float score = 0;                          ///< 0 … 1
  std::shared_ptr<const Labels> labels;     ///< of the model that found it; null when the classes have no names
  std::optional<int64_t> track_id;          ///< unique within its stream, from 1
  std::shared_ptr<const Picture> crop;      ///< its pixels, when a crop module cut them out
  std::shared_ptr<const std::vector<float>> embedding;              ///< L2-normalised
  std::vector<std::pair<std::string, std::string>> attributes;      ///< "colour" → "red"; small, ordered as added

  /// The class's name, or its number where it has none.
  std::string label() const;
};

}  // namespace vedette
