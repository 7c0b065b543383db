#include "vedette/framelog/archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/base/log.h"

namespace vedette::framelog {
Archive::Archive(ArchiveOptions options)
    : options_(std::move(options)), files_(options_.files == nullptr ? FileSystem::system() : *options_.files) {
  if (options_.camera.size() > SegmentHeader::kMaxCameraBytes) {
    throw Error(ErrorCode::kUsage, fmt::format("the camera name '{}' is too long to be kept", options_.camera),
                fmt::format("{} bytes at most", SegmentHeader::kMaxCameraBytes));
  }
  if (!options_.read_only) {
    try {
      make_folder();
    } catch (const Error& e) {
      // A disk without room for a folder is one that takes segments later.
      if (e.code() != ErrorCode::kExhausted) throw;
      log::warn("frame log of '{}': {}", camera(), e.line());
      return;
    }
  }
  look();
}

void Archive::make_folder() {
  if (folder_made_) return;
  files_.make_folder(options_.folder);
  folder_made_ = true;
}

ReadAt Archive::reader(const std::string& name) const {
  return [this, file = path(name)](uint64_t offset, std::span<std::byte> into) { files_.read(file, offset, into); };
}

std::vector<RejectedFile> Archive::rejected() const {
  const std::lock_guard lock(mutex_);
  return rejected_;
}

std::vector<ArchivedSegment> Archive::segments() const {
  const std::lock_guard lock(mutex_);
  return segments_;
}

uint64_t Archive::file_bytes() const {
  const std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& segment : segments_) bytes += segment.file_bytes;
  return bytes;
}

uint64_t Archive::next_sequence() const {
  const std::lock_guard lock(mutex_);
  return std::max(unread_next_sequence_.load(), segments_.empty() ? 0 : segments_.back().range.last_sequence + 1);
}

std::optional<Timestamp> Archive::last_time() const {
  const std::lock_guard lock(mutex_);
  const int64_t last =
      std::max(unread_last_time_us_.load(), segments_.empty() ? INT64_MIN : segments_.back().range.last_time_us);
  return last == INT64_MIN ? std::nullopt : std::optional(from_micros(last));
}

void Archive::write_image(const SegmentImage& image, const std::string& name) {
  const std::string unfinished = path(name) + std::string(SegmentName::kUnfinished);
  try {
    {
      const auto file = files_.create(unfinished);
      image.write([&](std::span<const std::byte> bytes) { file->write(bytes); });
      file->sync();
    }
    make_way(name);
    files_.rename(unfinished, path(name));
    files_.sync_folder(options_.folder);
  } catch (const Error&) {
    // Room for others on a full disk. What cannot be removed now is at the next start.
    try {
      files_.remove(unfinished);
    } catch (const Error& e) {
      log::debug("{}", e.line());
    }
    throw;
  }
}

void Archive::write(const Segment& segment, uint32_t begin, uint32_t end) {
  VEDETTE_ASSERT(!options_.read_only);
  make_folder();
  const SegmentImage image(segment, begin, end, camera(), options_.keys);
  const SegmentHeader& header = image.header();
  const std::string name = SegmentName::of(header.range);
  write_image(image, name);
  std::vector<std::string> covered;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(segments_, [&](const ArchivedSegment& old) {
      if (!header.range.covers(old.range)) return false;
      if (old.name != name) covered.push_back(old.name);
      return true;
    });
    const auto place = std::upper_bound(segments_.begin(), segments_.end(), header.range.first_sequence,
                                        [](uint64_t first, const auto& s) { return first < s.range.first_sequence; });
    segments_.insert(place, {name, header.range, header.records, header.file_bytes(), header.key_id});
    cache_.remove_if([&](const Loaded& loaded) { return loaded.name == name; });
  }
  for (const auto& old : covered) {
    forget(old);
    files_.remove(path(old));
  }
}

void Archive::forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::erase_if(segments_, [&](const ArchivedSegment& segment) { return segment.name == name; });
  cache_.remove_if([&](const Loaded& loaded) { return loaded.name == name; });
}

bool Archive::has(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(segments_.begin(), segments_.end(), [&](const auto& segment) { return segment.name == name; });
}

void Archive::lose(const std::string& name, RejectedFile::Reason reason, const std::string& why) {
  if (!has(name)) return;  // another reader has found it bad
  forget(name);
  lost_files_.fetch_add(1);
  reject(name, reason, why);
}

SegmentPtr Archive::load(const ArchivedSegment& file) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(cache_.begin(), cache_.end(), [&](const auto& l) { return l.name == file.name; });
    if (found != cache_.end()) {
      cache_.splice(cache_.begin(), cache_, found);
      return found->segment;
    }
  }
  SegmentPtr segment = load_segment(reader(file.name), file.file_bytes, options_.keys);
  const std::lock_guard lock(mutex_);
  cache_.push_front({file.name, segment});
  size_t bytes = 0;
  for (auto i = cache_.begin(); i != cache_.end();) {
    bytes += i->segment->memory().size_bytes();
    i = bytes > options_.cache_bytes && i != cache_.begin() ? cache_.erase(i) : std::next(i);
  }
  return segment;
}

/// The segment that `choose` picks from the files; one that turns out bad is taken out and the choice made again.
template <typename Choose>
SegmentPtr Archive::find(Choose choose) {
  for (int looks = 0;;) {
    ArchivedSegment file;
    {
      const std::lock_guard lock(mutex_);
      const auto found = choose(segments_);
      if (found == segments_.end()) return nullptr;
      file = *found;
    }
    try {
      return load(file);
    } catch (const SegmentFault& e) {
      lose(file.name, reason_of(e.kind()), e.line());
    } catch (const Error& e) {
      // Retention, or a whole segment in place of its parts, took it meanwhile: choose again.
      if (!has(file.name)) continue;
      if (e.code() == ErrorCode::kExhausted) throw;  // of memory or descriptors: it may be read later
      const bool gone = e.code() == ErrorCode::kNotFound;
      if (gone && options_.read_only && ++looks < kMostLooks) {
        look();
      } else {
        const bool torn = e.code() == ErrorCode::kInvalidData;
        lose(file.name, torn ? RejectedFile::Reason::kTorn : RejectedFile::Reason::kUnreadable, e.line());
      }
    }
  }
}

SegmentPtr Archive::from_time(int64_t time_us) {
  return find([time_us](auto& files) {
    return std::lower_bound(files.begin(), files.end(), time_us,
                            [](const auto& file, int64_t time) { return file.range.last_time_us < time; });
  });
}

SegmentPtr Archive::up_to_time(int64_t time_us) {
  return find([time_us](auto& files) {
    const auto above = std::upper_bound(files.begin(), files.end(), time_us,
                                        [](int64_t time, const auto& file) { return time < file.range.first_time_us; });
    return above == files.begin() ? files.end() : above - 1;
  });
}

SegmentPtr Archive::from_sequence(uint64_t sequence) {
  return find([sequence](auto& files) {
    return std::lower_bound(files.begin(), files.end(), sequence,
                            [](const auto& file, uint64_t wanted) { return file.range.last_sequence < wanted; });
  });
}

}  // namespace vedette::framelog
