#include <limits>
#include <utility>

#include "vedette/lab/tracking_metrics.h"
#include "vedette/track/assignment.h"

namespace vedette::lab {
namespace {

constexpr size_t kNobody = static_cast<size_t>(-1);
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

using Pairs = std::vector<std::pair<size_t, size_t>>;  ///< rows of a frame's truth with columns of its result

/// What is known of a truth id so far.
struct History {
  size_t partner = kNobody;  ///< result id it was last matched with
  size_t before = kNobody;   ///< kTrackEval: … in the frame before
  size_t matched = 0;        ///< frames
  bool missed = false;       ///< since it was last matched
};

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

Pairs pair_as_motmetrics(const TrackingFrame& frame, double least_iou, const std::vector<History>& history) {
  const size_t truths = frame.truth.size(), results = frame.result.size();
  // In distances, as py-motmetrics compares them: 1 − iou may round to the other side of the threshold than iou does.
  const auto near = [&](size_t i, size_t j) { return 1 - frame.iou(i, j) <= 1 - least_iou; };
  Pairs pairs;
  std::vector<bool> kept(truths, false), taken(results, false);
  for (size_t i = 0; i < truths; ++i) {
    for (size_t j = 0; j < results; ++j) {
      if (taken[j] || frame.result[j] != history[frame.truth[i]].partner) continue;
      if (near(i, j)) {
        pairs.emplace_back(i, j);
        kept[i] = taken[j] = true;
      }
      break;
    }
  }
  track::CostMatrix costs(truths, results, std::numeric_limits<double>::infinity());
  for (size_t i = 0; i < truths; ++i) {
    for (size_t j = 0; j < results; ++j) {
      if (!kept[i] && !taken[j] && near(i, j)) costs(i, j) = 1 - frame.iou(i, j);
    }
  }
  // Leaving a pair apart costs more than all distances together: matches first, then overlap.
  const auto fresh = track::assign(costs, static_cast<double>(truths + results) + 1).matches;
  pairs.insert(pairs.end(), fresh.begin(), fresh.end());
  return pairs;
}

Pairs pair_as_trackeval(const TrackingFrame& frame, double least_iou, const std::vector<History>& history) {
  constexpr double kPreference = 1000;
  track::CostMatrix costs(frame.truth.size(), frame.result.size());
  for (size_t i = 0; i < costs.rows(); ++i) {
    for (size_t j = 0; j < costs.columns(); ++j) {
      if (frame.iou(i, j) < least_iou - kEpsilon) continue;
      const bool together = history[frame.truth[i]].before == frame.result[j];
      costs(i, j) = -frame.iou(i, j) - (together ? kPreference : 0);
    }
  }
  return track::assign(costs, 0).matches;
}

}  // namespace

ClearMetrics clear_metrics(const TrackingData& data, double least_iou, ClearRule rule) {
  const bool trackeval = rule == ClearRule::kTrackEval;
  ClearMetrics m;
  double overlap_sum = 0;
  std::vector<History> history(data.truth_ids);

  for (const TrackingFrame& frame : data.frames) {
    const Pairs pairs = (trackeval ? pair_as_trackeval : pair_as_motmetrics)(frame, least_iou, history);
    m.matches += pairs.size();
    m.misses += frame.truth.size() - pairs.size();
    m.false_positives += frame.result.size() - pairs.size();
    if (trackeval && (frame.truth.empty() || frame.result.empty())) continue;

    std::vector<bool> matched(frame.truth.size(), false);
    if (trackeval) {
      // A truth that is out of sight parts a fragment too.
      for (History& h : history) {
        h.missed = h.before == kNobody;
        h.before = kNobody;
      }
    }
    for (const auto& [i, j] : pairs) {
      History& h = history[frame.truth[i]];
      matched[i] = true;
      overlap_sum += frame.iou(i, j);
      if (h.partner != kNobody && h.partner != frame.result[j]) ++m.switches;
      if (h.matched > 0 && h.missed) ++m.fragmentations;
      h.missed = false;
      h.partner = h.before = frame.result[j];
      ++h.matched;
    }
    for (size_t i = 0; i < frame.truth.size(); ++i) {
      if (!matched[i]) history[frame.truth[i]].missed = true;
    }
  }

  for (size_t id = 0; id < data.truth_ids; ++id) {
    const double share = ratio(static_cast<double>(history[id].matched), static_cast<double>(data.truth_count[id]));
    const bool mostly = trackeval ? share > 0.8 : share >= 0.8;
    ++(mostly ? m.mostly_tracked : share >= 0.2 ? m.partly_tracked : m.mostly_lost);
  }
  const auto truth_boxes = static_cast<double>(data.truth_boxes), result_boxes = static_cast<double>(data.result_boxes);
  const auto matches = static_cast<double>(m.matches);
  m.mota = 1 - ratio(static_cast<double>(m.misses + m.false_positives + m.switches), truth_boxes);
  m.motp = ratio(overlap_sum, matches);
  m.precision = ratio(matches, result_boxes);
  m.recall = ratio(matches, truth_boxes);
  m.f1 = ratio(2 * matches, truth_boxes + result_boxes);
  return m;
}

}  // namespace vedette::lab
