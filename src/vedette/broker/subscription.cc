#include "vedette/broker/subscription.h"

#include <algorithm>

#include "broker.pb.h"
#include "vedette/framelog/log.h"

namespace vedette::broker {
std::shared_ptr<const v1::Event> end_event(int reason, const std::string& line) {
  auto event = std::make_shared<v1::Event>();
  event->mutable_end()->set_reason(static_cast<v1::End::Reason>(reason));
  event->mutable_end()->set_line(line);
  return event;
}

Subscription::Subscription(Options options, std::shared_ptr<Feed> feed, std::function<void()> wake)
    : options_(std::move(options)), wake_(std::move(wake)), feed_(std::move(feed)), lag_(options_.max_behind) {
  if (options_.after.time > Timestamp{}) after_ = options_.after.time;
  if (options_.renumbered) {
    begin_anew();
  } else {
    last_ = options_.after.sequence;
  }
  cursor_ = cursor_in(*feed_->log());
  live_ = !options_.begin;
  for (auto& notice : feed_->standing_notices()) notices_.push_back(std::move(notice));
}

void Subscription::begin_anew() {
  last_ = 0;
  auto event = std::make_shared<v1::Event>();
  event->mutable_gap()->set_reason(v1::Gap::LOST);
  notices_.push_back(std::move(event));
}

framelog::Cursor Subscription::cursor_in(const framelog::Log& log) {
  const uint64_t last = last_.load();
  if (last > 0) {
    const auto newest = log.newest();
    if (newest && newest->sequence() > last) return log.follow_sequence(last + 1);
    return log.follow();
  }
  const auto newest = log.newest();
  auto begin = options_.begin;
  // Of a live one the time decides only what of the kept frames is new: a clock that was put back holds nobody up.
  if (after_ && (begin || (newest && newest->time() > *after_)))
    begin = std::max(begin.value_or(Timestamp{}), *after_ + std::chrono::microseconds(1));
  began_behind_ = begin || !newest ? 0 : newest->sequence();
  if (begin && options_.end) return log.range(*begin, std::max(*begin, *options_.end));
  return begin ? log.follow(*begin) : log.follow();
}

bool Subscription::next(Item& item) {
  item = {};
  const std::lock_guard lock(mutex_);
  if (ended_) return false;
  if (!notices_.empty()) {
    item.notice = std::move(notices_.front());
    notices_.pop_front();
    if (item.notice->has_end()) ended_ = true;
    return true;
  }
  if (held_) {
    hand_out(std::move(*held_), item);
    held_.reset();
    return true;
  }
  return feed_ && next_frame(item);
}

bool Subscription::next_frame(Item& item) {
  const auto finished = [&](std::shared_ptr<const v1::Event> event) {
    item.notice = std::move(event);
    ended_ = true;
    return true;
  };
  const auto over = feed_->ended();  // before the look at the frames, so that none is missed
  auto frame = cursor_->next();
  while (frame && frame->sequence() <= last_.load() && last_.load() > 0) {  // at most once
    after_ = std::max(after_.value_or(Timestamp{}), frame->time());
    frame = cursor_->next();
  }
  if (!frame) {
    if (over) return finished(over);
    if (cursor_->done()) {
      const bool closed = feed_->log()->closed();
      return finished(end_event(closed ? v1::End::BROKER_ENDS : v1::End::REACHED, closed ? "the log was closed" : ""));
    }
    return false;
  }
  if (options_.end && frame->time() >= *options_.end) return finished(end_event(v1::End::REACHED, ""));
  const auto newest = feed_->log()->newest();
  const uint64_t behind = newest && newest->sequence() > frame->sequence() ? newest->sequence() - frame->sequence() : 0;
  // What is fetched of the past has no newest to jump to: its source waits for its reader.
  const bool past = feed_->quality().begin_ns.has_value();
  Duration waited{0};
  if (behind > 0) {
    const Timestamp wall = Clock::system().now();
    waited = wall - feed_->came(frame->sequence(), wall);
  }
  const bool jumps = live_ && !past && lag_.is_exceeded(behind, waited);
  if (behind == 0 && !past) live_ = true;
  if (jumps) {
    if (auto better = cursor_->newest(); better && (!options_.end || better->time() < *options_.end))
      frame = std::move(better);
  }
  const uint64_t last = last_.load(), sequence = frame->sequence();
  if (last > 0 && sequence > last + 1) {
    auto event = std::make_shared<v1::Event>();
    event->mutable_gap()->set_first(last + 1);
    event->mutable_gap()->set_last(sequence - 1);
    event->mutable_gap()->set_reason(jumps ? v1::Gap::BEHIND
                                           : static_cast<v1::Gap::Reason>(feed_->reason_of(last + 1)));
    feed_->traffic().missed[static_cast<size_t>(event->gap().reason())] += sequence - 1 - last;
    item.notice = std::move(event);
    held_ = std::move(frame);
    return true;
  }
  hand_out(std::move(*frame), item);
  return true;
}

void Subscription::hand_out(framelog::FrameRef frame, Item& item) {
  last_ = frame.sequence();
  after_ = frame.time();
  const Timestamp now = Clock::system().now();
  item.came = now;
  if (feed_) {
    item.came = feed_->came(frame.sequence(), now);
    feed_->traffic().sent.add(frame.bytes().size());
    if (live_) feed_->traffic().wait.record(std::max(now - item.came, Duration::zero()));
    feed_->taken();
  }
  item.frame = std::move(frame);
}

Place Subscription::place() const {
  const std::lock_guard lock(mutex_);
  return {last_.load(), after_.value_or(Timestamp{})};
}

std::shared_ptr<const Lane> Subscription::lane() const {
  if (!options_.may_share_memory) return nullptr;
  const std::lock_guard lock(mutex_);
  return feed_ && !ended_ && !stopped_ ? feed_->lane() : nullptr;
}

void Subscription::has_up_to(uint64_t sequence) {
  if (sequence <= last_) return;
  const std::lock_guard lock(mutex_);
  last_ = std::max(last_.load(), sequence);
  live_ = true;  // it had the newest
  if (feed_) ++feed_->traffic().direct;
}

uint64_t Subscription::has_at_most_what_is_kept() {
  const std::lock_guard lock(mutex_);
  const auto newest = feed_ ? feed_->log()->newest() : std::nullopt;
  const uint64_t kept = newest ? newest->sequence() : 0;
  last_ = std::min(last_.load(), kept);
  return kept;
}

void Subscription::notify(std::shared_ptr<const v1::Event> notice) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    // Who does not even read notices loses the oldest of them.
    if (notices_.size() >= kMostNotices) notices_.pop_front();
    notices_.push_back(std::move(notice));
  }
  wake_();
}

void Subscription::finish(std::shared_ptr<const v1::Event> end) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    stopped_ = true;
    held_.reset();
    notices_.clear();
    notices_.push_back(std::move(end));
  }
  wake_();
}

void Subscription::check_end(Timestamp now) {
  if (!options_.end || now < *options_.end + kEndGrace) return;
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || held_ || !notices_.empty() || !feed_) return;
    const auto newest = feed_->log()->newest();
    const bool before = options_.begin && newest && newest->time() < *options_.begin;
    if (newest && newest->sequence() > std::max(last_.load(), began_behind_) && !before)
      return;  // there is more to read
    if (feed_->source() && options_.begin && !feed_->ended()) return;  // its source reads the past
    notices_.push_back(end_event(v1::End::REACHED, ""));
  }
  wake_();
}

void Subscription::move_to(std::shared_ptr<Feed> feed) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    const bool renumbered = feed_ && feed_->epoch() != feed->epoch();
    feed_ = std::move(feed);
    if (renumbered) begin_anew();
    cursor_ = cursor_in(*feed_->log());
    held_.reset();
    for (auto& notice : feed_->standing_notices()) notices_.push_back(std::move(notice));
  }
  wake_();
}

bool Subscription::may_join_live() const {
  const std::lock_guard lock(mutex_);
  return !ended_ && !stopped_ && !held_ && !options_.end && last_ > 0;
}

std::shared_ptr<Feed> Subscription::release() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  held_.reset();
  cursor_.reset();
  return std::move(feed_);
}

std::shared_ptr<Feed> Subscription::feed() const {
  const std::lock_guard lock(mutex_);
  return feed_;
}

uint64_t Subscription::frames_behind(uint64_t newest) const {
  const uint64_t last = last_.load();
  return newest > last ? newest - last : 0;
}

}  // namespace vedette::broker
