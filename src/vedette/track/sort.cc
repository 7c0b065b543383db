#include <cmath>

#include "vedette/track/algorithms.h"
#include "vedette/track/assignment.h"
#include "vedette/track/kalman.h"

namespace vedette::track {
namespace {

/// State [u, v, s, r, u̇, v̇, ṡ]: centre, area, width over height (constant), velocities. Variances are those of sort.py.
class SortTrack {
 public:
  using Filter = Kalman<7, 4>;

  explicit SortTrack(const Object& seen) : class_id(seen.class_id) {
    filter_.x.head<4>() = measure(seen.box);
    filter_.P.diagonal() << 10, 10, 10, 10, 1e4, 1e4, 1e4;
  }

  void predict(int frames) {
    for (int i = 0; i < frames; ++i) {
      if (filter_.x[2] + filter_.x[6] <= 0) filter_.x[6] = 0;
      filter_.predict((Filter::State() << 1, 1, 1, 1, 0.01, 0.01, 0.0001).finished());
    }
    if (unseen > 0) streak = 0;
    unseen += frames;
  }

  void update(const Object& seen) {
    unseen = 0;
    ++streak;
    class_id = seen.class_id;
    filter_.update(measure(seen.box), {1, 1, 10, 10});
  }

  /// Not finite when the filter has come to a negative area or ratio.
  Box box() const {
    const double width = std::sqrt(filter_.x[2] * filter_.x[3]), height = filter_.x[2] / width;
    return {static_cast<float>(filter_.x[0] - width / 2), static_cast<float>(filter_.x[1] - height / 2),
            static_cast<float>(width), static_cast<float>(height)};
  }

  bool sound() const {
    const Box b = box();
    return std::isfinite(b.x) && std::isfinite(b.y) && std::isfinite(b.width) && std::isfinite(b.height);
  }

  int64_t id = 0;
  int class_id;
  int unseen = 0;  ///< frames since the last match
  int streak = 0;  ///< matches in a row, without the first sighting

 private:
  static Filter::Measurement measure(const Box& b) {
    const double width = b.width, height = b.height;
    return {b.x + width / 2, b.y + height / 2, width * height, width / height};
  }

  Filter filter_;
};

class Sort final : public Tracker {
 public:
  Sort(const SortOptions& options, bool class_aware) : options_(options), class_aware_(class_aware) {}

  std::vector<Object> update(std::span<const Object> detections, const FrameContext& context) override {
    ++updates_;
    const auto seen = usable(detections, options_.score);
    for (SortTrack& t : tracks_) t.predict(bounded_gap(context));
    drop_if([](const SortTrack& t) { return !t.sound(); });

    std::vector<const Object*> matched(tracks_.size(), nullptr);
    for (const auto& [column, row] : associate(seen).matches) {
      if (overlap(tracks_[row], *seen[column]) >= options_.iou) matched[row] = seen[column];
    }
    std::vector<const Object*> fresh = seen;
    for (size_t i = 0; i < tracks_.size(); ++i) {
      if (!matched[i]) continue;
      tracks_[i].update(*matched[i]);
      std::erase(fresh, matched[i]);
    }
    for (const Object* d : fresh) {
      tracks_.emplace_back(*d);
      matched.push_back(d);
    }

    std::vector<Object> objects;
    for (size_t i = 0; i < tracks_.size(); ++i) {
      SortTrack& t = tracks_[i];
      if (matched[i] && (t.streak >= options_.min_hits || updates_ <= options_.min_hits)) {
        objects.push_back(reported(*matched[i], t.box(), ids_.report(t.id)));
      }
    }
    drop_if([this](const SortTrack& t) { return t.unseen > options_.max_age; });
    sort_by_id(objects);
    return objects;
  }

  std::vector<int64_t> take_ended() override { return ids_.take_ended(); }

 private:
  double overlap(const SortTrack& t, const Object& d) const {
    return class_aware_ && t.class_id != d.class_id ? 0.0 : iou(t.box(), d.box);
  }

  /// Detections (rows) to tracks (columns) with the greatest sum of overlaps; the threshold is applied afterwards, as
  /// published.
  Assignment associate(const std::vector<const Object*>& seen) const {
    CostMatrix costs(seen.size(), tracks_.size());
    for (size_t i = 0; i < seen.size(); ++i) {
      for (size_t j = 0; j < tracks_.size(); ++j) costs(i, j) = -overlap(tracks_[j], *seen[i]);
    }
    return assign(costs);
  }

  template <typename Condition>
  void drop_if(Condition over) {
    for (const SortTrack& t : tracks_) {
      if (over(t)) ids_.end(t.id);
    }
    std::erase_if(tracks_, over);
  }

  const SortOptions options_;
  const bool class_aware_;
  int64_t updates_ = 0;
  std::vector<SortTrack> tracks_;
  IdBook ids_;
};

}  // namespace

std::unique_ptr<Tracker> make_sort(const SortOptions& options, bool class_aware) {
  return std::make_unique<Sort>(options, class_aware);
}

}  // namespace vedette::track
