#include "vedette/framelog/segment.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::framelog {
namespace {
static_assert(std::endian::native == std::endian::little, "segments are kept on disk as they lie in memory");

size_t aligned(size_t bytes) { return (bytes + Segment::kAlign - 1) / Segment::kAlign * Segment::kAlign; }

}  // namespace

Segment::Segment(std::unique_ptr<SegmentMemory> memory, std::shared_ptr<SegmentPool> pool, uint64_t ordinal)
    : memory_(std::move(memory)), pool_(std::move(pool)), ordinal_(ordinal) {
  VEDETTE_ASSERT(memory_ && memory_->size_bytes() <= UINT32_MAX);
}

Segment::~Segment() {
  if (pool_) pool_->give_back(std::move(memory_));
}

uint32_t Segment::first_from_time(int64_t time_us) const {
  uint32_t low = 0, high = count();
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (entry(middle).time_us < time_us) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

uint32_t Segment::first_from_sequence(uint64_t sequence) const {
  uint32_t low = 0, high = count();
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (entry(middle).sequence < sequence) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

size_t Segment::used_bytes() const {
  const uint32_t records = count();
  if (records == 0) return 0;
  const IndexEntry& last = entry(records - 1);
  return aligned(size_t{last.offset} + last.size) + records * sizeof(IndexEntry);
}

bool Segment::fits(size_t bytes) const {
  const size_t records = count_.load(std::memory_order_relaxed);
  return bytes < memory_->size_bytes() &&
         next_offset_ + aligned(bytes) + (records + 1) * sizeof(IndexEntry) <= memory_->size_bytes();
}

std::span<std::byte> Segment::room(size_t bytes) {
  VEDETTE_ASSERT(fits(bytes));
  return {memory_->data() + next_offset_, bytes};
}

void Segment::publish(IndexEntry entry, size_t bytes) {
  VEDETTE_ASSERT(fits(bytes) && !sealed_.load(std::memory_order_relaxed));
  const uint32_t records = count_.load(std::memory_order_relaxed);
  entry.offset = static_cast<uint32_t>(next_offset_);
  entry.size = static_cast<uint32_t>(bytes);
  const size_t end = next_offset_ + bytes;
  next_offset_ = aligned(end);
  // What earlier use of this memory left between records must not reach a file.
  std::memset(memory_->data() + end, 0, next_offset_ - end);
  std::memcpy(const_cast<IndexEntry*>(entry_at(records)), &entry, sizeof(entry));
  payload_bytes_.store(payload_bytes() + bytes, std::memory_order_relaxed);
  count_.store(records + 1, std::memory_order_release);
}

size_t Segment::largest_frame(size_t segment_bytes) {
  return segment_bytes < sizeof(IndexEntry) ? 0 : (segment_bytes - sizeof(IndexEntry)) / kAlign * kAlign;
}

}  // namespace vedette::framelog
