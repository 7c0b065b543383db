#include "vedette/infer/objectness.h"

#include <fmt/format.h>

namespace vedette::infer {

ObjectnessShape objectness_shape(const HeadContext& context, size_t anchors) {
  const size_t classes = context.classes();
  const std::string expected = fmt::format("[{}, {}]", anchors != 0 ? std::to_string(anchors) : "anchors",
                                           classes != 0 ? std::to_string(5 + classes) : "5 + classes");
  if (context.outputs.size() != 1) context.reject("one output " + expected);
  const OutputSpec& output = context.outputs[0];
  if (output.shape.size() != 2) context.reject(output, expected);
  const auto rows = static_cast<size_t>(output.shape[0]), width = static_cast<size_t>(output.shape[1]);
  if (width < 6 || (classes != 0 && width != 5 + classes) || (anchors != 0 && rows != anchors))
    context.reject(output, expected);
  return {rows, width - 5};
}

}  // namespace vedette::infer
