#pragma once

#include <memory>
#include <span>
#include <utility>

#include "vedette/framelog/segment.h"

namespace vedette::framelog {

/// One frame of a log. Copying costs a reference count, never the bytes; they stay as they are for as long as any copy
/// lives. Hold few, and not for long: a held frame keeps its whole segment (LogOptions::max_held_bytes).
class FrameRef {
 public:
  FrameRef(SegmentPtr segment, uint32_t index) : segment_(std::move(segment)), index_(index) {}

  Timestamp time() const { return from_micros(time_us()); }
  int64_t time_us() const { return segment_->entry(index_).time_us; }
  uint64_t sequence() const { return segment_->entry(index_).sequence; }
  RecordInfo info() const { return info_of(segment_->entry(index_)); }
  std::span<const std::byte> bytes() const { return segment_->bytes(index_); }
  size_t size_bytes() const { return segment_->entry(index_).size; }

  /// For handing the bytes to another process on this host: memory().file() is the memory file (-1: not shared),
  /// memory().id() tells one from another, and the bytes lie at offset_bytes(). Keep this FrameRef until the peer is
  /// done: then the memory is used again.
  const SegmentMemory& memory() const { return segment_->memory(); }
  size_t offset_bytes() const { return segment_->entry(index_).offset; }

  const SegmentPtr& segment() const { return segment_; }
  uint32_t index() const { return index_; }

 private:
  SegmentPtr segment_;
  uint32_t index_;
};

}  // namespace vedette::framelog
