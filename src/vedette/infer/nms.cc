#include "vedette/infer/nms.h"

#include <algorithm>
#include <cmath>

namespace vedette::infer {
namespace {

constexpr size_t kMostConsidered = 4096;

bool usable(const Candidate& c) {
  return c.right > c.left && c.bottom > c.top && std::isfinite(c.left) && std::isfinite(c.top) &&
         std::isfinite(c.right) && std::isfinite(c.bottom) && std::isfinite(c.score);
}

float area(const Candidate& c) { return (c.right - c.left) * (c.bottom - c.top); }

bool overlaps(const Candidate& a, const Candidate& b, float limit) {
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (width <= 0 || height <= 0) return false;
  const float common = width * height;
  return common > limit * (area(a) + area(b) - common);
}

}  // namespace

void suppress(std::vector<Candidate>& candidates, const NmsOptions& options) {
  std::erase_if(candidates, [](const Candidate& c) { return !usable(c); });
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  if (candidates.size() > kMostConsidered) candidates.resize(kMostConsidered);

  // Survivors gather at the front. Quadratic only in survivors × candidates, of which a threshold leaves few.
  size_t kept = 0;
  for (size_t i = 0; i < candidates.size() && kept < options.max_objects; ++i) {
    const Candidate candidate = candidates[i];
    bool survives = true;
    for (size_t k = 0; survives && k < kept; ++k) {
      const Candidate& better = candidates[k];
      if (!options.class_agnostic && better.class_id != candidate.class_id) continue;
      survives = !overlaps(better, candidate, options.iou);
    }
    if (survives) candidates[kept++] = candidate;
  }
  candidates.resize(kept);
}

}  // namespace vedette::infer
