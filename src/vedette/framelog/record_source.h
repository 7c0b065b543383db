#pragma once

#include <memory>
#include <optional>
#include <span>

#include "vedette/framelog/record_decoder.h"
#include "vedette/media/source_base.h"

namespace vedette::framelog {

/// What sources of kept frames share, wherever the records come from.
class RecordSource : public media::SourceBase {
 public:
  bool live() const override { return live_; }

 protected:
  /// `from_past`: it begins with what is kept, and so plays in real time unless asked otherwise.
  RecordSource(const media::SourceOptions& options, std::shared_ptr<const StreamInfo> stream,
               std::shared_ptr<BufferPool> pool, const Clock& clock, bool live, bool from_past);

  /// The record as a frame of this source, not yet handed over. Nothing, and a count, when it cannot be decoded or the
  /// rate limit drops it.
  std::optional<Frame> admitted(const RecordInfo& info, std::span<const std::byte> bytes);
  /// Numbers that no record came for, counted as "gap".
  void missing(uint64_t frames) { count_missing("gap", frames); }

 private:
  std::optional<Frame> decoded(const RecordInfo& info, std::span<const std::byte> bytes);

  const bool live_;
  RecordDecoder decoder_;
  std::optional<Timestamp> first_;  // time of the first frame, where positions count from
};

}  // namespace vedette::framelog
