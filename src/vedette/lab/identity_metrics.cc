#include "vedette/lab/tracking_metrics.h"
#include "vedette/track/assignment.h"

namespace vedette::lab {

IdentityMetrics identity_metrics(const TrackingData& data, double least_iou) {
  track::CostMatrix agreement(data.truth_ids, data.result_ids);
  for (const TrackingFrame& frame : data.frames) {
    for (size_t i = 0; i < frame.truth.size(); ++i) {
      for (size_t j = 0; j < frame.result.size(); ++j) {
        if (1 - frame.iou(i, j) <= 1 - least_iou) agreement(frame.truth[i], frame.result[j]) -= 1;
      }
    }
  }
  IdentityMetrics m;
  double agreed = 0;
  for (const auto& [truth, result] : track::assign(agreement, 0).matches) agreed -= agreement(truth, result);
  m.true_positives = static_cast<size_t>(agreed);
  m.false_negatives = data.truth_boxes - m.true_positives;
  m.false_positives = data.result_boxes - m.true_positives;
  const auto truths = static_cast<double>(data.truth_boxes), results = static_cast<double>(data.result_boxes);
  m.precision = results > 0 ? agreed / results : 0;
  m.recall = truths > 0 ? agreed / truths : 0;
  m.idf1 = truths + results > 0 ? 2 * agreed / (truths + results) : 0;
  return m;
}

}  // namespace vedette::lab
