#include "vedette/lab/track_file.h"

#include <algorithm>
#include <map>

#include "vedette/frame/object.h"

namespace vedette::lab {
namespace {

/// A longer stretch without a detection is cut to this: no setting lets a track survive it.
constexpr int64_t kMostEmptyFrames = 100'001;

}  // namespace

std::vector<MotRow> track_detections(const std::vector<MotRow>& detections, track::Tracker& tracker) {
  std::map<int64_t, std::vector<Object>> frames;
  for (const MotRow& row : detections) {
    Object object;
    object.box = {static_cast<float>(row.left), static_cast<float>(row.top), static_cast<float>(row.width),
                  static_cast<float>(row.height)};
    object.score = static_cast<float>(row.confidence);
    frames[row.frame].push_back(std::move(object));
  }
  std::vector<MotRow> rows;
  int64_t previous = 0;
  const auto feed = [&](int64_t frame, std::span<const Object> objects) {
    for (const Object& o : tracker.update(objects, {})) {
      rows.push_back({frame, *o.track_id, o.box.x, o.box.y, o.box.width, o.box.height, o.score});
    }
  };
  for (const auto& [frame, objects] : frames) {
    for (int64_t empty = std::max(previous + 1, frame - kMostEmptyFrames); empty < frame; ++empty) feed(empty, {});
    feed(frame, objects);
    previous = frame;
  }
  return rows;
}

}  // namespace vedette::lab
