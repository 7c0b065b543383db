#include "vedette/identity/track_memory.h"

#include <algorithm>
#include <cmath>

namespace vedette::identity {

const TrackMemory::Known* TrackMemory::see(int64_t track, uint64_t sequence) {
  const auto found = tracks_.find(track);
  if (found == tracks_.end()) return nullptr;
  found->second.seen = sequence;
  return &found->second;
}

const TrackMemory::Known* TrackMemory::find(int64_t track) const {
  const auto found = tracks_.find(track);
  return found == tracks_.end() ? nullptr : &found->second;
}

bool TrackMemory::due(const Look& last, const Box& box, uint64_t sequence) const {
  if (sequence < last.sequence || sequence - last.sequence >= std::max<uint64_t>(1, options_.every_frames)) return true;
  if (options_.resize <= 0) return false;
  const auto changed = [&](float before, float now) {
    return std::abs(now - before) > static_cast<float>(options_.resize) * before;
  };
  return changed(last.box.width, box.width) || changed(last.box.height, box.height);
}

void TrackMemory::learn(int64_t track, Known known) {
  tracks_.insert_or_assign(track, std::move(known));
  if (tracks_.size() <= options_.max_tracks) return;
  tracks_.erase(std::min_element(tracks_.begin(), tracks_.end(),
                                 [](const auto& a, const auto& b) { return a.second.seen < b.second.seen; }));
}

void TrackMemory::tidy(uint64_t sequence) {
  std::erase_if(tracks_, [&](const auto& track) {
    const uint64_t seen = track.second.seen;
    return std::max(seen, sequence) - std::min(seen, sequence) > options_.forget_frames;
  });
}

}  // namespace vedette::identity
