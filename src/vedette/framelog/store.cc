#include "vedette/framelog/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/base/thread.h"

namespace vedette::framelog {

Store::Store(StoreOptions options, LogOptions log_options) : options_(std::move(options)) {
  options_.archive.camera = log_options.camera;
  archive_ = std::make_shared<Archive>(options_.archive);
  log_options.first_sequence = std::max(log_options.first_sequence, archive_->next_sequence());
  if (const auto last = archive_->last_time()) {
    log_options.last_time = std::max(log_options.last_time.value_or(*last), *last);
  }
  log_ = Log::make(std::move(log_options));
  log_->set_history(archive_);
  log_->set_on_sealed([bell = bell_] {
    const std::lock_guard lock(bell->mutex);
    bell->sealed = true;
    bell->wake.notify_one();
  });
  next_sequence_ = log_->options().first_sequence;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Store::~Store() {
  thread_.request_stop();
  thread_.join();
}

void Store::run(const std::stop_token& stop) {
  name_this_thread("log-store");
  while (true) {
    uint64_t ticket = 0;
    bool with_open = false;
    {
      std::unique_lock lock(bell_->mutex);
      const Duration wait = stats_.trouble ? options_.retry_interval : options_.flush_interval;
      const bool trouble = stats_.trouble.has_value();
      // While the disk refuses, only time and flush() lead to another try.
      const bool asked = bell_->wake.wait_for(
          lock, stop, wait, [&] { return (bell_->sealed && !trouble) || flush_wanted_ > flush_done_; });
      with_open = !asked || flush_wanted_ > flush_done_;
      ticket = flush_wanted_;
      bell_->sealed = false;
    }
    const bool stopping = stop.stop_requested();
    bool good = true;
    try {
      persist(with_open || stopping);
      report({});
    } catch (const Error& e) {
      good = false;
      report(e.line());
    } catch (const std::exception& e) {
      good = false;
      report(e.what());
    }
    {
      const std::lock_guard lock(bell_->mutex);
      flush_done_ = ticket;
      flush_good_ = good;
      flushed_.notify_all();
    }
    if (stopping) return;
  }
}

/// Says once when the disk stops taking segments and once when it takes them again.
void Store::report(const std::string& trouble) {
  std::unique_lock lock(bell_->mutex);
  const bool had = stats_.trouble.has_value();
  stats_.trouble = trouble.empty() ? std::nullopt : std::optional(trouble);
  const uint64_t lost = stats_.lost_frames;
  lock.unlock();
  if (!trouble.empty() && !had) {
    log::error("frame log of '{}': live goes on, nothing is stored: {}; next try in {:.0f} s", log_->camera(), trouble,
               to_seconds(options_.retry_interval));
  } else if (trouble.empty() && had) {
    log::info("frame log of '{}': frames are stored again; {} were lost so far", log_->camera(), lost);
  }
}

void Store::persist(bool with_open) {
  try {
    write_segments(with_open);
  } catch (const Error&) {
    // On a full disk the limits of age and bytes make room.
    if (!retain()) throw;
    write_segments(with_open);
  }
  retain();
}

bool Store::retain() {
  const Clock& clock = options_.clock == nullptr ? Clock::system() : *options_.clock;
  const uint64_t removed = archive_->retain(clock.now());
  const std::lock_guard lock(bell_->mutex);
  stats_.removed_frames += removed;
  return removed > 0;
}

void Store::write_segments(bool with_open) {
  // One at a time: a segment that is held here cannot be used again by the log.
  while (const SegmentPtr segment = next_segment(with_open)) {
    const bool whole = segment->sealed();
    persist_segment(*segment);
    if (!whole) break;
  }
}

SegmentPtr Store::next_segment(bool with_open) {
  const auto segments = log_->segments();
  const std::lock_guard lock(bell_->mutex);
  if (const uint64_t oldest = segments.front()->ordinal(); oldest > next_ordinal_) {
    stats_.lost_frames += oldest - next_ordinal_;
    next_ordinal_ = oldest;
  }
  for (const auto& segment : segments) {
    if (segment->ordinal() + segment->count() <= next_ordinal_) continue;
    return segment->sealed() || with_open ? segment : nullptr;
  }
  return nullptr;
}

void Store::persist_segment(const Segment& segment) {
  const bool whole = segment.sealed();
  const uint32_t count = segment.count();
  uint32_t begin = 0;
  {
    const std::lock_guard lock(bell_->mutex);
    begin = static_cast<uint32_t>(next_ordinal_ - segment.ordinal());
  }
  // A sealed segment that was begun in parts is written whole, and takes their place.
  archive_->write(segment, whole ? 0 : begin, count);
  const std::lock_guard lock(bell_->mutex);
  stats_.persisted_frames += count - begin;
  next_ordinal_ = segment.ordinal() + count;
  next_sequence_ = segment.entry(count - 1).sequence + 1;
}

bool Store::flush(MonotonicTime deadline) {
  std::unique_lock lock(bell_->mutex);
  const uint64_t ticket = ++flush_wanted_;
  bell_->wake.notify_one();
  const bool done = flushed_.wait_until(lock, deadline, [&] { return flush_done_ >= ticket; });
  return done && flush_good_;
}

uint64_t Store::persisted_up_to() const {
  const std::lock_guard lock(bell_->mutex);
  return next_sequence_;
}

StoreStats Store::stats() const {
  StoreStats stats;
  {
    const std::lock_guard lock(bell_->mutex);
    stats = stats_;
  }
  stats.files = archive_->segments().size();
  stats.file_bytes = archive_->file_bytes();
  stats.bad_files = archive_->lost_files();
  for (const auto& file : archive_->rejected()) {
    stats.bad_files += file.reason == RejectedFile::Reason::kTorn || file.reason == RejectedFile::Reason::kTampered;
  }
  return stats;
}

}  // namespace vedette::framelog
