#pragma once

#include <array>
#include <cstddef>

#include "vedette/lab/tracking_data.h"

namespace vedette::lab {

/// CLEAR MOT: Bernardin, Stiefelhagen: Evaluating Multiple Object Tracking Performance, EURASIP JIVP 2008. Frame by
/// frame, a pair of truth and result that belonged together when the truth was last matched stays together while it
/// overlaps enough; the rest is paired so that as many as possible match and they overlap most.
struct ClearMetrics {
  double mota = 0;       ///< 1 − (misses + false positives + switches) / truth boxes; may be negative
  double motp = 0;       ///< mean overlap of matched pairs (py-motmetrics prints 1 − this)
  double precision = 0;
  double recall = 0;
  double f1 = 0;
  size_t matches = 0;    ///< with switches
  size_t false_positives = 0;
  size_t misses = 0;
  size_t switches = 0;        ///< a truth is matched with another id than when it was last matched
  size_t fragmentations = 0;  ///< a truth is missed after and before it is matched
  size_t mostly_tracked = 0;  ///< truths matched in ≥ 80 % of their frames
  size_t partly_tracked = 0;
  size_t mostly_lost = 0;     ///< < 20 %
};

/// Whose reading of the paper. They differ in the fourth digit of MOTA, and more in fragmentations.
enum class ClearRule {
  kMotmetrics,  ///< py-motmetrics: a pair stays together however long ago it last matched, as the paper has it
  /// TrackEval: only a pair of the frame before has preference, and fits in with the others in one assignment; mostly
  /// tracked is > 80 %; frames without any result do not part a fragment.
  kTrackEval,
};
/// `least_iou`: overlap from which a pair may match.
ClearMetrics clear_metrics(const TrackingData& data, double least_iou = 0.5, ClearRule rule = ClearRule::kMotmetrics);

/// Ristani et al.: Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking, ECCV-W 2016: every
/// truth id is paired with at most one result id over the whole sequence, so that most boxes agree.
struct IdentityMetrics {
  double idf1 = 0;
  double precision = 0;  ///< IDP
  double recall = 0;  ///< IDR
  size_t true_positives = 0;
  size_t false_positives = 0;
  size_t false_negatives = 0;
};
IdentityMetrics identity_metrics(const TrackingData& data, double least_iou = 0.5);

/// Luiten et al.: HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking, IJCV 2021. Means over the overlaps
/// 0.05, 0.10 … 0.95, as TrackEval has them.
struct HotaMetrics {
  static constexpr size_t kAlphas = 19;
  double hota = 0;
  double detection_accuracy = 0;  ///< DetA
  double association_accuracy = 0;  ///< AssA
  double localization_accuracy = 0;  ///< LocA
  std::array<double, kAlphas> hota_at{};  ///< at each overlap
};
HotaMetrics hota_metrics(const TrackingData& data);

}  // namespace vedette::lab
