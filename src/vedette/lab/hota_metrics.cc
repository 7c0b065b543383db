#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "vedette/lab/tracking_metrics.h"
#include "vedette/track/assignment.h"

namespace vedette::lab {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

double alpha(size_t index) { return 0.05 * static_cast<double>(index + 1); }

/// How well each truth id and result id go together over the sequence, 0 … 1: the soft overlap of their boxes in time.
track::CostMatrix alignment(const TrackingData& data) {
  track::CostMatrix score(data.truth_ids, data.result_ids);
  for (const TrackingFrame& frame : data.frames) {
    const size_t truths = frame.truth.size(), results = frame.result.size();
    std::vector<double> of_truth(truths, 0), of_result(results, 0);
    for (size_t i = 0; i < truths; ++i) {
      for (size_t j = 0; j < results; ++j) {
        of_truth[i] += frame.iou(i, j);
        of_result[j] += frame.iou(i, j);
      }
    }
    for (size_t i = 0; i < truths; ++i) {
      for (size_t j = 0; j < results; ++j) {
        const double both = of_truth[i] + of_result[j] - frame.iou(i, j);
        if (both > kEpsilon) score(frame.truth[i], frame.result[j]) += frame.iou(i, j) / both;
      }
    }
  }
  for (size_t t = 0; t < data.truth_ids; ++t) {
    for (size_t r = 0; r < data.result_ids; ++r) {
      const double common = score(t, r);
      score(t, r) = common / (static_cast<double>(data.truth_count[t] + data.result_count[r]) - common);
    }
  }
  return score;
}

/// Counts at one overlap.
struct AtAlpha {
  double matches = 0;
  double overlap_sum = 0;
  std::unordered_map<size_t, double> of_pair;  ///< matches by truth id · result_ids + result id
};

}  // namespace

HotaMetrics hota_metrics(const TrackingData& data) {
  HotaMetrics m;
  const track::CostMatrix aligned = alignment(data);
  std::array<AtAlpha, HotaMetrics::kAlphas> counts;
  for (const TrackingFrame& frame : data.frames) {
    track::CostMatrix costs(frame.truth.size(), frame.result.size());
    for (size_t i = 0; i < costs.rows(); ++i) {
      for (size_t j = 0; j < costs.columns(); ++j)
        costs(i, j) = -aligned(frame.truth[i], frame.result[j]) * frame.iou(i, j);
    }
    for (const auto& [i, j] : track::assign(costs).matches) {
      const double overlap = frame.iou(i, j);
      for (size_t a = 0; a < counts.size() && overlap >= alpha(a) - kEpsilon; ++a) {
        ++counts[a].matches;
        counts[a].overlap_sum += overlap;
        ++counts[a].of_pair[frame.truth[i] * data.result_ids + frame.result[j]];
      }
    }
  }

  const double n = static_cast<double>(HotaMetrics::kAlphas);
  for (size_t a = 0; a < counts.size(); ++a) {
    const AtAlpha& c = counts[a];
    double association = 0;
    for (const auto& [pair, matches] : c.of_pair) {
      const size_t boxes = data.truth_count[pair / data.result_ids] + data.result_count[pair % data.result_ids];
      association += matches * matches / (static_cast<double>(boxes) - matches);
    }
    association /= std::max(1.0, c.matches);
    const double detection =
        c.matches / std::max(1.0, static_cast<double>(data.truth_boxes + data.result_boxes) - c.matches);
    // With no match at all TrackEval calls the localisation perfect; its mean would otherwise differ.
    const double localization = c.matches > 0 ? c.overlap_sum / c.matches : 1;
    m.hota_at[a] = std::sqrt(detection * association);
    m.hota += m.hota_at[a] / n;
    m.detection_accuracy += detection / n;
    m.association_accuracy += association / n;
    m.localization_accuracy += localization / n;
  }
  return m;
}

}  // namespace vedette::lab
