#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vedette/infer/head.h"
#include "vedette/infer/scan.h"

namespace vedette::infer {
namespace {

/// COCO numbers its categories 1 … 90 and leaves these out.
constexpr std::array<int, 10> kUnusedCoco{12, 26, 29, 30, 45, 66, 68, 69, 71, 83};

/// SSD as the TensorFlow Object Detection API exports it, without its own suppression: an output [anchors, 4] (or
/// [anchors, 1, 4]) of top, left, bottom, right from 0 to 1, and one [anchors, classes] of scores, already sigmoid.
class SsdHead final : public DetectionHead {
 public:
  bool coco_categories = false;

  void fields(Fields& f) override {
    DetectionHead::fields(f);
    f.flag("coco_categories", coco_categories,
           "score column k means COCO category k+1; the 80 that are used get class numbers from 0 in their order");
  }
  std::unique_ptr<const BoxDecoder> bind(const HeadContext& context) const override;
};

class SsdDecoder final : public BoxDecoder {
 public:
  size_t boxes = 0, scores = 0;  ///< indices of outputs
  size_t anchors = 0, columns = 0;
  float width = 0, height = 0;
  std::vector<int> class_of;     ///< of a column; −1: none. Empty: columns are classes
  std::vector<int> column_of;    ///< of a class

  void decode(OutputData outputs, const DecodeRequest& request, std::vector<Candidate>& candidates) const override {
    std::array<int, 128> wanted_columns{};
    std::span<const int> wanted = request.class_ids;
    if (!class_of.empty() && !wanted.empty()) {
      size_t n = 0;
      for (const int id : wanted)
        if (static_cast<size_t>(id) < column_of.size() && n < wanted_columns.size())
          wanted_columns[n++] = column_of[static_cast<size_t>(id)];
      if (n == 0) return;
      wanted = {wanted_columns.data(), n};
    }
    visit_rows(outputs[scores], anchors, columns, columns, request.score, wanted, [&](size_t anchor, BestClass best) {
      const int id = class_of.empty() ? best.class_id : class_of[static_cast<size_t>(best.class_id)];
      if (id < 0) return;
      const float* box = outputs[boxes] + 4 * anchor;
      candidates.push_back({box[1] * width, box[0] * height, box[3] * width, box[2] * height, best.score, id});
    });
  }
};

std::unique_ptr<const BoxDecoder> SsdHead::bind(const HeadContext& context) const {
  const std::string columns = coco_categories          ? "90"
                              : context.classes() != 0 ? std::to_string(context.classes())
                                                       : "classes";
  const std::string expected = fmt::format("two outputs, boxes [anchors, 4] and scores [anchors, {}]", columns);
  if (context.outputs.size() != 2) context.reject(expected);
  auto decoder = std::make_unique<SsdDecoder>();
  const auto is_boxes = [](const OutputSpec& output) {
    const auto& shape = output.shape;
    return (shape.size() == 2 || (shape.size() == 3 && shape[1] == 1)) && shape.back() == 4;
  };
  decoder->boxes = is_boxes(context.outputs[0]) ? 0 : 1;
  decoder->scores = 1 - decoder->boxes;
  const OutputSpec &boxes = context.outputs[decoder->boxes], &scores = context.outputs[decoder->scores];
  if (!is_boxes(boxes) || scores.shape.size() != 2 || scores.shape[0] != boxes.shape[0]) context.reject(expected);
  decoder->anchors = static_cast<size_t>(boxes.shape[0]);
  decoder->columns = static_cast<size_t>(scores.shape[1]);
  decoder->width = static_cast<float>(context.card.input.width);
  decoder->height = static_cast<float>(context.card.input.height);
  if (coco_categories) {
    if (decoder->columns != 90) context.reject(scores, fmt::format("[{}, 90]", decoder->anchors));
    for (int column = 0; column < 90; ++column) {
      const bool used = std::find(kUnusedCoco.begin(), kUnusedCoco.end(), column + 1) == kUnusedCoco.end();
      decoder->class_of.push_back(used ? static_cast<int>(decoder->column_of.size()) : -1);
      if (used) decoder->column_of.push_back(column);
    }
  } else if (context.classes() != 0 && decoder->columns != context.classes()) {
    context.reject(scores, fmt::format("[{}, {}]", decoder->anchors, context.classes()));
  }
  return decoder;
}

VEDETTE_HEAD(SsdHead, "ssd");

}  // namespace
}  // namespace vedette::infer
