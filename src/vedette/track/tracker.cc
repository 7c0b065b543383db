#include "vedette/track/tracker.h"

#include <cmath>
#include <string>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/track/algorithms.h"

namespace vedette::track {
namespace {

constexpr Range kUnit{0, 1};
constexpr Range kFrames{0, 100000};
constexpr Range kHits{1, 1000};

}  // namespace

void CentroidOptions::fields(Fields& f) {
  f.number("max_distance", max_distance, "largest distance of centres, in multiples of the mean box height",
           {0.01, 100});
  f.whole("max_missed", max_missed, "frames a track survives unseen", kFrames);
  f.whole("min_hits", min_hits, "sightings before a track is reported", kHits);
}

void IouOptions::fields(Fields& f) {
  f.number("score_low", score_low, "detections of a lower score are passed over", kUnit);
  f.number("score_high", score_high, "a track is reported once a detection had this score", kUnit);
  f.number("iou", iou, "least overlap with a track's last box", kUnit);
  f.whole("min_hits", min_hits, "sightings before a track is reported", kHits);
}

void SortOptions::fields(Fields& f) {
  f.whole("max_age", max_age, "frames a track survives unseen", kFrames);
  f.whole("min_hits", min_hits, "consecutive sightings before a track is reported", kHits);
  f.number("iou", iou, "least overlap of a detection with a track's predicted box", kUnit);
  f.number("score", score, "detections of a lower score are passed over", kUnit);
}

void ByteTrackOptions::fields(Fields& f) {
  f.number("high", high, "least score of a detection in the first association", kUnit);
  f.number("low", low, "least score of a detection in the second association; the detector must deliver as low", kUnit);
  f.number("create", create, "least score that starts a track", kUnit);
  f.number("match_high", match_high, "dearest match (1 - overlap) of the first association", kUnit);
  f.number("match_low", match_low, "dearest match of the second association", kUnit);
  f.number("match_unconfirmed", match_unconfirmed, "dearest match of tracks seen only once", kUnit);
  f.flag("fuse_score", fuse_score, "multiply the overlap by the detection's score");
  f.whole("buffer", buffer, "frames a track survives unseen", kFrames);
  f.check([this] { return low <= high ? std::string() : std::string("low must not be above high"); });
}

void BotSortOptions::fields(Fields& f) {
  ByteTrackOptions::fields(f);
  f.number("proximity", proximity, "appearance counts only up to this 1 - overlap", kUnit);
  f.number("appearance", appearance, "largest appearance distance that counts", kUnit);
}

void TrackerOptions::fields(Fields& f) {
  f.choice("algorithm", algorithm,
           {{"bytetrack", Algorithm::kByteTrack},
            {"botsort", Algorithm::kBotSort},
            {"sort", Algorithm::kSort},
            {"iou", Algorithm::kIou},
            {"centroid", Algorithm::kCentroid},
            {"centroid_kalman", Algorithm::kCentroidKalman}},
           "how detections become tracks");
  f.flag("class_aware", class_aware, "match only objects of one class");
  f.group("centroid", centroid, "for centroid and centroid_kalman");
  f.group("iou", iou, "for iou");
  f.group("sort", sort, "for sort");
  f.group("bytetrack", bytetrack, "for bytetrack");
  f.group("botsort", botsort, "for botsort");
}

std::unique_ptr<Tracker> make_tracker(const TrackerOptions& options, TrackerHooks hooks) {
  switch (options.algorithm) {
    case Algorithm::kCentroid: return make_centroid(options.centroid, options.class_aware, false);
    case Algorithm::kCentroidKalman: return make_centroid(options.centroid, options.class_aware, true);
    case Algorithm::kIou: return make_iou(options.iou, options.class_aware);
    case Algorithm::kSort: return make_sort(options.sort, options.class_aware);
    case Algorithm::kByteTrack: return make_bytetrack(options.bytetrack, options.class_aware);
    case Algorithm::kBotSort: return make_botsort(options.botsort, options.class_aware, std::move(hooks));
  }
  VEDETTE_ASSERT(!"an algorithm without a factory");
  return nullptr;
}

std::vector<const Object*> usable(std::span<const Object> detections, double score) {
  std::vector<const Object*> result;
  result.reserve(detections.size());
  for (const Object& d : detections) {
    const bool finite = std::isfinite(d.box.x) && std::isfinite(d.box.y) && std::isfinite(d.box.width) &&
                        std::isfinite(d.box.height) && std::isfinite(d.score);
    // In single precision, as scores are: 0.45f must reach a threshold of 0.45.
    if (finite && !d.box.empty() && d.score >= static_cast<float>(score)) result.push_back(&d);
  }
  return result;
}

}  // namespace vedette::track
