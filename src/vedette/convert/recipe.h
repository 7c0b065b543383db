#pragma once

#include <string>
#include <vector>

#include "vedette/convert/converter.h"

namespace vedette::convert {

/// What one published model needs to become the ONNX file its card describes, as data: where to cut, what to name,
/// which constants depend on the input's size.
struct Recipe {
  /// A constant [height, width] that is the input's size over `divisor`.
  struct SizeConstant {
    std::string constant;
    int64_t divisor;
  };
  enum class InputLayout { kChannelsFirst, kChannelsLast };

  std::string name;
  std::string input_node;
  InputLayout input_layout;
  std::vector<int64_t> sizes;  ///< allowed input sizes; when empty, multiples of `multiple` up to 4096
  int64_t multiple = 1;
  std::vector<SizeConstant> size_constants;
  std::vector<ConvertOptions::Output> outputs;
};

/// Names of the recipes there are.
std::vector<std::string> recipe_names();

/// Throws Error(kInvalidConfig) with the nearest name for an unknown one.
const Recipe& find_recipe(const std::string& name);

/// Throws Error(kInvalidConfig) when the recipe cannot make an input of size × size pixels.
void check_recipe_size(const Recipe& recipe, int64_t size);

/// Prepares the model for an input of size × size pixels and converts it; bytes of the ONNX file.
/// Throws Error(kInvalidConfig) for a size that the recipe does not allow, Error(kInvalidData) when the model is not
/// the recipe's.
std::string apply_recipe(const Recipe& recipe, TfjsModel model, int64_t size);

}  // namespace vedette::convert
