#include <fmt/format.h>

#include "vedette/infer/head.h"
#include "vedette/infer/scan.h"

namespace vedette::infer {
namespace {

/// YOLOv8, YOLO11 and others without an objectness score: one output [4 + classes, anchors] (or transposed), with
/// centre x, centre y, width and height in input pixels and class scores that are already sigmoid.
class YoloV8Head final : public DetectionHead {
 public:
  std::unique_ptr<const BoxDecoder> bind(const HeadContext& context) const override;
};

class YoloV8Decoder final : public BoxDecoder {
 public:
  YoloV8Decoder(size_t anchors, size_t classes, bool transposed)
      : anchors_(anchors), classes_(classes), transposed_(transposed) {}

  void decode(OutputData outputs, const DecodeRequest& request, std::vector<Candidate>& candidates) const override {
    const float* data = outputs[0];
    const size_t width = 4 + classes_;
    const auto add = [&](size_t anchor, BestClass best) {
      const auto value = [&](size_t i) { return transposed_ ? data[anchor * width + i] : data[i * anchors_ + anchor]; };
      const float x = value(0), y = value(1), half_width = value(2) / 2, half_height = value(3) / 2;
      candidates.push_back(
          {x - half_width, y - half_height, x + half_width, y + half_height, best.score, best.class_id});
    };
    if (transposed_) {
      visit_rows(data + 4, anchors_, width, classes_, request.score, request.class_ids, add);
    } else {
      visit_columns(data + 4 * anchors_, anchors_, anchors_, classes_, request.score, request.class_ids, add);
    }
  }

 private:
  size_t anchors_, classes_;
  bool transposed_;
};

std::unique_ptr<const BoxDecoder> YoloV8Head::bind(const HeadContext& context) const {
  const std::string columns = context.classes() != 0 ? std::to_string(context.classes() + 4) : "4 + classes";
  const std::string expected = fmt::format("[{}, anchors] or [anchors, {}]", columns, columns);
  if (context.outputs.size() != 1) context.reject("one output " + expected);
  const OutputSpec& output = context.outputs[0];
  if (output.shape.size() != 2) context.reject(output, expected);
  const auto first = static_cast<size_t>(output.shape[0]), second = static_cast<size_t>(output.shape[1]);
  // Without labels the shorter side is taken for the classes: anchors are counted in thousands.
  const size_t width = context.classes() != 0 ? context.classes() + 4 : std::min(first, second);
  if ((first != width && second != width) || width < 5) context.reject(output, expected);
  const bool transposed = first != width;
  return std::make_unique<YoloV8Decoder>(transposed ? first : second, width - 4, transposed);
}

VEDETTE_HEAD(YoloV8Head, "yolov8");

}  // namespace
}  // namespace vedette::infer
