#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "vedette/framelog/record.h"
#include "vedette/framelog/segment_memory.h"

namespace vedette::framelog {

/// A run of records in one piece of memory: bytes grow from the front, index entries from the back, until they meet.
///
///   open ──seal()──▶ sealed
///
/// One writer; any number of readers at the same time, without a lock: a reader looks only at entries below count(),
/// which the writer raises (release) after the entry and its bytes are complete. Nothing below count() ever changes
/// while the segment lives.
class Segment {
 public:
  /// Bytes of a record start on such a boundary.
  static constexpr size_t kAlign = 64;

  /// Takes `memory`, and gives it back to `pool` (when not null) at the end.
  Segment(std::unique_ptr<SegmentMemory> memory, std::shared_ptr<SegmentPool> pool, uint64_t ordinal = 0);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  // Readers.
  uint32_t count() const { return count_.load(std::memory_order_acquire); }
  /// Once true, count() is final.
  bool sealed() const { return sealed_.load(std::memory_order_acquire); }
  /// i < count().
  const IndexEntry& entry(uint32_t i) const { return *entry_at(i); }
  std::span<const std::byte> bytes(uint32_t i) const { return {memory_->data() + entry(i).offset, entry(i).size}; }
  /// Index of the first record with at least this time or sequence; count() when there is none. O(log n).
  uint32_t first_from_time(int64_t time_us) const;
  uint32_t first_from_sequence(uint64_t sequence) const;
  /// The memory that holds the bytes: entry(i).offset counts from its start.
  const SegmentMemory& memory() const { return *memory_; }
  /// How many records its log took before the first of this segment.
  uint64_t ordinal() const { return ordinal_; }
  /// Bytes taken by records, index and padding.
  size_t used_bytes() const;
  /// Of the records alone.
  uint64_t payload_bytes() const { return payload_bytes_.load(std::memory_order_relaxed); }

  // The writer.
  /// Whether another record of `bytes` fits.
  bool fits(size_t bytes) const;
  /// Where the next record's bytes go; fits(bytes) must hold.
  std::span<std::byte> room(size_t bytes);
  /// Has pages laid under the next record's room, as far as it fits.
  void make_ready(size_t bytes) { memory_->make_ready(next_offset_ + bytes); }
  /// Publishes a record whose bytes lie in room(); its offset and size are set here.
  void publish(IndexEntry entry, size_t bytes);
  void seal() { sealed_.store(true, std::memory_order_release); }

  /// The largest frame that a segment of so many bytes can hold.
  static size_t largest_frame(size_t segment_bytes);

 private:
  const IndexEntry* entry_at(uint32_t i) const {
    return reinterpret_cast<const IndexEntry*>(memory_->data() + memory_->size_bytes()) - (size_t{i} + 1);
  }

  std::unique_ptr<SegmentMemory> memory_;
  std::shared_ptr<SegmentPool> pool_;
  uint64_t ordinal_;
  size_t next_offset_ = 0;  // the writer's
  std::atomic<uint32_t> count_{0};
  std::atomic<uint64_t> payload_bytes_{0};
  std::atomic<bool> sealed_{false};
};

using SegmentPtr = std::shared_ptr<const Segment>;

}  // namespace vedette::framelog
