#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "vedette/lab/detection_match.h"
#include "vedette/lab/detection_metrics.h"

namespace vedette::lab {
namespace {

constexpr size_t kOverlaps = 10;
constexpr size_t kRecalls = 101;
constexpr AreaRange kAll{0, 1e10}, kSmall{0, 32.0 * 32}, kMedium{32.0 * 32, 96.0 * 96}, kLarge{96.0 * 96, 1e10};

double overlap_at(size_t i) { return 0.5 + 0.05 * static_cast<double>(i); }
// As numpy.linspace(0, 1, 101) computes them.
double recall_at(size_t i) { return static_cast<double>(i) * 0.01; }

struct Curve {
  double mean_precision = 0;
  double recall = 0;
};

/// Precision and recall of one category at one overlap.
Curve curve(std::vector<std::pair<double, Verdict>> boxes, size_t truth_boxes) {
  std::stable_sort(boxes.begin(), boxes.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<double> precision, recall;
  double hits = 0, misses = 0;
  for (const auto& [score, verdict] : boxes) {
    hits += verdict == Verdict::kTrue;
    misses += verdict == Verdict::kFalse;
    recall.push_back(hits / static_cast<double>(truth_boxes));
    precision.push_back(hits / (hits + misses + std::numeric_limits<double>::epsilon()));
  }
  for (size_t i = precision.size(); i-- > 1;) precision[i - 1] = std::max(precision[i - 1], precision[i]);
  Curve c{0, recall.empty() ? 0 : recall.back()};
  for (size_t r = 0; r < kRecalls; ++r) {
    const auto at = std::lower_bound(recall.begin(), recall.end(), recall_at(r));
    if (at != recall.end()) c.mean_precision += precision[static_cast<size_t>(at - recall.begin())];
  }
  c.mean_precision /= kRecalls;
  return c;
}

/// Means over the categories that have truth, at each overlap.
struct Means {
  std::array<double, kOverlaps> precision{};
  std::array<double, kOverlaps> recall{};
  bool measured = false;

  double ap() const { return mean(precision); }
  double ar() const { return mean(recall); }
  double ap_at(size_t i) const { return measured ? precision[i] : -1; }

 private:
  double mean(const std::array<double, kOverlaps>& values) const {
    double sum = 0;
    for (const double v : values) sum += v;
    return measured ? sum / kOverlaps : -1;
  }
};

Means measure(const std::vector<std::vector<DetectionCell>>& categories, AreaRange area, size_t most) {
  Means means;
  double with_truth = 0;
  for (const auto& cells : categories) {
    bool counted = false;
    for (size_t o = 0; o < kOverlaps; ++o) {
      std::vector<std::pair<double, Verdict>> boxes;
      size_t truth_boxes = 0;
      for (const DetectionCell& cell : cells) {
        const CellVerdicts verdicts = judge(cell, overlap_at(o), area, most);
        truth_boxes += verdicts.truth_boxes;
        for (size_t i = 0; i < verdicts.found.size(); ++i) boxes.emplace_back(cell.found[i]->score, verdicts.found[i]);
      }
      if (truth_boxes == 0) break;
      counted = true;
      const Curve c = curve(std::move(boxes), truth_boxes);
      means.precision[o] += c.mean_precision;
      means.recall[o] += c.recall;
    }
    with_truth += counted;
  }
  means.measured = with_truth > 0;
  for (size_t o = 0; o < kOverlaps && means.measured; ++o) {
    means.precision[o] /= with_truth;
    means.recall[o] /= with_truth;
  }
  return means;
}

}  // namespace

CocoMetrics coco_metrics(const DetectionData& data) {
  const auto categories = cells_by_category(data);
  const Means all = measure(categories, kAll, 100), small = measure(categories, kSmall, 100),
              medium = measure(categories, kMedium, 100), large = measure(categories, kLarge, 100);
  CocoMetrics m;
  m.ap = all.ap();
  m.ap50 = all.ap_at(0);
  m.ap75 = all.ap_at(5);
  m.ap_small = small.ap();
  m.ap_medium = medium.ap();
  m.ap_large = large.ap();
  m.ar1 = measure(categories, kAll, 1).ar();
  m.ar10 = measure(categories, kAll, 10).ar();
  m.ar100 = all.ar();
  m.ar_small = small.ar();
  m.ar_medium = medium.ar();
  m.ar_large = large.ar();
  return m;
}

}  // namespace vedette::lab
