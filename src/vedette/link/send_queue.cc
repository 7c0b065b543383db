#include "vedette/link/send_queue.h"

#include <algorithm>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::link {
namespace {

/// Gaps of different reasons lie side by side; beyond so many runs the oldest are told under one reason.
constexpr size_t kMostGapRuns = 64;

}  // namespace

SendQueue::SendQueue(const SenderOptions& options, MonotonicTime now) : options_(options), detached_at_(now) {
  VEDETTE_ASSERT(options_.capacity > 0);
}

bool SendQueue::out_of_patience(MonotonicTime now) const {
  return !attached_ && options_.patience > Duration{0} && now - detached_at_ >= options_.patience;
}

bool SendQueue::expired(const Item& item, MonotonicTime now) const {
  return options_.deadline > Duration{0} && now - item.observation.frame().arrival > options_.deadline;
}

bool SendQueue::reserve(MonotonicTime now) {
  if (options_.when_full == WhenFull::kBlock && full()) {
    expire(now);
    while (full() && out_of_patience(now) && let_oldest_unsent_go(GapReason::kUnreachable)) {
    }
    if (full()) {
      refused_ = true;
      return false;
    }
  }
  ++reserved_;
  return true;
}

void SendQueue::give_back() {
  VEDETTE_ASSERT(reserved_ > 0);
  --reserved_;
}

uint64_t SendQueue::put(Observation observation, size_t bytes, bool reserved, MonotonicTime now) {
  VEDETTE_ASSERT(!ended_);
  if (reserved) give_back();
  if (options_.when_full == WhenFull::kLatest) {
    while (let_oldest_unsent_go(GapReason::kSuperseded)) {
    }
  } else if (options_.when_full == WhenFull::kDropOldest) {
    while (unsent() >= options_.capacity && let_oldest_unsent_go(GapReason::kQueueFull)) {
    }
  } else if (out_of_patience(now)) {
    while (full() && let_oldest_unsent_go(GapReason::kUnreachable)) {
    }
  }
  while (bytes_ + bytes > options_.max_held_bytes && let_oldest_unsent_go(GapReason::kQueueFull)) {
  }
  Entry entry;
  entry.first = number_++;
  entry.item = std::make_shared<Item>(Item{std::move(observation), bytes, now});
  entries_.push_back(std::move(entry));
  ++items_;
  ++put_;
  bytes_ += bytes;
  return number_ - 1;
}

void SendQueue::end() {
  if (ended_) return;
  ended_ = true;
  Entry entry;
  entry.kind = Entry::Kind::kEnd;
  entry.first = number_++;
  entries_.push_back(std::move(entry));
}

SendQueue::Item* SendQueue::find_unsent(uint64_t number) {
  for (size_t i = unsent_; i < entries_.size(); ++i)
    if (entries_[i].item && entries_[i].first == number) return entries_[i].item.get();
  return nullptr;
}

void SendQueue::let_go(uint64_t number, GapReason reason) {
  for (size_t i = unsent_; i < entries_.size(); ++i) {
    if (entries_[i].item && entries_[i].first == number) {
      make_gap(i, reason);
      return;
    }
  }
}

void SendQueue::take_back(uint64_t number, GapReason reason) {
  let_go(number, reason);  // when the connection broke meanwhile
  if (unsent_ == 0 || !entries_[unsent_ - 1].item || entries_[unsent_ - 1].first != number) return;
  --unsent_;
  --sent_items_;
  --sent_here_;
  const size_t at = unsent_;
  while (unsent_ > 0 && entries_[unsent_ - 1].kind == Entry::Kind::kGap) --unsent_;
  make_gap(at, reason);
}

bool SendQueue::let_oldest_unsent_go(GapReason reason) {
  for (size_t i = unsent_; i < entries_.size(); ++i) {
    if (!entries_[i].item) continue;
    make_gap(i, reason);
    return true;
  }
  return false;
}

void SendQueue::make_gap(size_t index, GapReason reason) {
  Entry& entry = entries_[index];
  --items_;
  bytes_ -= entry.item->bytes;
  entry.item.reset();
  entry.kind = Entry::Kind::kGap;
  entry.reason = reason;
  merge_gaps(index);
}

void SendQueue::merge_gaps(size_t index) {
  const auto alike = [&](size_t a, size_t b) {
    return entries_[a].kind == Entry::Kind::kGap && entries_[b].kind == Entry::Kind::kGap &&
           entries_[a].reason == entries_[b].reason && entries_[a].counted == entries_[b].counted;
  };
  const auto join = [&](size_t first) {
    entries_[first].count += entries_[first + 1].count;
    entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(first) + 1);
  };
  if (index + 1 < entries_.size() && alike(index, index + 1)) join(index);
  if (index > unsent_ && alike(index - 1, index)) join(index - 1);
  if (entries_.size() - unsent_ <= kMostGapRuns + 2 * items_) return;
  for (size_t i = unsent_; i + 1 < entries_.size(); ++i) {
    if (entries_[i].kind != Entry::Kind::kGap || entries_[i + 1].kind != Entry::Kind::kGap) continue;
    if (entries_[i].counted != entries_[i + 1].counted) continue;
    join(i);
    return;
  }
}

void SendQueue::count_gap(Entry& entry) {
  if (entry.counted) return;
  entry.counted = true;
  counted_[entry.reason] += entry.count;
}

void SendQueue::pop_below(uint64_t next) {
  while (!entries_.empty() && entries_.front().first < next) {
    Entry& entry = entries_.front();
    if (entry.kind == Entry::Kind::kGap && entry.first + entry.count > next) {
      const uint64_t known = next - entry.first;
      entry.first = next;
      entry.count -= known;
      return;
    }
    if (entry.item) {
      --items_;
      bytes_ -= entry.item->bytes;
      if (unsent_ > 0) --sent_items_;
      ++acknowledged_;
    }
    if (unsent_ > 0) --unsent_;
    entries_.pop_front();
  }
}

bool SendQueue::attach(std::optional<uint64_t> next, uint64_t allowed) {
  if (next && *next > number_) return false;
  if (next) pop_below(*next);
  if (ended_ && entries_.empty() && !next) {  // a receiver that was restarted: it is told of the end again
    Entry entry;
    entry.kind = Entry::Kind::kEnd;
    entry.first = number_ - 1;
    entries_.push_back(std::move(entry));
  }
  attached_ = true;
  allowed_ = allowed;
  sent_here_ = 0;
  unsent_ = 0;
  sent_items_ = 0;
  return true;
}

void SendQueue::forget(GapReason reason) {
  for (Entry& entry : entries_) {
    if (entry.item) {
      counted_[reason] += 1;
    } else if (entry.kind == Entry::Kind::kGap) {
      count_gap(entry);
    }
  }
  entries_.clear();
  unsent_ = sent_items_ = items_ = 0;
  bytes_ = 0;
}

void SendQueue::detach(MonotonicTime now) {
  if (attached_) detached_at_ = now;
  attached_ = false;
  unsent_ = 0;
  sent_items_ = 0;
}

bool SendQueue::acknowledge(uint64_t next, uint64_t allowed) {
  if (!attached_) return true;  // of an attachment that is over
  const uint64_t first_unsent = unsent_ < entries_.size() ? entries_[unsent_].first : number_;
  if (next > first_unsent) return false;
  allowed_ = std::max(allowed_, allowed);  // two may have overtaken each other
  pop_below(next);
  return true;
}

std::optional<SendQueue::Next> SendQueue::next(MonotonicTime now) {
  if (!attached_) return std::nullopt;
  if (options_.deadline > Duration{0}) expire(now);
  Next out;
  size_t at = unsent_;
  while (at < entries_.size() && entries_[at].kind == Entry::Kind::kGap) ++at;
  if (at < entries_.size() && entries_[at].item) {
    Item& item = *entries_[at].item;
    if (!item.ready || !item.prepared || sent_here_ >= allowed_ || in_flight() >= options_.capacity)
      return std::nullopt;
    ++sent_here_;
    ++sent_items_;
    out.again = std::exchange(item.sent_before, true);
    out.item = entries_[at].item;
    out.number = entries_[at].first;
  } else if (at < entries_.size()) {
    out.kind = Next::Kind::kEnd;
    out.number = entries_[at].first;
  } else if (at > unsent_) {
    out.kind = Next::Kind::kGapsOnly;
    out.number = number_;
  } else {
    return std::nullopt;
  }
  for (size_t i = unsent_; i < at; ++i) {
    out.gaps[entries_[i].reason] += entries_[i].count;
    count_gap(entries_[i]);
  }
  unsent_ = std::min(at + 1, entries_.size());
  return out;
}

void SendQueue::expire(MonotonicTime now) {
  if (options_.deadline == Duration{0}) return;
  for (size_t i = entries_.size(); i-- > unsent_;)  // from the back, since runs of gaps join
    if (i < entries_.size() && entries_[i].item && expired(*entries_[i].item, now)) make_gap(i, GapReason::kDeadline);
}

MonotonicTime SendQueue::next_expiry() const {
  MonotonicTime at = MonotonicTime::max();
  if (options_.deadline > Duration{0})
    for (size_t i = unsent_; i < entries_.size(); ++i)
      if (entries_[i].item)
        at = std::min(at, entries_[i].item->observation.frame().arrival + options_.deadline + Duration{1});
  if (refused_ && !attached_ && options_.patience > Duration{0}) at = std::min(at, detached_at_ + options_.patience);
  return at;
}

bool SendQueue::take_room_notice(MonotonicTime now) {
  if (!refused_ || (full() && !out_of_patience(now))) return false;
  refused_ = false;
  return true;
}

GapCounts SendQueue::gaps() const {
  GapCounts all = counted_;
  for (const Entry& entry : entries_)
    if (entry.kind == Entry::Kind::kGap && !entry.counted)
      all.by_reason[static_cast<size_t>(entry.reason)] += entry.count;
  return all;
}

}  // namespace vedette::link
