#include "vedette/graph/import.h"

#include <algorithm>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::graph {

Import::~Import() {
  const auto last = readers_.clear();
  for (const auto& reader : *last) reader->end(*this, Ending::kParted);
}

void Import::on_taken(std::function<void(size_t)> taken) {
  const std::lock_guard lock(mutex_);
  taken_ = std::move(taken);
}

void Import::deliver(Observation observation) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return;
    sender_closed_ = false;
    ++counts_.received;
    const uint64_t sequence = observation.frame().sequence;
    if (const uint64_t missing = resumption_.missing_before(sequence); missing > 0) counts_.gaps["moved"] += missing;
    last_sequence_ = sequence;
    waiting_.push_back(std::move(observation));
  }
  hand_on();
}

void Import::resume_after(uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  last_sequence_ = sequence;
  resumption_.after(sequence);
}

std::optional<uint64_t> Import::last_sequence() const {
  const std::lock_guard lock(mutex_);
  return last_sequence_;
}

void Import::gap(uint64_t observations, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.gaps.find(reason);
  if (found == counts_.gaps.end()) {
    counts_.gaps.emplace(reason, observations);
  } else {
    found->second += observations;
  }
}

void Import::end(Ending why) {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(ending_, true)) why_ = why;
    if (why == Ending::kParted) awaits_before_ = false;
  }
  hand_on();
}

/// Nothing more comes here; the stream goes on by what takes our place.
void Import::close() {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(ending_, true)) why_ = Ending::kParted;
  }
  hand_on();
}

void Import::cut_off() {
  {
    const std::lock_guard lock(mutex_);
    cut_off_ = true;
  }
  end(Ending::kParted);
}

bool Import::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

Import::Counts Import::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void Import::change_readers(const Readers& add, const Readers& remove) {
  Readers over;
  Readers parted;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) over = add;
    if (!ended_)
      for (const auto& reader : add) readers_.add(reader);
    for (const auto& reader : remove)
      if (auto removed = readers_.remove(*reader)) (handing_ ? departing_ : parted).push_back(std::move(removed));
  }
  for (const auto& reader : over) reader->end(*this, Ending::kParted);
  for (const auto& reader : parted) reader->end(*this, Ending::kParted);
  hand_on();
}

void Import::room() { hand_on(); }

void Import::follow(const std::shared_ptr<Import>& before, std::shared_ptr<void> link) {
  {
    const std::lock_guard lock(mutex_);
    before_ = before;
    before_link_ = std::move(link);
  }
  before->lead(weak_from_this());
}

void Import::lead(std::weak_ptr<Import> next) {
  {
    const std::lock_guard lock(mutex_);
    next_ = std::move(next);
    if (!sender_closed_) return;
  }
  close();
}

void Import::sender_closed() {
  {
    const std::lock_guard lock(mutex_);
    sender_closed_ = true;
    if (next_.expired()) return;
  }
  close();
}

Import::Progress Import::progress() const {
  Progress all;
  std::shared_ptr<Import> before;
  {
    const std::lock_guard lock(mutex_);
    all = {handed_, waiting_.empty(), ended_, cut_off_};
    if (!handed_) before = before_;
  }
  if (!before) return all;
  const Progress its = before->progress();
  all.handed = its.handed;
  all.idle = all.idle && its.idle;
  return all;
}

/// Whether the first that waits went on already by the old way: its sender kept it, since our word that it has arrived
/// came too late. A sender keeps no more than we have places; beyond that the stream has begun anew. With the mutex
/// held, but for a while.
bool Import::leave_out_known(std::optional<uint64_t> handed, std::unique_lock<std::mutex>& lock) {
  if (!handed || waiting_.front().frame().sequence > *handed || left_out_ >= places_) return false;
  ++left_out_;
  const Observation known = std::move(waiting_.front());
  waiting_.pop_front();
  const auto taken = taken_;
  lock.unlock();
  if (taken) taken(1);
  lock.lock();
  return true;
}

/// Whether what waits comes after something that has not gone on yet, or nothing waits any more. With the mutex held,
/// but for a while.
bool Import::must_wait(std::unique_lock<std::mutex>& lock) {
  if (!before_) return false;
  auto before = before_;
  lock.unlock();
  const Progress its = before->progress();
  lock.lock();
  while (!waiting_.empty() && leave_out_known(its.handed, lock)) {
  }
  if (waiting_.empty() || !before_) return waiting_.empty();
  const uint64_t first = waiting_.front().frame().sequence;
  uint64_t missing = 0;
  if (its.handed && (!its.ended || its.cut_off)) missing = first - std::min(first, *its.handed + 1);
  const bool full = waiting_.size() >= places_;
  if (!its.ended && !(its.handed && missing == 0) && !(full && its.idle)) return true;
  lock.unlock();
  before->end(Ending::kParted);
  lock.lock();
  if (missing > 0) counts_.gaps["moved"] += missing;
  before_.reset();
  auto link = std::exchange(before_link_, nullptr);
  lock.unlock();  // closing it waits for callbacks
  link.reset();
  before.reset();
  lock.lock();
  return false;
}

/// Whether the end may be told: that of the stream, or of its sender, not before the old way's. With the mutex held;
/// locks are taken from the new to the old.
bool Import::may_end() const {
  return ending_ && waiting_.empty() && !ended_ && (!before_ || !awaits_before_ || before_->ended());
}

/// With the mutex held, but for a while.
void Import::tell_end(std::unique_lock<std::mutex>& lock) {
  ended_ = true;
  const auto last = readers_.clear();
  auto before = std::exchange(before_, nullptr);
  auto link = std::exchange(before_link_, nullptr);
  lock.unlock();
  link.reset();
  if (before) {
    before->end(Ending::kParted);
    const auto handed = before->progress().handed;
    before.reset();
    lock.lock();
    if (!handed_) handed_ = handed;
    lock.unlock();
  }
  for (const auto& reader : *last) reader->end(*this, why_);
  lock.lock();
}

/// Hands on in order, by one thread at a time; whoever comes meanwhile makes that thread look once more.
void Import::hand_on() {
  std::unique_lock lock(mutex_);
  if (handing_) {
    again_ = true;
    return;
  }
  handing_ = true;
  do {
    again_ = false;
    while (!cut_off_ && !waiting_.empty() && !must_wait(lock)) {
      const auto readers = readers_.now();
      lock.unlock();
      size_t reserved = 0;
      while (reserved < readers->size() && (*readers)[reserved]->reserve()) ++reserved;
      const bool room = reserved == readers->size();
      if (!room)
        for (size_t i = 0; i < reserved; ++i) (*readers)[i]->give_back();
      lock.lock();
      if (!room) break;
      Observation observation = std::move(waiting_.front());
      waiting_.pop_front();
      const auto taken = taken_;
      lock.unlock();
      const uint64_t sequence = observation.frame().sequence;
      for (const auto& reader : *readers) reader->put(observation, true);
      if (taken) taken(1);
      lock.lock();
      handed_ = sequence;
    }
    if (cut_off_) waiting_.clear();
    if (const auto departing = std::exchange(departing_, {}); !departing.empty()) {
      lock.unlock();
      for (const auto& reader : departing) reader->end(*this, Ending::kParted);
      lock.lock();
    }
    if (may_end()) tell_end(lock);
  } while (again_ || !departing_.empty());
  handing_ = false;
  const auto next = next_.lock();
  lock.unlock();
  if (next) next->hand_on();
}

}  // namespace vedette::graph
