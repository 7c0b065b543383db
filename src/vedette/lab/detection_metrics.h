#pragma once

#include <cstddef>

#include "vedette/lab/detection_data.h"

namespace vedette::lab {

/// Precision, recall and their harmonic mean over all images and categories together, of the found boxes with a score
/// of at least `threshold`.
struct Agreement {
  double threshold = 0;
  double precision = 0;
  double recall = 0;
  double f1 = 0;
  size_t true_positives = 0;
  size_t false_positives = 0;
  size_t false_negatives = 0;
};

/// How well the found boxes agree at one overlap.
struct F1Metrics {
  Agreement at_score;  ///< at the score asked for
  Agreement best;      ///< at the score with the best F1; the highest such score
};

/// Pairs boxes as COCO does (by falling score, each with the free truth box of its category that it overlaps most, from
/// `least_iou` on; what falls to a crowd counts neither way), without a limit per image.
F1Metrics f1_metrics(const DetectionData& data, double least_iou = 0.5, double score = 0);

/// The twelve numbers of COCO's box evaluation, as pycocotools (COCOeval, iouType "bbox") has them: means over the
/// overlaps 0.50, 0.55 … 0.95 and over the categories that have truth; precision at 101 recalls. −1 where there is no
/// truth to measure with.
struct CocoMetrics {
  double ap = -1;         ///< mAP@[.50:.95]
  double ap50 = -1;
  double ap75 = -1;
  double ap_small = -1;   ///< truth below 32² pixels
  double ap_medium = -1;  ///< … to 96²
  double ap_large = -1;
  double ar1 = -1;        ///< recall with at most 1 box an image and category
  double ar10 = -1;
  double ar100 = -1;
  double ar_small = -1;   ///< at most 100
  double ar_medium = -1;
  double ar_large = -1;
};
CocoMetrics coco_metrics(const DetectionData& data);

}  // namespace vedette::lab
