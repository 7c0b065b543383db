#include "vedette/base/trace.h"

#include <algorithm>
#include <random>

namespace vedette {

std::string TraceId::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(32);
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

TraceId TraceId::make() {
  static thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  TraceId id;
  while (!id) {
    for (size_t i = 0; i < 2; ++i) {
      const uint64_t half = random();
      for (size_t j = 0; j < 8; ++j) id.bytes[i * 8 + j] = static_cast<uint8_t>(half >> (8 * j));
    }
  }
  return id;
}

std::string_view to_string(TraceSpan::Kind kind) {
  switch (kind) {
    case TraceSpan::Kind::kSource: return "source";
    case TraceSpan::Kind::kWait: return "wait";
    case TraceSpan::Kind::kExecute: return "execute";
    case TraceSpan::Kind::kSerialise: return "serialise";
    case TraceSpan::Kind::kSend: return "send";
    case TraceSpan::Kind::kReceive: return "receive";
  }
  return "?";
}

void TraceBuffer::record(TraceSpan span) {
  const std::lock_guard lock(mutex_);
  if (spans_.size() < capacity_) {
    spans_.push_back(std::move(span));
    return;
  }
  spans_[oldest_] = std::move(span);
  oldest_ = (oldest_ + 1) % capacity_;
  ++lost_;
}

std::vector<TraceSpan> TraceBuffer::take() {
  std::vector<TraceSpan> taken;
  const std::lock_guard lock(mutex_);
  std::rotate(spans_.begin(), spans_.begin() + static_cast<ptrdiff_t>(oldest_), spans_.end());
  oldest_ = 0;
  taken.swap(spans_);
  return taken;
}

uint64_t TraceBuffer::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

}  // namespace vedette
