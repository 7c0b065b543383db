// What an Archive makes of the files it finds.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/framelog/archive.h"

namespace vedette::framelog {
namespace {

using Reason = RejectedFile::Reason;

/// Names and cameras come from outside: a line stays a line.
std::string shown(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

}  // namespace

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::kTorn: return "torn";
    case Reason::kTampered: return "tampered";
    case Reason::kUnknownKey: return "unknown_key";
    case Reason::kForeign: return "foreign";
    case Reason::kLeftover: return "leftover";
    case Reason::kUnreadable: return "unreadable";
  }
  return "torn";
}

Reason reason_of(SegmentFault::Kind kind) {
  switch (kind) {
    case SegmentFault::Kind::kTampered: return Reason::kTampered;
    case SegmentFault::Kind::kUnknownKey: return Reason::kUnknownKey;
    case SegmentFault::Kind::kTorn: break;
  }
  return Reason::kTorn;
}

std::string SegmentName::of(const SegmentRange& range) {
  return fmt::format("{:020}-{:020}{}", range.first_sequence, range.last_sequence, kSuffix);
}

bool Archive::reject(const std::string& name, Reason reason, const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    const auto same = [&](const RejectedFile& file) { return file.name == name && file.reason == reason; };
    if (options_.read_only && std::any_of(rejected_.begin(), rejected_.end(), same)) return false;
  }
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
  std::string line =
      shown(fmt::format("frame log of '{}': {} is not served: {} ({})", camera(), path(name), why, done));
  if (reason == Reason::kLeftover) {
    log::info("{}", line);
  } else if (reason != Reason::kUnknownKey) {  // of which look() tells, for there may be thousands
    log::warn("{}", line);
  }
  const std::lock_guard lock(mutex_);
  rejected_.push_back({name, reason, std::move(line)});
  return true;
}

void Archive::make_way(const std::string& name) {
  const auto there = [&](const RejectedFile& file) {
    return file.name == name && (file.reason == Reason::kForeign || file.reason == Reason::kUnreadable);
  };
  {
    const std::lock_guard lock(mutex_);
    if (std::none_of(rejected_.begin(), rejected_.end(), there)) return;
  }
  try {
    files_.rename(path(name), path(name) + ".bad");
    log::warn("frame log of '{}': {} is in the way of new frames (moved aside as {}.bad)", camera(), path(name), name);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kNotFound) throw;
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(rejected_, there);
}

/// What a file holds, when it may be served.
std::optional<ArchivedSegment> Archive::examine(const FileInfo& file, Look& look) {
  const auto& [name, size_bytes] = file;
  const ReadAt read = reader(name);
  try {
    const bool whole = look.verified < options_.verify_bytes;
    if (whole) {
      load_segment(read, size_bytes, options_.keys);
      look.verified += size_bytes;
    }
    const SegmentHeader header =
        whole ? read_header(read, size_bytes) : check_structure(read, size_bytes, options_.keys);
    if (header.camera != camera()) {
      reject(name, Reason::kForeign, fmt::format("it is of camera '{}'", header.camera));
    } else if (name != SegmentName::of(header.range)) {
      reject(name, Reason::kForeign, fmt::format("its name should be {}", SegmentName::of(header.range)));
    } else {
      return ArchivedSegment{name, header.range, header.records, size_bytes, header.key_id};
    }
  } catch (const SegmentFault& e) {
    const bool first_told = reject(name, reason_of(e.kind()), e.what());
    if (e.kind() == SegmentFault::Kind::kUnknownKey) {
      // New frames must not take the numbers of those that another start, with the right key, will read. But nobody has
      // vouched for these: absurd ones do not count.
      const auto& [camera, key_id, salt, range, records, data_bytes] = read_header(read, size_bytes);
      if (first_told) ++look.unknown_keys[key_id];
      if (range.last_sequence > SegmentHeader::kMaxSequence / 2) return std::nullopt;
      unread_next_sequence_ = std::max(unread_next_sequence_.load(), range.last_sequence + 1);
      unread_last_time_us_ = std::max(unread_last_time_us_.load(), range.last_time_us);
    }
  }
  return std::nullopt;
}

/// Every file of the folder examined, the newest first: those are checked byte for byte.
Archive::Look Archive::examine_all() {
  auto files = files_.list(options_.folder);
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name > b.name; });
  Look look;
  for (const auto& file : files) {
    if (file.name.ends_with(SegmentName::kUnfinished)) {
      if (!options_.read_only) reject(file.name, Reason::kLeftover, "its writing was interrupted");
      continue;
    }
    if (!file.name.ends_with(SegmentName::kSuffix)) continue;
    try {
      if (auto segment = examine(file, look)) look.good.push_back(std::move(*segment));
    } catch (const Error& e) {
      if (e.code() == ErrorCode::kNotFound) {
        look.gone = true;
      } else {
        reject(file.name, e.code() == ErrorCode::kInvalidData ? Reason::kTorn : Reason::kUnreadable, e.line());
      }
    }
  }
  for (const auto& [key_id, count] : look.unknown_keys) {
    log::warn(
        "frame log of '{}': {} files in {} are not served: they are sealed with key {:016x}, which is not among "
        "those given (give that key as well)",
        camera(), count, shown(options_.folder), key_id);
  }
  return look;
}

void Archive::look() {
  // Another process may write while this one only reads: what it put parts together to is there at a second look.
  Look look = examine_all();
  for (int looks = 1; look.gone && looks < kMostLooks; ++looks) look = examine_all();
  std::vector<ArchivedSegment>& found = look.good;
  // A whole segment is written before its parts are removed; when the power went in between, both are there. The wider
  // comes first among those that begin alike.
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::pair(a.range.first_sequence, ~a.range.last_sequence) <
           std::pair(b.range.first_sequence, ~b.range.last_sequence);
  });
  std::vector<ArchivedSegment> kept;
  for (auto& segment : found) {
    if (!kept.empty() && kept.back().range.covers(segment.range)) {
      reject(segment.name, Reason::kLeftover, fmt::format("{} holds all of it", kept.back().name));
    } else if (!kept.empty() && (segment.range.first_sequence <= kept.back().range.last_sequence ||
                                 segment.range.first_time_us <= kept.back().range.last_time_us)) {
      reject(segment.name, Reason::kForeign, fmt::format("it overlaps {}", kept.back().name));
    } else {
      kept.push_back(std::move(segment));
    }
  }
  const auto plain = std::count_if(kept.begin(), kept.end(), [](const auto& segment) { return segment.key_id == 0; });
  if (plain > 0 && !options_.keys.empty()) {
    log::warn(
        "frame log of '{}': {} of {} files are not sealed, whoever may write there may have changed them "
        "(vedette log reseal seals them)",
        camera(), plain, kept.size());
  }
  const std::lock_guard lock(mutex_);
  segments_ = std::move(kept);
}

}  // namespace vedette::framelog
