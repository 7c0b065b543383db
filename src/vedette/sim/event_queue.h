#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace vedette::sim {

/// Nanoseconds since the beginning of the simulation.
using Nanos = int64_t;

constexpr Nanos kSecond = 1'000'000'000;
inline Nanos to_nanos(double seconds) { return static_cast<Nanos>(seconds * 1e9); }
inline double seconds_of(Nanos span) { return static_cast<double>(span) * 1e-9; }

struct Event {
  Nanos time = 0;
  uint64_t order = 0;  ///< of being put in: events of one time come out as they went in
  uint32_t kind = 0;
  uint32_t index = 0;
  uint32_t extra = 0;

  bool before(const Event& other) const { return time != other.time ? time < other.time : order < other.order; }
};

/// A heap with four children a node (half the depth of a binary one, and they lie in a line or two of the cache).
/// Allocates only when it grows beyond what it ever held.
class EventQueue {
 public:
  bool empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }
  const Event& top() const { return heap_.front(); }

  void push(Nanos time, uint32_t kind, uint32_t index, uint32_t extra = 0) {
    const Event event{time, next_++, kind, index, extra};
    size_t hole = heap_.size();
    heap_.push_back(event);
    while (hole > 0) {
      const size_t parent = (hole - 1) / 4;
      if (!event.before(heap_[parent])) break;
      heap_[hole] = heap_[parent];
      hole = parent;
    }
    heap_[hole] = event;
  }

  Event pop() {
    const Event out = heap_.front();
    const Event last = heap_.back();
    heap_.pop_back();
    const size_t size = heap_.size();
    if (size == 0) return out;
    size_t hole = 0;
    for (;;) {
      const size_t first = hole * 4 + 1;
      if (first >= size) break;
      size_t least = first;
      for (size_t child = first + 1; child < first + 4 && child < size; ++child)
        if (heap_[child].before(heap_[least])) least = child;
      if (!heap_[least].before(last)) break;
      heap_[hole] = heap_[least];
      hole = least;
    }
    heap_[hole] = last;
    return out;
  }

 private:
  std::vector<Event> heap_;
  uint64_t next_ = 0;
};

}  // namespace vedette::sim
