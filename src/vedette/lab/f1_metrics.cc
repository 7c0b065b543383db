#include <algorithm>
#include <limits>

#include "vedette/lab/detection_match.h"
#include "vedette/lab/detection_metrics.h"

namespace vedette::lab {
namespace {

Agreement agreement(double threshold, size_t hits, size_t wrong, size_t truth_boxes) {
  Agreement a{threshold, 0, 0, 0, hits, wrong, truth_boxes - hits};
  const auto h = static_cast<double>(hits);
  if (hits + wrong > 0) a.precision = h / static_cast<double>(hits + wrong);
  if (truth_boxes > 0) a.recall = h / static_cast<double>(truth_boxes);
  if (hits + wrong + truth_boxes > 0) a.f1 = 2 * h / static_cast<double>(hits + wrong + truth_boxes);
  return a;
}

}  // namespace

F1Metrics f1_metrics(const DetectionData& data, double least_iou, double score) {
  // Boxes are paired by falling score, so leaving out those below a threshold changes no pair above it: one pass serves
  // all.
  std::vector<std::pair<double, Verdict>> boxes;
  size_t truth_boxes = 0;
  for (const auto& cells : cells_by_category(data)) {
    for (const DetectionCell& cell : cells) {
      const CellVerdicts verdicts = judge(cell, least_iou, AreaRange{}, std::numeric_limits<size_t>::max());
      truth_boxes += verdicts.truth_boxes;
      for (size_t i = 0; i < verdicts.found.size(); ++i) boxes.emplace_back(cell.found[i]->score, verdicts.found[i]);
    }
  }
  std::stable_sort(boxes.begin(), boxes.end(), [](const auto& a, const auto& b) { return a.first > b.first; });

  F1Metrics m{agreement(score, 0, 0, truth_boxes), agreement(1, 0, 0, truth_boxes)};
  size_t hits = 0, wrong = 0;
  for (size_t i = 0; i < boxes.size(); ++i) {
    hits += boxes[i].second == Verdict::kTrue;
    wrong += boxes[i].second == Verdict::kFalse;
    if (i + 1 < boxes.size() && boxes[i + 1].first == boxes[i].first) continue;
    const Agreement here = agreement(boxes[i].first, hits, wrong, truth_boxes);
    if (here.f1 > m.best.f1) m.best = here;
    if (boxes[i].first >= score) m.at_score = agreement(score, hits, wrong, truth_boxes);
  }
  return m;
}

}  // namespace vedette::lab
