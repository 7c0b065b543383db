#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "vedette/base/time.h"

namespace vedette {

/// Names one sampled frame on its way through the fleet (W3C Trace Context §3.2.2.3). All zero: not sampled.
struct TraceId {
  std::array<uint8_t, 16> bytes{};

  explicit operator bool() const { return bytes != std::array<uint8_t, 16>{}; }
  friend bool operator==(const TraceId&, const TraceId&) = default;
  std::string hex() const;  ///< 32 lower-case digits
  /// Random, never zero. Thread-safe.
  static TraceId make();
};

/// One step of a sampled frame.
struct TraceSpan {
  enum class Kind { kSource, kWait, kExecute, kSerialise, kSend, kReceive };
  TraceId trace;
  Kind kind = Kind::kExecute;
  std::string name;      ///< the module, or "to box-2"
  std::string stage;     ///< key
  std::string stream;
  uint64_t sequence = 0;
  Timestamp start{};
  Duration duration{};
};

std::string_view to_string(TraceSpan::Kind kind);

/// Keeps the steps of sampled frames until somebody takes them. Bounded: the oldest go first. Thread-safe.
class TraceBuffer {
 public:
  explicit TraceBuffer(size_t capacity = 4096) : capacity_(capacity) {}
  void record(TraceSpan span);
  /// What has come since the last call.
  std::vector<TraceSpan> take();
  uint64_t lost() const;

 private:
  const size_t capacity_;
  mutable std::mutex mutex_;
  std::vector<TraceSpan> spans_;
  size_t oldest_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace vedette
