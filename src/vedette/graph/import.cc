#include "vedette/graph/import.h"

#include "vedette/base/error.h"

namespace vedette::graph {

void Import::on_taken(std::function<void(size_t)> taken) {
  const std::lock_guard lock(mutex_);
  taken_ = std::move(taken);
}

void Import::deliver(Observation observation) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return;
    ++counts_.received;
    const uint64_t sequence = observation.frame().sequence;
    if (std::exchange(resumed_, false) && sequence > *last_sequence_ + 1)
      counts_.gaps["moved"] += sequence - *last_sequence_ - 1;
    last_sequence_ = sequence;
    waiting_.push_back(std::move(observation));
  }
  hand_on();
}

void Import::resume_after(uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  last_sequence_ = sequence;
  resumed_ = true;
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

Import::Counts Import::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void Import::change_readers(const Readers& add, const Readers& remove) {
  for (const auto& reader : add) reader->join(weak_from_this());
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
    while (!waiting_.empty()) {
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
      for (const auto& reader : *readers) reader->put(observation, true);
      if (taken) taken(1);
      lock.lock();
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
}

}  // namespace vedette::graph
