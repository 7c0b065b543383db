#include "vedette/framelog/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::framelog {
namespace {

constexpr size_t kLeastSegmentBytes = size_t{64} << 10;
constexpr size_t kMostSegmentBytes = size_t{1} << 30;

/// The last segment whose first record is not above the key; segments.end() when all are. Only the last may be empty.
template <typename List, typename Key>
auto segment_of(const List& segments, Key key, Key IndexEntry::* member) {
  auto end = segments.end();
  if (end != segments.begin() && segments.back()->count() == 0) --end;
  const auto above = std::upper_bound(segments.begin(), end, key, [member](Key wanted, const auto& segment) {
    return wanted < segment->entry(0).*member;
  });
  return above == segments.begin() ? segments.end() : above - 1;
}

}  // namespace

std::shared_ptr<Log> Log::make(LogOptions options) {
  const auto refuse = [&](const std::string& what, const std::string& hint) {
    throw Error(ErrorCode::kUsage, fmt::format("frame log of '{}': {}", options.camera, what), hint);
  };
  if (options.segment_bytes < kLeastSegmentBytes || options.segment_bytes > kMostSegmentBytes) {
    refuse(fmt::format("a segment of {} bytes", options.segment_bytes), "64 KiB to 1 GiB");
  }
  options.segment_bytes = (options.segment_bytes + 4095) / 4096 * 4096;
  if (options.capacity_bytes / options.segment_bytes < 2) {
    refuse(fmt::format("{} bytes hold no two segments of {}", options.capacity_bytes, options.segment_bytes),
           "give it more, or smaller segments");
  }
  return std::make_shared<Log>(Passkey{}, std::move(options));
}

Log::Log(Passkey, LogOptions options)
    : options_(std::move(options)),
      most_segments_(options_.capacity_bytes / options_.segment_bytes),
      pool_(std::make_shared<SegmentPool>(options_.segment_bytes,
                                          most_segments_ * options_.segment_bytes + options_.max_held_bytes,
                                          options_.shared, options_.prefault)),
      next_sequence_(options_.first_sequence) {
  if (options_.last_time) last_time_us_ = micros_floor(*options_.last_time);
  if (options_.prefault) pool_->fill(most_segments_);
  open_ = std::make_shared<Segment>(pool_->take(), pool_);
  list_ = std::make_shared<const List>(List{open_});
}

Log::~Log() = default;

std::shared_ptr<const Log::List> Log::list() const {
  const std::lock_guard lock(mutex_);
  return list_;
}

void Log::publish_list(std::shared_ptr<const List> list) {
  {
    const std::lock_guard lock(mutex_);
    list_.swap(list);
  }
  // The old list, and with it evicted segments, goes outside of the lock.
}

void Log::check_size(size_t bytes) const {
  const size_t most = std::min(kMaxFrameBytes - 1, Segment::largest_frame(options_.segment_bytes));
  if (bytes == 0) throw Error(ErrorCode::kInvalidData, fmt::format("camera '{}': a frame without bytes", camera()));
  if (bytes > most) {
    throw Error(ErrorCode::kInvalidData,
                fmt::format("camera '{}': a frame of {} bytes; its log takes {} at most", camera(), bytes, most),
                most == kMaxFrameBytes - 1 ? "send smaller frames" : "give the log larger segments");
  }
}

IndexEntry Log::checked_entry(const RecordInfo& info) const {
  if (closed()) throw Error(ErrorCode::kUnavailable, fmt::format("camera '{}': its frame log is closed", camera()));
  IndexEntry entry{};
  entry.time_us = micros_floor(info.time);
  if (last_time_us_ && entry.time_us <= *last_time_us_) {
    throw Error(ErrorCode::kInvalidData,
                fmt::format("camera '{}': a frame of {} after the one of {}", camera(),
                            to_rfc3339(from_micros(entry.time_us)), to_rfc3339(from_micros(*last_time_us_))),
                "capture times must grow by 1 µs or more");
  }
  const uint64_t next = next_sequence_.load(std::memory_order_relaxed);
  entry.sequence = info.sequence == kNextSequence ? next : info.sequence;
  if (entry.sequence < next) {
    throw Error(
        ErrorCode::kInvalidData,
        fmt::format("camera '{}': frame number {} where {} or a later one must come", camera(), entry.sequence, next),
        "sequence numbers must grow");
  }
  entry.knob = info.knob;
  entry.width = info.width;
  entry.height = info.height;
  entry.original_width = info.original_width == 0 ? info.width : info.original_width;
  entry.original_height = info.original_height == 0 ? info.height : info.original_height;
  entry.codec = static_cast<uint8_t>(info.codec);
  entry.flags = info.key_frame ? 1 : 0;
  return entry;
}

void Log::evict_oldest(List& kept) {
  evicted_.store(evicted_.load(std::memory_order_relaxed) + kept.front()->count(), std::memory_order_relaxed);
  kept.erase(kept.begin());
  publish_list(std::make_shared<const List>(kept));
}

void Log::roll() {
  open_->seal();
  List kept = *list();
  // The open one counts among the kept ones, too: without this reference its memory may come free here.
  open_.reset();
  while (kept.size() >= most_segments_) evict_oldest(kept);
  auto memory = pool_->take();
  while (!memory && kept.size() > 1) {
    evict_oldest(kept);
    memory = pool_->take();
  }
  open_ = kept.back();
  if (!memory) {
    throw Error(ErrorCode::kExhausted,
                fmt::format("camera '{}': readers hold {} MiB of frames that left the log; no room for new ones",
                            camera(), stats().held_bytes >> 20),
                "readers must let go of frames, or raise max_held_bytes");
  }
  open_ = std::make_shared<Segment>(std::move(memory), pool_, appended_.load(std::memory_order_relaxed));
  kept.push_back(open_);
  publish_list(std::make_shared<const List>(std::move(kept)));
  if (on_sealed_) on_sealed_();
}

void Log::make_room(size_t bytes) {
  if (open_->sealed() || !open_->fits(bytes)) roll();
}

uint64_t Log::publish(const IndexEntry& entry, size_t bytes) {
  has_reserved_ = false;
  open_->publish(entry, bytes);
  last_time_us_ = entry.time_us;
  next_sequence_.store(entry.sequence + 1, std::memory_order_release);
  appended_.store(appended_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  wakeup_.notify();
  return entry.sequence;
}

uint64_t Log::append(const RecordInfo& info, std::span<const std::byte> bytes) {
  check_size(bytes.size());
  const IndexEntry entry = checked_entry(info);
  make_room(bytes.size());
  std::memcpy(open_->room(bytes.size()).data(), bytes.data(), bytes.size());
  return publish(entry, bytes.size());
}

std::span<std::byte> Log::reserve(size_t most_bytes) {
  has_reserved_ = false;
  check_size(most_bytes);
  if (closed()) throw Error(ErrorCode::kUnavailable, fmt::format("camera '{}': its frame log is closed", camera()));
  make_room(most_bytes);
  reserved_ = most_bytes;
  has_reserved_ = true;
  return open_->room(most_bytes);
}

uint64_t Log::commit(const RecordInfo& info, size_t bytes) {
  VEDETTE_ASSERT(has_reserved_ && bytes <= reserved_);
  check_size(bytes);
  return publish(checked_entry(info), bytes);
}

void Log::make_ready(size_t bytes) {
  const size_t most = std::min(bytes + bytes / 8, Segment::largest_frame(options_.segment_bytes));
  if (!open_->sealed()) open_->make_ready(most);
  const bool last = open_->sealed() || !open_->fits(2 * most);
  if (last && list()->size() < most_segments_) pool_->make_ready(most);  // later ones come from what is evicted
}

void Log::close() {
  if (!closed_.exchange(true, std::memory_order_acq_rel)) wakeup_.notify();
}

std::optional<FrameRef> Log::first_from_time(int64_t time_us) const {
  const auto segments = list();
  auto found = segment_of(*segments, time_us, &IndexEntry::time_us);
  if (found == segments->end()) {
    const bool any = segments->front()->count() > 0;
    if (history_) {
      if (auto old = history_->from_time(time_us)) {
        const uint32_t i = old->first_from_time(time_us);
        if (i < old->count() && (!any || old->entry(i).time_us < segments->front()->entry(0).time_us)) {
          return FrameRef(std::move(old), i);
        }
      }
    }
    return any ? std::optional(FrameRef(segments->front(), 0)) : std::nullopt;
  }
  const uint32_t i = (*found)->first_from_time(time_us);
  if (i < (*found)->count()) return FrameRef(*found, i);
  // Between the last record of this one and the first of the next.
  ++found;
  if (found != segments->end() && (*found)->count() > 0) return FrameRef(*found, 0);
  return std::nullopt;
}

std::optional<FrameRef> Log::last_up_to_time(int64_t time_us) const {
  const auto segments = list();
  const auto found = segment_of(*segments, time_us, &IndexEntry::time_us);
  if (found == segments->end()) {
    auto old = history_ ? history_->up_to_time(time_us) : nullptr;
    if (!old) return std::nullopt;
    const uint32_t i = time_us == INT64_MAX ? old->count() : old->first_from_time(time_us + 1);
    return i > 0 ? std::optional(FrameRef(std::move(old), i - 1)) : std::nullopt;
  }
  const uint32_t i = time_us == INT64_MAX ? (*found)->count() : (*found)->first_from_time(time_us + 1);
  return FrameRef(*found, i - 1);
}

std::optional<FrameRef> Log::first_from_sequence(uint64_t sequence) const {
  const auto segments = list();
  auto found = segment_of(*segments, sequence, &IndexEntry::sequence);
  if (found == segments->end()) {
    const bool any = segments->front()->count() > 0;
    if (history_) {
      if (auto old = history_->from_sequence(sequence)) {
        const uint32_t i = old->first_from_sequence(sequence);
        if (i < old->count() && (!any || old->entry(i).sequence < segments->front()->entry(0).sequence)) {
          return FrameRef(std::move(old), i);
        }
      }
    }
    return any ? std::optional(FrameRef(segments->front(), 0)) : std::nullopt;
  }
  const uint32_t i = (*found)->first_from_sequence(sequence);
  if (i < (*found)->count()) return FrameRef(*found, i);
  ++found;
  if (found != segments->end() && (*found)->count() > 0) return FrameRef(*found, 0);
  return std::nullopt;
}

std::optional<FrameRef> Log::oldest() const { return first_from_time(INT64_MIN); }
std::optional<FrameRef> Log::newest() const { return last_up_to_time(INT64_MAX); }

std::optional<FrameRef> Log::at(Timestamp time) const {
  const int64_t wanted = micros_floor(time);
  auto frame = first_from_time(wanted);
  return frame && frame->time_us() == wanted ? frame : std::nullopt;
}

std::optional<FrameRef> Log::at_or_before(Timestamp time) const { return last_up_to_time(micros_floor(time)); }
std::optional<FrameRef> Log::at_or_after(Timestamp time) const { return first_from_time(micros_ceil(time)); }
std::optional<FrameRef> Log::before(Timestamp time) const { return last_up_to_time(micros_ceil(time) - 1); }
std::optional<FrameRef> Log::after(Timestamp time) const { return first_from_time(micros_floor(time) + 1); }

std::optional<FrameRef> Log::with_sequence(uint64_t sequence) const {
  auto frame = first_from_sequence(sequence);
  return frame && frame->sequence() == sequence ? frame : std::nullopt;
}

Cursor Log::range(Timestamp begin, Timestamp end) const {
  if (end < begin) {
    throw Error(ErrorCode::kUsage,
                fmt::format("camera '{}': a range that ends at {}, before it begins at {}", camera(), to_rfc3339(end),
                            to_rfc3339(begin)),
                "give the earlier time first");
  }
  Cursor cursor = follow(begin);
  cursor.end_us_ = micros_ceil(end);
  cursor.ended_ = cursor.end_us_ <= cursor.begin_us_;
  return cursor;
}

Cursor Log::follow() const {
  return {shared_from_this(), next_sequence_.load(std::memory_order_acquire), true, INT64_MIN, INT64_MAX};
}

Cursor Log::follow(Timestamp from) const {
  const int64_t begin_us = micros_ceil(from);
  const uint64_t coming = next_sequence_.load(std::memory_order_acquire);
  const auto first = first_from_time(begin_us);
  return {shared_from_this(), first ? first->sequence() : coming, first.has_value(), begin_us, INT64_MAX};
}

Cursor Log::follow_sequence(uint64_t sequence) const {
  return {shared_from_this(), sequence, true, INT64_MIN, INT64_MAX};
}

std::vector<SegmentPtr> Log::segments() const {
  const auto segments = list();
  return {segments->begin(), segments->end()};
}

LogStats Log::stats() const {
  LogStats stats;
  stats.appended = appended_.load(std::memory_order_relaxed);
  stats.evicted = evicted_.load(std::memory_order_relaxed);
  stats.next_sequence = next_sequence_.load(std::memory_order_acquire);
  const auto segments = list();
  stats.segments = segments->size();
  for (const auto& segment : *segments) {
    const uint32_t records = segment->count();
    if (records == 0) continue;
    stats.frames += records;
    stats.bytes += segment->payload_bytes();
    stats.used_bytes += segment->used_bytes();
    if (!stats.oldest) stats.oldest = from_micros(segment->entry(0).time_us);
    stats.newest = from_micros(segment->entry(records - 1).time_us);
  }
  stats.memory_bytes = pool_->total_bytes();
  const size_t kept = segments->size() * options_.segment_bytes;
  stats.held_bytes = pool_->in_use_bytes() - std::min(kept, pool_->in_use_bytes());
  return stats;
}

}  // namespace vedette::framelog
