#pragma once

#include <cstdint>
#include <optional>
#include <utility>

namespace vedette::graph {

/// For a stream that goes on by another way than before, since its producer moved: what is missing between the last
/// frame that came by the old way and the first by the new one. A stream that began anew meanwhile (its numbers are
/// smaller) misses nothing that anybody could count. Not thread-safe.
class Resumption {
 public:
  /// The old way's last frame had this number.
  void after(uint64_t sequence) { after_ = sequence; }
  /// To be asked of each frame that comes; what is missing right before it, which is 0 from the second on.
  uint64_t missing_before(uint64_t sequence) {
    const auto after = std::exchange(after_, std::nullopt);
    return after && sequence > *after ? sequence - *after - 1 : 0;
  }

 private:
  std::optional<uint64_t> after_;
};

}  // namespace vedette::graph
