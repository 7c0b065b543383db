#include "vedette/infer/head.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "vedette/base/error.h"

namespace vedette::infer {
namespace {

std::map<std::string, HeadFactory, std::less<>>& registry() {
  static std::map<std::string, HeadFactory, std::less<>> heads;
  return heads;
}

}  // namespace

std::string shape_text(std::span<const int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

void HeadContext::reject(const OutputSpec& output, const std::string& expected) const {
  throw Error(ErrorCode::kInvalidData,
              fmt::format("model card '{}': output '{}' has shape {} per picture, but head '{}' expects {}", card.name,
                          output.name, shape_text(output.shape), card.head_type, expected),
              "the card's head, labels or input size do not belong to this file");
}

void HeadContext::reject(const std::string& expected) const {
  std::vector<std::string> seen;
  for (const auto& output : outputs) seen.push_back(output.name + " " + shape_text(output.shape));
  throw Error(ErrorCode::kInvalidData,
              fmt::format("model card '{}': the outputs are {} per picture, but head '{}' expects {}", card.name,
                          fmt::join(seen, ", "), card.head_type, expected),
              "the card's head, labels or input size do not belong to this file");
}

void DetectionHead::fields(Fields& f) {
  f.number("score", score, "default for the least score of an object", {0, 1});
  f.number("nms_iou", nms_iou, "default for the overlap at which the worse of two boxes goes", {0, 1});
  f.flag("class_agnostic", class_agnostic, "boxes suppress those of other classes too");
}

size_t VectorHead::bind(const HeadContext& context) const {
  if (context.outputs.size() != 1) context.reject("one output");
  int64_t size = 1;
  for (const int64_t side : context.outputs[0].shape) size *= side;
  if (size < 1) context.reject(context.outputs[0], "a vector");
  const bool vector = size == *std::max_element(context.outputs[0].shape.begin(), context.outputs[0].shape.end());
  if (!vector) context.reject(context.outputs[0], "a vector");
  return static_cast<size_t>(size);
}

void register_head(std::string_view type, HeadFactory factory) {
  VEDETTE_ASSERT(registry().emplace(type, std::move(factory)).second);
}

std::shared_ptr<Head> make_head(std::string_view type) {
  const auto found = registry().find(type);
  return found == registry().end() ? nullptr : found->second();
}

std::vector<std::string> head_types() {
  std::vector<std::string> types;
  for (const auto& [type, factory] : registry()) types.push_back(type);
  return types;
}

}  // namespace vedette::infer
