#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "vedette/framelog/frame_ref.h"
#include "vedette/framelog/log.h"
#include "vedette/framelog/record_decoder.h"

namespace vedette::console {

/// Frames of one log as JPEG, of any codec, in any order; in theirs they cost the least. Not thread-safe.
class LogPictures {
 public:
  /// No wider than `width_px`; 0: as they are kept.
  LogPictures(std::shared_ptr<const framelog::Log> log, int width_px, int quality);

  /// JPEG that need not shrink is handed on as it is kept. Of a video those frames since the key frame that were not
  /// decoded yet are read and decoded first; nothing when they are not all kept. Throws Error(kInvalidData), and Error
  /// when they cannot be read.
  std::optional<Bytes> picture_of(const framelog::FrameRef& frame);

 private:
  Bytes shrunk_jpeg(const framelog::FrameRef& frame) const;
  std::vector<framelog::FrameRef> way_to(const framelog::FrameRef& frame) const;

  const std::shared_ptr<const framelog::Log> log_;
  const int width_px_;
  const int quality_;
  framelog::RecordDecoder decoder_;
  std::optional<uint64_t> decoded_;  // sequence number of the last frame that the decoder saw
};

}  // namespace vedette::console
