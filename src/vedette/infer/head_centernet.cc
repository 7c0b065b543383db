#include <fmt/format.h>

#include <array>
#include <cmath>

#include "vedette/infer/head.h"

namespace vedette::infer {
namespace {

/// CenterNet (Zhou et al. 2019, §4): outputs [classes, rows, columns] of centre scores, [2, rows, columns] of widths
/// and heights, and, where there is a third, [2, rows, columns] of centre offsets x, y; all in cells. An object is a
/// cell whose score is the largest of its 3×3 neighbourhood, so little is left for suppression.
class CenterNetHead final : public DetectionHead {
 public:
  bool sigmoid = true;

  void fields(Fields& f) override {
    DetectionHead::fields(f);
    f.flag("sigmoid", sigmoid, "the centre scores still need a sigmoid");
  }
  std::unique_ptr<const BoxDecoder> bind(const HeadContext& context) const override;
};

class CenterNetDecoder final : public BoxDecoder {
 public:
  size_t scores = 0, sizes = 0;  ///< indices of outputs
  size_t offsets = SIZE_MAX;     ///< SIZE_MAX: there is none
  size_t classes = 0, rows = 0, columns = 0;
  float cell_width = 0, cell_height = 0;
  bool sigmoid = false;

  void decode(OutputData outputs, const DecodeRequest& request, std::vector<Candidate>& candidates) const override {
    const float least = sigmoid ? std::log(request.score / (1 - request.score)) : request.score;
    const auto one = [&](size_t c) {
      const float* map = outputs[scores] + c * rows * columns;
      for (size_t y = 0; y < rows; ++y)
        for (size_t x = 0; x < columns; ++x)
          if (map[y * columns + x] >= least && is_peak(map, x, y))
            candidates.push_back(box(outputs, x, y, map[y * columns + x], static_cast<int>(c)));
    };
    if (request.class_ids.empty()) {
      for (size_t c = 0; c < classes; ++c) one(c);
    } else {
      for (const int c : request.class_ids)
        if (static_cast<size_t>(c) < classes) one(static_cast<size_t>(c));
    }
  }

 private:
  bool is_peak(const float* map, size_t x, size_t y) const {
    const float here = map[y * columns + x];
    for (size_t v = y > 0 ? y - 1 : 0; v <= std::min(y + 1, rows - 1); ++v)
      for (size_t u = x > 0 ? x - 1 : 0; u <= std::min(x + 1, columns - 1); ++u)
        if (map[v * columns + u] > here) return false;
    return true;
  }

  Candidate box(OutputData outputs, size_t x, size_t y, float score, int class_id) const {
    const size_t cell = y * columns + x, cells = rows * columns;
    const float dx = offsets == SIZE_MAX ? 0 : outputs[offsets][cell],
                dy = offsets == SIZE_MAX ? 0 : outputs[offsets][cells + cell];
    const float center_x = (static_cast<float>(x) + dx) * cell_width,
                center_y = (static_cast<float>(y) + dy) * cell_height;
    const float half_width = outputs[sizes][cell] * cell_width / 2,
                half_height = outputs[sizes][cells + cell] * cell_height / 2;
    return {center_x - half_width,
            center_y - half_height,
            center_x + half_width,
            center_y + half_height,
            sigmoid ? 1 / (1 + std::exp(-score)) : score,
            class_id};
  }
};

std::unique_ptr<const BoxDecoder> CenterNetHead::bind(const HeadContext& context) const {
  const std::string expected =
      "centre scores [classes, rows, columns], sizes [2, rows, columns] and perhaps offsets alike";
  const auto& outputs = context.outputs;
  if (outputs.size() != 2 && outputs.size() != 3) context.reject(expected);
  auto decoder = std::make_unique<CenterNetDecoder>();
  // With two classes or fewer shapes tell nothing; then the usual order of scores, sizes, offsets is trusted.
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].shape.size() != 3) context.reject(outputs[i], expected);
    if (outputs[i].shape[0] != 2) decoder->scores = i;
  }
  std::vector<size_t> pairs;
  for (size_t i = 0; i < outputs.size(); ++i)
    if (i != decoder->scores) pairs.push_back(i);
  const auto& shape = outputs[decoder->scores].shape;
  for (const size_t i : pairs)
    if (outputs[i].shape != std::vector<int64_t>{2, shape[1], shape[2]}) context.reject(outputs[i], expected);
  decoder->sizes = pairs[0];
  if (pairs.size() > 1) decoder->offsets = pairs[1];
  decoder->classes = static_cast<size_t>(shape[0]);
  if (context.classes() != 0 && context.classes() != decoder->classes)
    context.reject(outputs[decoder->scores], fmt::format("[{}, rows, columns]", context.classes()));
  decoder->rows = static_cast<size_t>(shape[1]);
  decoder->columns = static_cast<size_t>(shape[2]);
  decoder->cell_width = static_cast<float>(context.card.input.width) / static_cast<float>(shape[2]);
  decoder->cell_height = static_cast<float>(context.card.input.height) / static_cast<float>(shape[1]);
  decoder->sigmoid = sigmoid;
  return decoder;
}

VEDETTE_HEAD(CenterNetHead, "centernet");

}  // namespace
}  // namespace vedette::infer
