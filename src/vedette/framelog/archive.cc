#include "vedette/framelog/archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/base/log.h"

namespace vedette::framelog {
namespace {

constexpr std::string_view kSuffix = ".seg";
constexpr std::string_view kUnfinished = ".tmp";

std::string name_of(const SegmentRange& range) {
  return fmt::format("{:020}-{:020}{}", range.first_sequence, range.last_sequence, kSuffix);
}

bool covers(const SegmentRange& wide, const SegmentRange& narrow) {
  return wide.first_sequence <= narrow.first_sequence && narrow.last_sequence <= wide.last_sequence;
}

RejectedFile::Reason reason_of(SegmentFault::Kind kind) {
  switch (kind) {
    case SegmentFault::Kind::kTampered: return RejectedFile::Reason::kTampered;
    case SegmentFault::Kind::kUnknownKey: return RejectedFile::Reason::kUnknownKey;
    case SegmentFault::Kind::kTorn: break;
  }
  return RejectedFile::Reason::kTorn;
}

}  // namespace

std::string_view to_string(RejectedFile::Reason reason) {
  switch (reason) {
    case RejectedFile::Reason::kTorn: return "torn";
    case RejectedFile::Reason::kTampered: return "tampered";
    case RejectedFile::Reason::kUnknownKey: return "unknown_key";
    case RejectedFile::Reason::kForeign: return "foreign";
    case RejectedFile::Reason::kLeftover: return "leftover";
    case RejectedFile::Reason::kUnreadable: return "unreadable";
  }
  return "torn";
}

Archive::Archive(ArchiveOptions options)
    : options_(std::move(options)), files_(options_.files == nullptr ? FileSystem::system() : *options_.files) {
  if (options_.camera.size() > SegmentHeader::kMaxCameraBytes) {
    throw Error(ErrorCode::kUsage, fmt::format("the camera name '{}' is too long to be kept", options_.camera),
                fmt::format("{} bytes at most", SegmentHeader::kMaxCameraBytes));
  }
  if (!options_.read_only) files_.make_folder(options_.folder);
  recover();
}

ReadAt Archive::reader(const std::string& name) const {
  return [this, file = path(name)](uint64_t offset, std::span<std::byte> into) { files_.read(file, offset, into); };
}

void Archive::reject(const std::string& name, RejectedFile::Reason reason, const std::string& why) {
  using Reason = RejectedFile::Reason;
  std::string done = "left as it is";
  const bool bad = reason == Reason::kTorn || reason == Reason::kTampered;
  if (!options_.read_only && (bad || reason == Reason::kLeftover)) {
    try {
      if (bad) {
        files_.rename(path(name), path(name) + ".bad");
        done = "moved aside as " + name + ".bad";
      } else {
        files_.remove(path(name));
        done = "removed";
      }
    } catch (const Error& e) {
      done = e.what();
    }
  }
  std::string line = fmt::format("frame log of '{}': {} is not served: {} ({})", camera(), path(name), why, done);
  if (reason == Reason::kLeftover) {
    log::info("{}", line);
  } else {
    log::warn("{}", line);
  }
  const std::lock_guard lock(mutex_);
  rejected_.push_back({name, reason, std::move(line)});
}

void Archive::recover() {
  auto files = files_.list(options_.folder);
  // Newest first: those are checked byte for byte.
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name > b.name; });
  uint64_t verified = 0;
  for (const auto& [name, size_bytes] : files) {
    if (name.ends_with(kUnfinished)) {
      reject(name, RejectedFile::Reason::kLeftover, "its writing was interrupted");
      continue;
    }
    if (!name.ends_with(kSuffix)) continue;
    try {
      const bool whole = verified < options_.verify_bytes;
      if (whole) {
        load_segment(reader(name), size_bytes, options_.keys);
        verified += size_bytes;
      }
      const SegmentHeader header =
          whole ? read_header(reader(name), size_bytes) : check_structure(reader(name), size_bytes, options_.keys);
      if (header.camera != camera()) {
        reject(name, RejectedFile::Reason::kForeign, fmt::format("it is of camera '{}'", header.camera));
      } else if (name != name_of(header.range)) {
        reject(name, RejectedFile::Reason::kForeign, fmt::format("its name should be {}", name_of(header.range)));
      } else {
        segments_.push_back({name, header.range, header.records, size_bytes, header.key_id});
      }
    } catch (const SegmentFault& e) {
      reject(name, reason_of(e.kind()), e.line());
      // New frames must not take the numbers of those that another start, with the right key, will read.
      if (e.kind() == SegmentFault::Kind::kUnknownKey) {
        const SegmentRange range = read_header(reader(name), size_bytes).range;
        unread_next_sequence_ = std::max(unread_next_sequence_, range.last_sequence + 1);
        unread_last_time_us_ = std::max(unread_last_time_us_, range.last_time_us);
      }
    } catch (const Error& e) {
      reject(name, RejectedFile::Reason::kUnreadable, e.line());
    }
  }
  // A whole segment is written before its parts are removed; when the power went in between, both are there. The wider
  // comes first among those that begin alike.
  std::sort(segments_.begin(), segments_.end(), [](const auto& a, const auto& b) {
    return std::pair(a.range.first_sequence, ~a.range.last_sequence) <
           std::pair(b.range.first_sequence, ~b.range.last_sequence);
  });
  std::vector<ArchivedSegment> kept;
  for (auto& segment : segments_) {
    if (!kept.empty() && covers(kept.back().range, segment.range)) {
      reject(segment.name, RejectedFile::Reason::kLeftover, fmt::format("{} holds all of it", kept.back().name));
    } else if (!kept.empty() && (segment.range.first_sequence <= kept.back().range.last_sequence ||
                                 segment.range.first_time_us <= kept.back().range.last_time_us)) {
      reject(segment.name, RejectedFile::Reason::kForeign, fmt::format("it overlaps {}", kept.back().name));
    } else {
      kept.push_back(std::move(segment));
    }
  }
  segments_ = std::move(kept);
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
  return std::max(unread_next_sequence_, segments_.empty() ? 0 : segments_.back().range.last_sequence + 1);
}

std::optional<Timestamp> Archive::last_time() const {
  const std::lock_guard lock(mutex_);
  const int64_t last =
      std::max(unread_last_time_us_, segments_.empty() ? INT64_MIN : segments_.back().range.last_time_us);
  return last == INT64_MIN ? std::nullopt : std::optional(from_micros(last));
}

void Archive::write_image(const SegmentImage& image, const std::string& name) {
  const std::string unfinished = path(name) + std::string(kUnfinished);
  try {
    {
      const auto file = files_.create(unfinished);
      image.write([&](std::span<const std::byte> bytes) { file->write(bytes); });
      file->sync();
    }
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
  const SegmentImage image(segment, begin, end, camera(), options_.keys);
  const SegmentHeader& header = image.header();
  const std::string name = name_of(header.range);
  write_image(image, name);
  std::vector<std::string> covered;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(segments_, [&](const ArchivedSegment& old) {
      if (!covers(header.range, old.range)) return false;
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
  while (true) {
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
      forget(file.name);
      lost_files_.fetch_add(1);
      reject(file.name, reason_of(e.kind()), e.line());
    } catch (const Error& e) {
      const std::lock_guard lock(mutex_);
      const auto same = [&](const ArchivedSegment& segment) { return segment.name == file.name; };
      // Retention, or a whole segment in place of its parts, took it meanwhile: choose again.
      if (std::any_of(segments_.begin(), segments_.end(), same)) throw;
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
