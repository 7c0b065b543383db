#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::graph {

/// What a full queue does with one more observation.
enum class WhenFull {
  kBlock,       ///< the one who puts waits: back-pressure, nothing is lost
  kLatest,      ///< keeps the newest only: live view, live detection
  kDropOldest,  ///< lets the oldest go
};

struct QueueOptions {
  size_t capacity = 4;  ///< observations a stream
  WhenFull when_full = WhenFull::kBlock;
};

/// First in, first out, bounded. Pure: no locks; the owner guards it. A kBlock queue never loses anything: its owner
/// asks for room before it puts (see Stage), so a put beyond capacity only happens when a module emitted more than it
/// was given.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(QueueOptions options) : options_(options) {
    VEDETTE_ASSERT(options_.capacity > 0);
    if (options_.when_full == WhenFull::kLatest) options_.capacity = 1;
  }

  /// Puts `value` and returns what had to go for it, if anything.
  std::optional<T> put(T value) {
    std::optional<T> lost;
    if (options_.when_full != WhenFull::kBlock && items_.size() >= options_.capacity) {
      lost = std::move(items_.front());
      items_.pop_front();
    }
    items_.push_back(std::move(value));
    return lost;
  }

  T take() {
    VEDETTE_ASSERT(!items_.empty());
    T value = std::move(items_.front());
    items_.pop_front();
    return value;
  }

  const T& front() const { return items_.front(); }
  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  void clear() { items_.clear(); }
  const QueueOptions& options() const { return options_; }

 private:
  QueueOptions options_;
  std::deque<T> items_;
};

}  // namespace vedette::graph
