#include "vedette/framelog/cursor.h"

#include <chrono>

#include "vedette/framelog/log.h"

namespace vedette::framelog {

/// The next frame by sequence number alone.
std::optional<FrameRef> Cursor::peek_any() {
  if (auto segment = segment_.lock()) {
    if (index_ < segment->count()) return FrameRef(std::move(segment), index_);
    if (!segment->sealed()) return std::nullopt;
    // Sealed after count() was read: now it is final.
    if (index_ < segment->count()) return FrameRef(std::move(segment), index_);
  }
  auto found = log_->first_from_sequence(next_sequence_);
  if (found) {
    segment_ = found->segment();
    index_ = found->index();
  }
  return found;
}

std::optional<FrameRef> Cursor::peek() {
  while (!ended_) {
    auto frame = peek_any();
    if (!frame) return std::nullopt;
    if (frame->time_us() >= end_us_) {
      ended_ = true;
      return std::nullopt;
    }
    if (frame->time_us() >= begin_us_) return frame;
    // Frames came that are older than where this cursor begins; times grow, so this happens before the first only.
    const uint32_t first = frame->segment()->first_from_time(begin_us_);
    go_behind(FrameRef(frame->segment(), first - 1));
  }
  return std::nullopt;
}

void Cursor::go_behind(const FrameRef& frame) {
  segment_ = frame.segment();
  index_ = frame.index() + 1;
  next_sequence_ = frame.sequence() + 1;
}

std::optional<FrameRef> Cursor::next() {
  auto frame = peek();
  if (!frame) return std::nullopt;
  last_gap_ = counting_ ? frame->sequence() - next_sequence_ : 0;
  missed_ += last_gap_;
  counting_ = true;
  go_behind(*frame);
  ended_ = frame->time_us() + 1 >= end_us_;
  return frame;
}

std::optional<FrameRef> Cursor::newest() {
  if (!peek()) return std::nullopt;
  auto frame = end_us_ == INT64_MAX ? log_->newest() : log_->last_up_to_time(end_us_ - 1);
  if (!frame || frame->sequence() < next_sequence_) return std::nullopt;
  skipped_ += frame->sequence() - next_sequence_;
  last_gap_ = 0;
  counting_ = true;
  go_behind(*frame);
  ended_ = frame->time_us() + 1 >= end_us_;
  return frame;
}

template <typename Take>
std::optional<FrameRef> Cursor::wait_for(MonotonicTime deadline, Take take) {
  while (true) {
    const uint32_t seen = log_->wakeup_.epoch();
    const bool closed = log_->closed();
    if (auto frame = take()) return frame;
    if (ended_ || closed || std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    log_->wakeup_.wait(seen, deadline);
  }
}

std::optional<FrameRef> Cursor::next(MonotonicTime deadline) {
  return wait_for(deadline, [this] { return next(); });
}

std::optional<FrameRef> Cursor::newest(MonotonicTime deadline) {
  return wait_for(deadline, [this] { return newest(); });
}

bool Cursor::done() const {
  return ended_ || (log_->closed() && next_sequence_ >= log_->next_sequence_.load(std::memory_order_acquire));
}

}  // namespace vedette::framelog
