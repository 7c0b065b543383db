#pragma once

#include <cstdint>

#include "vedette/framelog/segment.h"

namespace vedette::framelog {

/// Where a log finds the segments that have left its memory. Called on readers' threads, never on the writer's; any
/// number at once. Returned segments are sealed and hold at least one record. Null: there is none.
class History {
 public:
  virtual ~History() = default;
  /// The oldest segment with a record of this time or later.
  virtual SegmentPtr from_time(int64_t time_us) = 0;
  /// The newest segment with a record of this time or earlier.
  virtual SegmentPtr up_to_time(int64_t time_us) = 0;
  /// The oldest segment with a record of this sequence number or a later one.
  virtual SegmentPtr from_sequence(uint64_t sequence) = 0;
};

}  // namespace vedette::framelog
