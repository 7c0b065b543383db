#include "vedette/console/log_spans.h"

#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/base/log.h"

namespace vedette::console {
namespace {

constexpr size_t kMostRemembered = 4096;
constexpr size_t kMostReadAtOnce = 4;

using framelog::ArchivedSegment;

/// Files that are not, or no longer, in memory as well.
std::vector<ArchivedSegment> older_files(const framelog::Shelf::Item& item, const std::optional<Timestamp>& memory) {
  if (!item.store) return {};
  auto files = item.store->archive()->segments();
  if (memory) {
    const int64_t begin = framelog::micros_floor(*memory);
    std::erase_if(files, [&](const ArchivedSegment& file) { return file.range.last_time_us >= begin; });
  }
  return files;
}

double interval_us(const ArchivedSegment& file) {
  return static_cast<double>(file.range.last_time_us - file.range.first_time_us) / std::max(1u, file.records - 1);
}

double usual_interval_us(const std::vector<ArchivedSegment>& files) {
  std::vector<double> all;
  for (const auto& file : files)
    if (file.records > 1) all.push_back(interval_us(file));
  if (all.empty()) return 0;
  // Below the middle: holes make intervals longer, never shorter.
  const auto at = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 4);
  std::nth_element(all.begin(), at, all.end());
  return *at;
}

std::vector<LogSpan> spans_in(const framelog::Segment& segment) {
  SpanList list;
  const uint32_t count = segment.count();
  for (uint32_t i = 0; i < count; ++i) list.add({segment.entry(i).time_us, segment.entry(i).time_us, 1});
  return list.thinned(SIZE_MAX);
}

}  // namespace

void SpanList::add(LogSpan run) {
  if (spans_.empty() || run.begin_us - spans_.back().end_us > kLeastHoleUs) {
    spans_.push_back(run);
  } else {
    spans_.back().end_us = std::max(spans_.back().end_us, run.end_us);
    spans_.back().frames += run.frames;
  }
}

std::vector<LogSpan> SpanList::thinned(size_t most) const {
  if (spans_.size() <= most) return spans_;
  std::vector<int64_t> holes;
  for (size_t i = 1; i < spans_.size(); ++i) holes.push_back(spans_[i].begin_us - spans_[i - 1].end_us);
  // Of holes of one length as many as there is room for stay.
  std::nth_element(holes.begin(), holes.begin() + static_cast<std::ptrdiff_t>(most - 1), holes.end(), std::greater<>());
  const int64_t least = holes[most - 1];
  std::vector<LogSpan> kept;
  for (const LogSpan& span : spans_) {
    if (kept.empty() || span.begin_us - kept.back().end_us > least) {
      kept.push_back(span);
    } else {
      kept.back().end_us = span.end_us;
      kept.back().frames += span.frames;
    }
  }
  return kept;
}

std::vector<LogSpan> SpanFinder::find(const framelog::Shelf::Item& item, size_t most) {
  SpanList list;
  const auto segments = item.log->segments();
  const auto stats = item.log->stats();
  const auto files = older_files(item, stats.oldest);
  const double usual = usual_interval_us(files);
  size_t may_read = kMostReadAtOnce;
  for (const ArchivedSegment& file : files) {
    const LogSpan whole{file.range.first_time_us, file.range.last_time_us, file.records};
    const double missing = static_cast<double>(whole.end_us - whole.begin_us) - usual * (file.records - 1);
    if (missing <= static_cast<double>(kLeastHoleUs)) {
      list.add(whole);
      continue;
    }
    const File key{file.name, whole.begin_us, whole.end_us, file.records};
    std::vector<LogSpan> runs;
    {
      const std::lock_guard lock(mutex_);
      if (const auto known = read_.find(key); known != read_.end()) runs = known->second;
    }
    if (runs.empty() && may_read > 0) {
      --may_read;
      try {
        const auto segment = item.store->archive()->from_time(whole.begin_us);
        if (segment && segment->count() > 0 && segment->entry(0).time_us == whole.begin_us) runs = spans_in(*segment);
      } catch (const Error& error) {
        log::debug("console: log of {}: {}", item.camera, error.line());
      }
      const std::lock_guard lock(mutex_);
      if (read_.size() >= kMostRemembered) read_.clear();
      if (!runs.empty()) read_[key] = runs;
    }
    if (runs.empty()) runs.push_back(whole);
    for (const LogSpan& run : runs) list.add(run);
  }
  for (const auto& segment : segments)
    for (const LogSpan& run : spans_in(*segment)) list.add(run);
  return list.thinned(most);
}

uint64_t frames_kept(const framelog::Shelf::Item& item) {
  const auto stats = item.log->stats();
  uint64_t frames = stats.frames;
  for (const auto& file : older_files(item, stats.oldest)) frames += file.records;
  return frames;
}

std::optional<std::pair<Timestamp, Timestamp>> times_kept(const framelog::Shelf::Item& item) {
  const auto stats = item.log->stats();
  auto oldest = stats.oldest, newest = stats.newest;
  const auto files = older_files(item, oldest);
  if (!files.empty()) {
    oldest = framelog::from_micros(files.front().range.first_time_us);
    if (!newest) newest = framelog::from_micros(files.back().range.last_time_us);
  }
  if (!oldest || !newest) return std::nullopt;
  return std::pair(*oldest, *newest);
}

}  // namespace vedette::console
