#include "vedette/lab/detection_match.h"

#include <algorithm>
#include <map>

namespace vedette::lab {
namespace {

constexpr size_t kNone = static_cast<size_t>(-1);

double overlap_of(const FoundBox& f, const TruthBox& t) {
  const double width = std::min(f.left + f.width, t.left + t.width) - std::max(f.left, t.left);
  const double height = std::min(f.top + f.height, t.top + t.height) - std::max(f.top, t.top);
  if (width <= 0 || height <= 0) return 0;
  const double common = width * height, own = f.width * f.height;
  return common / (t.crowd ? own : own + t.width * t.height - common);
}

bool outside(double area, AreaRange range) { return area < range.least || area > range.most; }

}  // namespace

std::vector<std::vector<DetectionCell>> cells_by_category(const DetectionData& data) {
  std::map<int64_t, std::map<int64_t, DetectionCell>> cells;
  for (const TruthBox& t : data.truth) cells[t.category][t.image].truth.push_back(&t);
  for (const FoundBox& f : data.found) cells[f.category][f.image].found.push_back(&f);
  std::vector<std::vector<DetectionCell>> result;
  for (auto& [category, images] : cells) {
    auto& list = result.emplace_back();
    for (auto& [image, cell] : images) {
      std::stable_sort(cell.found.begin(), cell.found.end(),
                       [](const FoundBox* a, const FoundBox* b) { return a->score > b->score; });
      for (const FoundBox* f : cell.found) {
        for (const TruthBox* t : cell.truth) cell.overlap.push_back(overlap_of(*f, *t));
      }
      list.push_back(std::move(cell));
    }
  }
  return result;
}

CellVerdicts judge(const DetectionCell& cell, double least_iou, AreaRange area, size_t most) {
  const size_t truths = cell.truth.size();
  std::vector<bool> ignored(truths), taken(truths, false);
  std::vector<size_t> order(truths);
  CellVerdicts result;
  for (size_t i = 0; i < truths; ++i) {
    order[i] = i;
    ignored[i] = cell.truth[i]->crowd || outside(cell.truth[i]->area, area);
    result.truth_boxes += ignored[i] ? 0 : 1;
  }
  std::stable_partition(order.begin(), order.end(), [&](size_t i) { return !ignored[i]; });

  const size_t count = std::min(most, cell.found.size());
  for (size_t d = 0; d < count; ++d) {
    double best = std::min(least_iou, 1 - 1e-10);
    size_t match = kNone;
    for (const size_t g : order) {
      if (taken[g] && !cell.truth[g]->crowd) continue;
      // A box that counts goes before any that does not, however well that one fits.
      if (match != kNone && !ignored[match] && ignored[g]) break;
      if (cell.iou(d, g) < best) continue;
      best = cell.iou(d, g);
      match = g;
    }
    if (match != kNone) {
      taken[match] = true;
      result.found.push_back(ignored[match] ? Verdict::kIgnored : Verdict::kTrue);
    } else {
      const FoundBox& f = *cell.found[d];
      result.found.push_back(outside(f.width * f.height, area) ? Verdict::kIgnored : Verdict::kFalse);
    }
  }
  return result;
}

}  // namespace vedette::lab
