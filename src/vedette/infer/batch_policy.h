#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "vedette/base/time.h"

namespace vedette::infer {

/// When waiting items become a batch: as soon as `largest` wait, or once the oldest has waited `longest_wait`. Pure:
/// times in, decisions out.
class BatchPolicy {
 public:
  struct Options {
    size_t largest = 1;         ///< at least 1
    Duration longest_wait{0};
  };
  explicit BatchPolicy(Options options);

  void arrived(MonotonicTime at) { waiting_.push_back(at); }
  /// How many of the oldest items to run now; 0: not yet.
  size_t due(MonotonicTime now) const;
  /// When due() will be non-zero if nothing else arrives; none when nothing waits.
  std::optional<MonotonicTime> next_due() const;
  /// Item `index`, counted from the oldest, gave up waiting.
  void withdrawn(size_t index) { waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index)); }
  /// The `count` oldest have been taken.
  void taken(size_t count);
  size_t waiting() const { return waiting_.size(); }

 private:
  Options options_;
  std::deque<MonotonicTime> waiting_;
};

}  // namespace vedette::infer
