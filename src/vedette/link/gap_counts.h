#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vedette::link {

/// Why a sender let an observation go.
enum class GapReason : uint8_t { kSuperseded, kQueueFull, kDeadline, kUnreachable, kEncodeFailed, kTooLarge };
constexpr size_t kGapReasons = 6;

constexpr std::string_view to_string(GapReason reason) {
  constexpr std::array<std::string_view, kGapReasons> names{"superseded",  "queue_full",    "deadline",
                                                            "unreachable", "encode_failed", "too_large"};
  return names[static_cast<size_t>(reason)];
}

/// Observations let go, by reason.
struct GapCounts {
  std::array<uint64_t, kGapReasons> by_reason{};

  uint64_t& operator[](GapReason reason) { return by_reason[static_cast<size_t>(reason)]; }
  uint64_t sum() const {
    uint64_t all = 0;
    for (const uint64_t n : by_reason) all += n;
    return all;
  }
  void add(const GapCounts& other) {
    for (size_t i = 0; i < kGapReasons; ++i) by_reason[i] += other.by_reason[i];
  }
};

}  // namespace vedette::link
