#include <cmath>

#include "vedette/infer/grid.h"
#include "vedette/infer/head.h"
#include "vedette/infer/objectness.h"

namespace vedette::infer {
namespace {

/// YOLOX (Ge et al. 2021) as its authors export it: one output [cells of all strides, 5 + classes]. Centre = (xy +
/// cell) · stride, size = exp(wh) · stride; objectness and class scores are already sigmoid.
class YoloxHead final : public DetectionHead {
 public:
  std::vector<int> strides{8, 16, 32};

  void fields(Fields& f) override {
    DetectionHead::fields(f);
    strides_field(f, strides);
  }
  std::unique_ptr<const BoxDecoder> bind(const HeadContext& context) const override;
};

class YoloxDecoder final : public BoxDecoder {
 public:
  struct Cell {
    float column, row, stride;
  };
  YoloxDecoder(std::vector<Cell> cells, size_t classes) : cells_(std::move(cells)), classes_(classes) {}

  void decode(OutputData outputs, const DecodeRequest& request, std::vector<Candidate>& candidates) const override {
    visit_objectness(
        outputs[0], cells_.size(), classes_, request, [&](size_t anchor, const float* row, BestClass best) {
          const Cell& cell = cells_[anchor];
          const float x = (row[0] + cell.column) * cell.stride, y = (row[1] + cell.row) * cell.stride;
          const float half_width = std::exp(row[2]) * cell.stride / 2, half_height = std::exp(row[3]) * cell.stride / 2;
          candidates.push_back(
              {x - half_width, y - half_height, x + half_width, y + half_height, best.score, best.class_id});
        });
  }

 private:
  std::vector<Cell> cells_;
  size_t classes_;
};

std::unique_ptr<const BoxDecoder> YoloxHead::bind(const HeadContext& context) const {
  std::vector<YoloxDecoder::Cell> cells;
  for (const int stride : strides) {
    const Grid grid = Grid::of(context.card.input, stride);
    for (size_t i = 0; i < grid.cells(); ++i) {
      const size_t row = i / grid.columns, column = i % grid.columns;
      cells.push_back({static_cast<float>(column), static_cast<float>(row), static_cast<float>(stride)});
    }
  }
  const auto shape = objectness_shape(context, cells.size());
  return std::make_unique<YoloxDecoder>(std::move(cells), shape.classes);
}

VEDETTE_HEAD(YoloxHead, "yolox");

}  // namespace
}  // namespace vedette::infer
