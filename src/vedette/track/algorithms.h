#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "vedette/track/tracker.h"

/// What the algorithms share; not for use outside of this folder.
namespace vedette::track {

std::unique_ptr<Tracker> make_centroid(const CentroidOptions& options, bool class_aware, bool kalman);
std::unique_ptr<Tracker> make_iou(const IouOptions& options, bool class_aware);
std::unique_ptr<Tracker> make_sort(const SortOptions& options, bool class_aware);
std::unique_ptr<Tracker> make_bytetrack(const ByteTrackOptions& options, bool class_aware);
std::unique_ptr<Tracker> make_botsort(const BotSortOptions& options, bool class_aware, TrackerHooks hooks);

/// The detections worth looking at: finite, not empty, of at least `score`.
std::vector<const Object*> usable(std::span<const Object> detections, double score);

inline int bounded_gap(const FrameContext& context) { return std::clamp(context.frame_gap, 1, kLongestGap); }

/// Hands out ids on first report and remembers which tracks ended.
class IdBook {
 public:
  /// Gives `id` (0: none yet) its number.
  int64_t report(int64_t& id) {
    if (id == 0) id = ++last_;
    return id;
  }
  /// A track ends; only those ever reported are told of.
  void end(int64_t id) {
    if (id != 0) ended_.push_back(id);
  }
  std::vector<int64_t> take_ended() {
    std::sort(ended_.begin(), ended_.end());
    return std::exchange(ended_, {});
  }

 private:
  int64_t last_ = 0;
  std::vector<int64_t> ended_;
};

/// The detection as its track reports it.
inline Object reported(const Object& detection, const Box& box, int64_t id) {
  Object object = detection;
  object.box = box;
  object.track_id = id;
  return object;
}

inline void sort_by_id(std::vector<Object>& objects) {
  std::sort(objects.begin(), objects.end(), [](const Object& a, const Object& b) { return a.track_id < b.track_id; });
}

}  // namespace vedette::track
