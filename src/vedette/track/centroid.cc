#include <cmath>
#include <limits>

#include "vedette/track/algorithms.h"
#include "vedette/track/assignment.h"
#include "vedette/track/kalman.h"

namespace vedette::track {
namespace {

/// Standard deviations in multiples of the box height, as in ByteTrack: of a measured or predicted centre, and of the
/// change of its velocity within a frame.
constexpr double kPositionError = 1.0 / 20;
constexpr double kVelocityError = 1.0 / 160;

/// State [x, y, ẋ, ẏ] of the centre.
class CentroidTrack {
 public:
  using Filter = Kalman<4, 2>;

  CentroidTrack(const Object& seen, bool kalman) : class_id(seen.class_id), kalman_(kalman), height_(seen.box.height) {
    filter_.x.head<2>() = center_of(seen);
    const double position = 2 * kPositionError * height_, velocity = 10 * kVelocityError * height_;
    filter_.P.diagonal() << position * position, position * position, velocity * velocity, velocity * velocity;
  }

  void predict(int frames) {
    missed += frames;
    if (!kalman_) return;
    const double position = kPositionError * height_, velocity = kVelocityError * height_;
    for (int i = 0; i < frames; ++i) {
      filter_.predict({position * position, position * position, velocity * velocity, velocity * velocity});
    }
  }

  void update(const Object& seen) {
    missed = 0;
    ++hits;
    class_id = seen.class_id;
    height_ = seen.box.height;
    if (kalman_) {
      const double error = kPositionError * height_;
      filter_.update(center_of(seen), {error * error, error * error});
    } else {
      filter_.x.head<2>() = center_of(seen);
    }
  }

  /// Distance of the centres in multiples of the mean height.
  double distance(const Object& d) const {
    return (center_of(d) - filter_.x.head<2>()).norm() / ((height_ + d.box.height) / 2);
  }

  Box box(const Object& seen) const {
    if (!kalman_) return seen.box;
    return {static_cast<float>(filter_.x[0]) - seen.box.width / 2,
            static_cast<float>(filter_.x[1]) - seen.box.height / 2, seen.box.width, seen.box.height};
  }

  int64_t id = 0;
  int class_id;
  int missed = 0;
  int hits = 1;

 private:
  static Eigen::Vector2d center_of(const Object& d) { return {d.box.center_x(), d.box.center_y()}; }

  bool kalman_;
  double height_;
  Filter filter_;
};

class Centroid final : public Tracker {
 public:
  Centroid(const CentroidOptions& options, bool class_aware, bool kalman)
      : options_(options), class_aware_(class_aware), kalman_(kalman) {}

  std::vector<Object> update(std::span<const Object> detections, const FrameContext& context) override {
    const auto seen = usable(detections, 0);
    CostMatrix costs(tracks_.size(), seen.size(), std::numeric_limits<double>::infinity());
    for (size_t i = 0; i < tracks_.size(); ++i) {
      tracks_[i].predict(bounded_gap(context));
      for (size_t j = 0; j < seen.size(); ++j) {
        if (!class_aware_ || tracks_[i].class_id == seen[j]->class_id) costs(i, j) = tracks_[i].distance(*seen[j]);
      }
    }

    std::vector<Object> objects;
    const Assignment found = assign(costs, options_.max_distance);
    for (const auto& [row, column] : found.matches) {
      tracks_[row].update(*seen[column]);
      report(tracks_[row], *seen[column], objects);
    }
    const auto over = [this](const CentroidTrack& t) { return t.missed > options_.max_missed; };
    for (const CentroidTrack& t : tracks_) {
      if (over(t)) ids_.end(t.id);
    }
    std::erase_if(tracks_, over);
    for (const size_t column : found.unmatched_columns) {
      tracks_.emplace_back(*seen[column], kalman_);
      report(tracks_.back(), *seen[column], objects);
    }
    sort_by_id(objects);
    return objects;
  }

  std::vector<int64_t> take_ended() override { return ids_.take_ended(); }

 private:
  void report(CentroidTrack& t, const Object& d, std::vector<Object>& objects) {
    if (t.hits >= options_.min_hits) objects.push_back(reported(d, t.box(d), ids_.report(t.id)));
  }

  const CentroidOptions options_;
  const bool class_aware_;
  const bool kalman_;
  std::vector<CentroidTrack> tracks_;
  IdBook ids_;
};

}  // namespace

std::unique_ptr<Tracker> make_centroid(const CentroidOptions& options, bool class_aware, bool kalman) {
  return std::make_unique<Centroid>(options, class_aware, kalman);
}

}  // namespace vedette::track
