#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "vedette/framelog/shelf.h"

namespace vedette::console {

/// A time through which frames are kept, first and last frame inclusive; µs since the Unix epoch.
struct LogSpan {
  int64_t begin_us = 0;
  int64_t end_us = 0;
  uint64_t frames = 0;
};

/// Between frames that are further apart than this nothing is kept: a hole.
constexpr int64_t kLeastHoleUs = 2'000'000;

/// Frames, and runs of them, in order of time, as spans with the holes between them.
class SpanList {
 public:
  /// Begins after the beginning of all that came before.
  void add(LogSpan run);
  /// With at most `most` spans: the shortest holes are closed first.
  std::vector<LogSpan> thinned(size_t most) const;

 private:
  std::vector<LogSpan> spans_;
};

/// What a log keeps, in memory and on disk. Holes that lie within one file cannot be told without reading it: files
/// that hold too few frames for their time are read, a few at a call, and what was found is remembered. Thread-safe.
class SpanFinder {
 public:
  std::vector<LogSpan> find(const framelog::Shelf::Item& item, size_t most);

 private:
  /// A file by its name, its times and how many records it has.
  using File = std::tuple<std::string, int64_t, int64_t, uint32_t>;
  std::mutex mutex_;
  std::map<File, std::vector<LogSpan>> read_;  // at most kMostRemembered
};

/// Frames kept, each once whether in memory, on disk or both.
uint64_t frames_kept(const framelog::Shelf::Item& item);
/// The first and last frame's time; nothing when none are kept. Reads no file.
std::optional<std::pair<Timestamp, Timestamp>> times_kept(const framelog::Shelf::Item& item);

}  // namespace vedette::console
