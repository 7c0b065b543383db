#include "vedette/infer/batch_policy.h"

#include <algorithm>

#include "vedette/base/error.h"

namespace vedette::infer {

BatchPolicy::BatchPolicy(Options options) : options_(options) { VEDETTE_ASSERT(options_.largest >= 1); }

size_t BatchPolicy::due(MonotonicTime now) const {
  if (waiting_.empty()) return 0;
  const bool full = waiting_.size() >= options_.largest;
  const bool late = now >= waiting_.front() + options_.longest_wait;
  return full || late ? std::min(waiting_.size(), options_.largest) : 0;
}

std::optional<MonotonicTime> BatchPolicy::next_due() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.size() >= options_.largest ? waiting_.front() : waiting_.front() + options_.longest_wait;
}

void BatchPolicy::taken(size_t count) {
  VEDETTE_ASSERT(count <= waiting_.size());
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace vedette::infer
