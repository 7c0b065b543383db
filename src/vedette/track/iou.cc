#include <algorithm>

#include "vedette/track/algorithms.h"

namespace vedette::track {
namespace {

struct IouTrack {
  Box box;
  int class_id = 0;
  float best_score = 0;
  int hits = 1;
  int64_t id = 0;
};

/// Greedy: every track in turn takes the free detection it overlaps most; one that finds none ends.
class Iou final : public Tracker {
 public:
  Iou(const IouOptions& options, bool class_aware) : options_(options), class_aware_(class_aware) {}

  std::vector<Object> update(std::span<const Object> detections, const FrameContext&) override {
    auto seen = usable(detections, options_.score_low);
    std::vector<Object> objects;
    std::vector<IouTrack> kept;
    for (IouTrack& t : tracks_) {
      auto best = seen.end();
      double best_overlap = 0;
      for (auto it = seen.begin(); it != seen.end(); ++it) {
        const double overlap = class_aware_ && (*it)->class_id != t.class_id ? 0.0 : iou(t.box, (*it)->box);
        if (overlap > best_overlap) {
          best = it;
          best_overlap = overlap;
        }
      }
      if (best == seen.end() || best_overlap < options_.iou) {
        ids_.end(t.id);
        continue;
      }
      t.box = (*best)->box;
      t.class_id = (*best)->class_id;
      t.best_score = std::max(t.best_score, (*best)->score);
      ++t.hits;
      report(t, **best, objects);
      kept.push_back(t);
      seen.erase(best);
    }
    for (const Object* d : seen) {
      kept.push_back({d->box, d->class_id, d->score});
      report(kept.back(), *d, objects);
    }
    tracks_ = std::move(kept);
    sort_by_id(objects);
    return objects;
  }

  std::vector<int64_t> take_ended() override { return ids_.take_ended(); }

 private:
  void report(IouTrack& t, const Object& d, std::vector<Object>& objects) {
    if (t.hits >= options_.min_hits && t.best_score >= static_cast<float>(options_.score_high)) {
      objects.push_back(reported(d, d.box, ids_.report(t.id)));
    }
  }

  const IouOptions options_;
  const bool class_aware_;
  std::vector<IouTrack> tracks_;
  IdBook ids_;
};

}  // namespace

std::unique_ptr<Tracker> make_iou(const IouOptions& options, bool class_aware) {
  return std::make_unique<Iou>(options, class_aware);
}

}  // namespace vedette::track
