#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "vedette/base/settings.h"
#include "vedette/base/time.h"
#include "vedette/frame/object.h"

namespace vedette::track {

/// What a tracker must know of a frame besides what was found in it.
struct FrameContext {
  int width = 0;       ///< of the frame, pixels
  int height = 0;      ///< of the frame, pixels
  int frame_gap = 1;   ///< frame intervals since the last update, ≥ 1; 1 when no frame was lost in between
  Timestamp time{};    ///< capture time
};

/// Gives objects of one stream an identity over time. Pure: no thread, clock, random source or global of its own, so
/// the same detections give the same tracks. One instance a stream, called from one thread at a time.
///
/// A lost frame is no reason to end a track: motion is predicted over the whole gap, then matched; only a track that
/// finds no match ages, by the whole gap.
class Tracker {
 public:
  virtual ~Tracker() = default;

  /// Takes a frame's detections and returns the objects to report, ordered by track id. A reported object is the
  /// detection it was matched with, with `track_id` set and, where the algorithm estimates boxes (Kalman), `box`
  /// replaced by the estimate. Ids count from 1 in the order in which tracks are first reported and are never used
  /// again. Boxes are pixels of the frame. Empty boxes and boxes or scores that are not finite are passed over.
  virtual std::vector<Object> update(std::span<const Object> detections, const FrameContext& context) = 0;

  /// Ids that were reported once, whose tracks have ended since the last call of this function. Ascending.
  virtual std::vector<int64_t> take_ended() = 0;
};

enum class Algorithm { kCentroid, kCentroidKalman, kIou, kSort, kByteTrack, kBotSort };

/// Nearest centre first seen, first served by exact assignment. With Kalman, centres move at constant velocity (state
/// [x, y, ẋ, ẏ]) and the reported box is moved to the estimated centre.
struct CentroidOptions {
  double max_distance = 0.75;  ///< between centres, in multiples of the mean of both boxes' heights
  int max_missed = 10;         ///< frames a track survives unseen
  int min_hits = 2;            ///< sightings before a track is reported
  void fields(Fields& f);
};

/// Bochinski, Eiselein, Sikora: High-Speed Tracking-by-Detection Without Using Image Information, AVSS 2017,
/// algorithm 1. Here online: a track is reported from the frame on in which it fulfils min_hits and score_high.
struct IouOptions {
  double score_low = 0;     ///< σ_l: detections below are passed over
  double score_high = 0.5;  ///< σ_h: a track needs one detection of this score to be reported
  double iou = 0.5;         ///< σ_IOU: least overlap with the track's last box
  int min_hits = 2;         ///< t_min
  void fields(Fields& f);
};

/// Bewley, Ge, Ott, Ramos, Upcroft: Simple Online and Realtime Tracking, ICIP 2016, with the constants of the authors'
/// code.
struct SortOptions {
  int max_age = 1;         ///< frames a track survives unseen
  int min_hits = 3;  ///< consecutive sightings before a track is reported (all are in the first min_hits frames)
  double iou = 0.3;  ///< least overlap of a match
  double score = 0;  ///< detections below are passed over
  void fields(Fields& f);
};

/// Zhang et al.: ByteTrack: Multi-Object Tracking by Associating Every Detection Box, ECCV 2022. Costs are 1 − IoU. The
/// detector must deliver scores down to `low`.
struct ByteTrackOptions {
  double high = 0.45;  ///< detections from here on take part in the first association
  double low = 0.1;  ///< … from here on in the second, which only continues tracks
  double create = 0.55;  ///< least score that starts a track
  double match_high = 0.9;  ///< dearest match of the first association
  double match_low = 0.4;  ///< … of the second
  double match_unconfirmed = 0.7;  ///< … of tracks seen only once
  bool fuse_score = true;  ///< the first and third association's IoU is multiplied by the detection's score
  int buffer = 60;  ///< frames a track survives unseen
  void fields(Fields& f);
};

/// Aharon, Orfaig, Bobrovsky: BoT-SORT: Robust Associations Multi-Pedestrian Tracking, 2022. ByteTrack's scheme with a
/// Kalman filter on width and height and, through TrackerHooks, appearance and camera motion.
struct BotSortOptions : ByteTrackOptions {
  double proximity = 0.5;  ///< appearance counts only for pairs whose 1 − IoU is at most this
  double appearance = 0.25;  ///< … and whose appearance distance is at most this
  void fields(Fields& f);
};

/// The settings of `track`: which algorithm, and a group of its own for each.
struct TrackerOptions {
  Algorithm algorithm = Algorithm::kByteTrack;
  bool class_aware = true;  ///< match only objects of one class
  CentroidOptions centroid;
  IouOptions iou;
  SortOptions sort;
  ByteTrackOptions bytetrack;
  BotSortOptions botsort;
  void fields(Fields& f);
};

/// Where x' = m[0] x + m[1] y + m[2] and y' = m[3] x + m[4] y + m[5] take a point of the last frame to this one.
using Affine = std::array<double, 6>;

/// Seams of BoT-SORT; the other algorithms pass over them. Both may be empty.
struct TrackerHooks {
  /// Distance 0 … 1 between a track's last matched detection and a detection, from their embeddings, say. 1 when
  /// unknown.
  std::function<double(const Object& track, const Object& detection)> appearance_distance;
  /// How the camera moved since the last update.
  std::function<Affine(const FrameContext&)> camera_motion;
};

/// The longest gap over which motion is predicted; a longer one counts as this many frames.
inline constexpr int kLongestGap = 300;

std::unique_ptr<Tracker> make_tracker(const TrackerOptions& options, TrackerHooks hooks = {});

}  // namespace vedette::track
