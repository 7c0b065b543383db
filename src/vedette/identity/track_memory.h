#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "vedette/frame/box.h"
#include "vedette/identity/gallery.h"

namespace vedette::identity {

/// When a track that was looked at is looked at again.
struct RefreshOptions {
  uint64_t every_frames = 10;  ///< after so many frames; 0 or 1: in every frame
  double resize = 0.3;  ///< or when its width or height has changed by more than this fraction since; 0: never for that
  uint64_t forget_frames = 300;  ///< a track unseen for more frames is forgotten
  size_t max_tracks = 10'000;  ///< beyond that, the longest unseen are forgotten
};

/// A sighting of a track that an embedding was made from.
struct Look {
  uint64_t sequence = 0;  ///< of the frame
  Box box;
};

/// Who the tracks of one stream are, between the frames in which they are looked at. Pure and not thread-safe.
class TrackMemory {
 public:
  struct Known {
    Look look;  ///< the latest
    std::shared_ptr<const std::vector<float>> embedding;
    std::optional<Match> match;
    uint64_t seen = 0;  ///< last frame with this track
  };

  explicit TrackMemory(const RefreshOptions& options) : options_(options) {}

  /// What is known of a track, which is thereby seen in frame `sequence`; null when nothing is.
  const Known* see(int64_t track, uint64_t sequence);
  const Known* find(int64_t track) const;
  /// Whether a track that was looked at in `last` is to be looked at again, in frame `sequence`, where it is at `box`.
  /// Sequence numbers that run back mean a new recording: yes.
  bool due(const Look& last, const Box& box, uint64_t sequence) const;
  void learn(int64_t track, Known known);
  /// Forgets tracks that are unseen for too long as of frame `sequence`, or were seen as far ahead of it.
  void tidy(uint64_t sequence);
  void clear() { tracks_.clear(); }
  size_t size() const { return tracks_.size(); }

 private:
  const RefreshOptions options_;
  std::map<int64_t, Known> tracks_;
};

}  // namespace vedette::identity
