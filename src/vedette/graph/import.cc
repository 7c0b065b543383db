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
    if (ending_) return;
    ending_ = true;
    why_ = why;
  }
  hand_on();
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
  end(Ending::kParted);
}

void Import::sender_closed() {
  {
    const std::lock_guard lock(mutex_);
    sender_closed_ = true;
    if (next_.expired()) return;
  }
  end(Ending::kParted);
}

/// Whether what waits comes after something that has not gone on yet. With the mutex held, but for a while.
bool Import::must_wait(std::unique_lock<std::mutex>& lock) {
  if (!before_) return false;
  const bool full = waiting_.size() >= places_;
  const uint64_t first = waiting_.front().frame().sequence;
  const auto before = before_;
  lock.unlock();
  uint64_t missing = 0;
  bool over = false;
  {
    const std::lock_guard its_lock(before->mutex_);
    if (before->handed_ && !before->ended_) missing = first - std::min(first, *before->handed_ + 1);
    over = before->ended_ || (before->handed_ && missing == 0) || (full && before->waiting_.empty());
  }
  if (over) before->end(Ending::kParted);
  lock.lock();
  if (!over) return true;
  if (missing > 0) counts_.gaps["moved"] += missing;
  before_.reset();
  auto link = std::exchange(before_link_, nullptr);
  lock.unlock();  // closing it waits for callbacks
  link.reset();
  lock.lock();
  return false;
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
    while (!waiting_.empty() && !must_wait(lock)) {
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
    const auto departing = std::exchange(departing_, {});
    const bool over = ending_ && waiting_.empty() && !ended_;
    const auto last = over ? readers_.clear() : nullptr;
    if (over) ended_ = true;
    if (!departing.empty() || last) {
      lock.unlock();
      for (const auto& reader : departing) reader->end(*this, Ending::kParted);
      if (last)
        for (const auto& reader : *last) reader->end(*this, why_);
      lock.lock();
    }
  } while (again_ || !departing_.empty());
  handing_ = false;
  const auto next = next_.lock();
  lock.unlock();
  if (next) next->hand_on();
}

}  // namespace vedette::graph
