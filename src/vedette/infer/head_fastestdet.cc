#include <fmt/format.h>

#include <cmath>

#include "vedette/infer/head.h"
#include "vedette/infer/scan.h"

namespace vedette::infer {
namespace {

/// FastestDet (github.com/dog-qiuqiu/FastestDet): one output [5 + classes, rows, columns] of one feature map:
/// objectness (sigmoid), box offsets x, y (tanh, in cells) and sizes w, h (sigmoid, in inputs), class scores (softmax).
/// Score = objectness^0.6 · class score^0.4.
class FastestDetHead final : public DetectionHead {
 public:
  std::unique_ptr<const BoxDecoder> bind(const HeadContext& context) const override;
};

class FastestDetDecoder final : public BoxDecoder {
 public:
  FastestDetDecoder(size_t rows, size_t columns, size_t classes, const InputSpec& input)
      : rows_(rows),
        columns_(columns),
        classes_(classes),
        width_(static_cast<float>(input.width)),
        height_(static_cast<float>(input.height)) {}

  void decode(OutputData outputs, const DecodeRequest& request, std::vector<Candidate>& candidates) const override {
    const size_t cells = rows_ * columns_;
    const float* data = outputs[0];
    const float least_objectness = std::pow(request.score, 1 / 0.6f) * 0.9999f;  // a class score is at most 1
    for (size_t i = 0; i < cells; ++i) {
      if (!(data[i] >= least_objectness)) continue;
      BestClass best = best_class(data + 5 * cells + i, cells, classes_, request.class_ids);
      if (best.score < 0) continue;
      best.score = std::pow(data[i], 0.6f) * std::pow(best.score, 0.4f);
      if (best.score < request.score) continue;
      const auto offset = [&](size_t c) { return std::tanh(data[c * cells + i]); };
      const auto size = [&](size_t c) { return 1 / (1 + std::exp(-data[c * cells + i])); };
      const size_t row = i / columns_, column = i % columns_;
      const float x = (static_cast<float>(column) + offset(1)) / static_cast<float>(columns_) * width_;
      const float y = (static_cast<float>(row) + offset(2)) / static_cast<float>(rows_) * height_;
      const float half_width = size(3) * width_ / 2, half_height = size(4) * height_ / 2;
      candidates.push_back(
          {x - half_width, y - half_height, x + half_width, y + half_height, best.score, best.class_id});
    }
  }

 private:
  size_t rows_, columns_, classes_;
  float width_, height_;
};

std::unique_ptr<const BoxDecoder> FastestDetHead::bind(const HeadContext& context) const {
  const std::string expected = fmt::format(
      "[{}, rows, columns]", context.classes() != 0 ? std::to_string(5 + context.classes()) : "5 + classes");
  if (context.outputs.size() != 1) context.reject("one output " + expected);
  const OutputSpec& output = context.outputs[0];
  if (output.shape.size() != 3 || output.shape[0] < 6) context.reject(output, expected);
  const auto classes = static_cast<size_t>(output.shape[0]) - 5;
  if (context.classes() != 0 && classes != context.classes()) context.reject(output, expected);
  return std::make_unique<FastestDetDecoder>(static_cast<size_t>(output.shape[1]), static_cast<size_t>(output.shape[2]),
                                             classes, context.card.input);
}

VEDETTE_HEAD(FastestDetHead, "fastestdet");

}  // namespace
}  // namespace vedette::infer
