// Archive's upkeep: what is removed, sealed again and checked.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/framelog/archive.h"

namespace vedette::framelog {

uint64_t Archive::retain(Timestamp now) {
  uint64_t frames = 0;
  while (true) {
    ArchivedSegment oldest;
    {
      const std::lock_guard lock(mutex_);
      if (segments_.empty()) break;
      uint64_t bytes = 0;
      for (const auto& segment : segments_) bytes += segment.file_bytes;
      oldest = segments_.front();
      const bool too_old = options_.max_age && oldest.range.last_time_us < micros_floor(now - *options_.max_age);
      // The newest stays, however large: a limit below one segment must not lose what was just written.
      const bool too_much = options_.max_bytes && bytes > *options_.max_bytes && segments_.size() > 1;
      if (!too_old && !too_much) break;
    }
    // Out of the list first: a reader that looks meanwhile finds it not, instead of finding it gone.
    forget(oldest.name);
    files_.remove(path(oldest.name));
    frames += oldest.records;
  }
  if (frames > 0) files_.sync_folder(options_.folder);
  return frames;
}

size_t Archive::reseal() {
  const uint64_t wanted = options_.keys.empty() ? 0 : Keyring::id_of(options_.keys.sealing());
  size_t done = 0;
  for (const auto& file : segments()) {
    if (file.key_id == wanted) continue;
    const auto segment = load_segment(reader(file.name), file.file_bytes, options_.keys);
    write(*segment, 0, segment->count());
    ++done;
  }
  return done;
}

size_t Archive::verify(const std::function<void(const ArchivedSegment&, const std::string& fault)>& each) {
  size_t bad = 0;
  for (const auto& file : segments()) {
    std::string fault;
    try {
      load_segment(reader(file.name), file.file_bytes, options_.keys);
    } catch (const Error& e) {
      // The process that writes it took it away, by retention or in favour of a whole segment.
      if (e.code() == ErrorCode::kNotFound) continue;
      fault = e.line();
      ++bad;
    }
    each(file, fault);
  }
  return bad;
}

}  // namespace vedette::framelog
