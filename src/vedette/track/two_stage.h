#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "vedette/track/algorithms.h"
#include "vedette/track/assignment.h"
#include "vedette/track/kalman.h"

/// ByteTrack's scheme, over a motion model; shared by ByteTrack and BoT-SORT. Included by their .cc files only.
namespace vedette::track {

/// Relative standard deviations of both filters: of a measured or predicted length, and of the change of a velocity.
inline constexpr double kLengthError = 1.0 / 20;
inline constexpr double kSpeedError = 1.0 / 160;

/// A model has these static functions over Kalman<8, 4>: measure(Box), box(state), initial(state), process(state),
/// measurement(state) (variances), and coast(state&), which stills what an unseen track must not extrapolate.
template <typename Model>
class TwoStage : public Tracker {
 public:
  using Filter = Kalman<8, 4>;

  TwoStage(const ByteTrackOptions& options, bool class_aware) : options_(options), class_aware_(class_aware) {}

  std::vector<Object> update(std::span<const Object> detections, const FrameContext& context) final {
    const int gap = bounded_gap(context);
    frame_ += gap;
    for (Track& t : tracks_) t.match = nullptr;
    std::vector<const Object*> high, low;
    for (const Object* d : usable(detections, options_.low)) {
      (d->score >= static_cast<float>(options_.high) ? high : low).push_back(d);
    }

    std::vector<Track*> confirmed, unconfirmed;
    for (Track& t : tracks_) (t.confirmed ? confirmed : unconfirmed).push_back(&t);
    for (Track* t : confirmed) {
      for (int i = 0; i < gap; ++i) {
        if (t->lost) Model::coast(t->filter.x);
        t->filter.predict(Model::process(t->filter.x));
      }
    }
    before_association(context);

    match(confirmed, high, options_.match_high, options_.fuse_score, true);
    std::erase_if(confirmed, [](const Track* t) { return t->match || t->lost; });
    match(confirmed, low, options_.match_low, false, false);
    for (Track* t : confirmed) {
      if (!t->match) t->lost = true;
    }
    match(unconfirmed, high, options_.match_unconfirmed, options_.fuse_score, true);
    for (const Object* d : high) {
      if (d->score >= static_cast<float>(options_.create)) start(*d);
    }
    first_ = false;
    end_tracks();
    return report();
  }

  std::vector<int64_t> take_ended() final { return ids_.take_ended(); }

 protected:
  struct Track {
    Filter filter;
    Object last;              ///< last matched detection, without its crop
    const Object* match = nullptr;  ///< in this update
    int64_t id = 0;
    int64_t started = 0;
    int64_t seen = 0;
    bool confirmed = false;
    bool lost = false;
    Box box() const { return Model::box(filter.x); }
  };

  virtual void before_association(const FrameContext&) {}
  /// The dearness of a pair of the first or third association, from `cost` = 1 − IoU (· score).
  virtual double refine(const Track&, const Object&, double /*overlap*/, double cost) const { return cost; }

  std::vector<Track> tracks_;

 private:
  /// Pairs tracks with detections and takes the detections that found one out of `seen`. `look`: refine() has a say.
  void match(const std::vector<Track*>& tracks, std::vector<const Object*>& seen, double limit, bool fuse, bool look) {
    CostMatrix costs(tracks.size(), seen.size(), std::numeric_limits<double>::infinity());
    for (size_t i = 0; i < tracks.size(); ++i) {
      const Box box = tracks[i]->box();
      for (size_t j = 0; j < seen.size(); ++j) {
        if (class_aware_ && tracks[i]->last.class_id != seen[j]->class_id) continue;
        const double overlap = iou(box, seen[j]->box);
        const double cost = 1 - overlap * (fuse ? seen[j]->score : 1.f);
        costs(i, j) = look ? refine(*tracks[i], *seen[j], overlap, cost) : cost;
      }
    }
    const Assignment found = assign(costs, limit);
    for (const auto& [row, column] : found.matches) {
      Track& t = *tracks[row];
      t.filter.update(Model::measure(seen[column]->box), Model::measurement(t.filter.x));
      t.match = seen[column];
      t.confirmed = true;
      t.lost = false;
      t.seen = frame_;
      remember(t, *seen[column]);
    }
    std::vector<const Object*> rest;
    for (const size_t column : found.unmatched_columns) rest.push_back(seen[column]);
    seen = std::move(rest);
  }

  void start(const Object& d) {
    Track t;
    t.filter.x.template head<4>() = Model::measure(d.box);
    t.filter.P = Filter::Square(Model::initial(t.filter.x).asDiagonal());
    t.match = &d;
    t.started = t.seen = frame_;
    t.confirmed = first_;
    remember(t, d);
    tracks_.push_back(std::move(t));
  }

  static void remember(Track& t, const Object& d) {
    t.last = d;
    t.last.crop = nullptr;
  }

  void end_tracks() {
    std::vector<bool> over(tracks_.size(), false);
    for (size_t i = 0; i < tracks_.size(); ++i) {
      const Track& t = tracks_[i];
      over[i] = (!t.confirmed && !t.match) || (t.lost && frame_ - t.seen > options_.buffer);
    }
    // A lost track under one that is followed is the same thing twice: the one with the longer life stays.
    for (size_t i = 0; i < tracks_.size(); ++i) {
      for (size_t j = 0; j < tracks_.size(); ++j) {
        const Track &followed = tracks_[i], &lost = tracks_[j];
        if (over[i] || over[j] || followed.lost || !lost.lost) continue;
        if (class_aware_ && followed.last.class_id != lost.last.class_id) continue;
        if (iou(followed.box(), lost.box()) <= kDuplicateOverlap) continue;
        over[followed.seen - followed.started > lost.seen - lost.started ? j : i] = true;
      }
    }
    size_t kept = 0;
    for (size_t i = 0; i < tracks_.size(); ++i) {
      if (over[i]) {
        ids_.end(tracks_[i].id);
      } else if (kept++ != i) {
        tracks_[kept - 1] = std::move(tracks_[i]);
      }
    }
    tracks_.resize(kept);
  }

  std::vector<Object> report() {
    std::vector<Object> objects;
    for (Track& t : tracks_) {
      if (t.confirmed && !t.lost) objects.push_back(reported(*t.match, t.box(), ids_.report(t.id)));
    }
    for (Track& t : tracks_) t.match = nullptr;
    sort_by_id(objects);
    return objects;
  }

  static constexpr double kDuplicateOverlap = 0.85;

  const ByteTrackOptions options_;
  const bool class_aware_;
  bool first_ = true;
  int64_t frame_ = 0;
  IdBook ids_;
};

}  // namespace vedette::track
