#include <fmt/format.h>

#include <array>
#include <cmath>

#include "vedette/infer/grid.h"
#include "vedette/infer/head.h"
#include "vedette/infer/scan.h"

namespace vedette::infer {
namespace {

constexpr size_t kMostBins = 64;

/// NanoDet and others of the Generalized Focal Loss family (Li et al. 2020, §3): for each stride one output of class
/// scores [cells, classes], already sigmoid, and one of [cells, 4·(reg_max+1)] logits, a distribution over the distance
/// from the cell's centre to each side (left, top, right, bottom) in strides.
class NanodetHead final : public DetectionHead {
 public:
  std::vector<int> strides{8, 16, 32};
  int reg_max = 10;

  void fields(Fields& f) override {
    DetectionHead::fields(f);
    strides_field(f, strides);
    f.whole("reg_max", reg_max, "largest distance to a side, in strides", {1, kMostBins - 1});
  }
  std::unique_ptr<const BoxDecoder> bind(const HeadContext& context) const override;
};

struct Level {
  size_t scores, boxes;  ///< indices of outputs
  Grid grid;
};

class NanodetDecoder final : public BoxDecoder {
 public:
  NanodetDecoder(std::vector<Level> levels, size_t classes, size_t bins)
      : levels_(std::move(levels)), classes_(classes), bins_(bins) {}

  void decode(OutputData outputs, const DecodeRequest& request, std::vector<Candidate>& candidates) const override {
    for (const Level& level : levels_) {
      const auto add = [&](size_t cell, BestClass best) {
        const float* sides = outputs[level.boxes] + cell * 4 * bins_;
        const auto stride = static_cast<float>(level.grid.stride);
        const size_t row = cell / level.grid.columns, column = cell % level.grid.columns;
        const float x = (static_cast<float>(column) + 0.5f) * stride;
        const float y = (static_cast<float>(row) + 0.5f) * stride;
        candidates.push_back({x - distance(sides) * stride, y - distance(sides + bins_) * stride,
                              x + distance(sides + 2 * bins_) * stride, y + distance(sides + 3 * bins_) * stride,
                              best.score, best.class_id});
      };
      visit_rows(outputs[level.scores], level.grid.cells(), classes_, classes_, request.score, request.class_ids, add);
    }
  }

 private:
  /// Mean of the softmax distribution over 0 … bins−1.
  float distance(const float* logits) const {
    const float top = largest_of(logits, bins_);
    float total = 0, weighted = 0;
    for (size_t i = 0; i < bins_; ++i) {
      const float weight = std::exp(logits[i] - top);
      total += weight;
      weighted += weight * static_cast<float>(i);
    }
    return weighted / total;
  }

  std::vector<Level> levels_;
  size_t classes_, bins_;
};

std::unique_ptr<const BoxDecoder> NanodetHead::bind(const HeadContext& context) const {
  const size_t bins = static_cast<size_t>(reg_max) + 1;
  size_t classes = context.classes();
  std::vector<bool> used(context.outputs.size());
  std::vector<Level> levels;
  for (const int stride : strides) {
    const Grid grid = Grid::of(context.card.input, stride);
    // Outputs are told apart by shape, not by name, which differs from one conversion to the next.
    const auto take = [&](size_t width, const char* what) {
      for (size_t i = 0; i < context.outputs.size(); ++i) {
        const auto& shape = context.outputs[i].shape;
        if (used[i] || shape.size() != 2 || shape[0] != static_cast<int64_t>(grid.cells())) continue;
        if (width != 0 ? shape[1] != static_cast<int64_t>(width) : shape[1] == static_cast<int64_t>(4 * bins)) continue;
        used[i] = true;
        return i;
      }
      const std::string columns = width != 0 ? std::to_string(width) : std::string("classes");
      context.reject(
          fmt::format("for stride {} an output of {} with shape [{}, {}]", stride, what, grid.cells(), columns));
    };
    Level level{take(classes, "class scores"), take(4 * bins, "box distributions"), grid};
    if (classes == 0) classes = static_cast<size_t>(context.outputs[level.scores].shape[1]);
    levels.push_back(level);
  }
  return std::make_unique<NanodetDecoder>(std::move(levels), classes, bins);
}

VEDETTE_HEAD(NanodetHead, "nanodet");

}  // namespace
}  // namespace vedette::infer
