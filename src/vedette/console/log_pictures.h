#pragma once

#include <memory>
#include <optional>

#include "vedette/framelog/frame_ref.h"
#include "vedette/framelog/log.h"
#include "vedette/framelog/record_decoder.h"

namespace vedette::console {

/// Frames of one log as JPEG, one after the other. Not thread-safe.
class LogPictures {
 public:
  /// No wider than `width_px`; 0: as they are kept.
  LogPictures(int width_px, int quality);

  /// JPEG that need not shrink is handed on as it is kept. Nothing for a frame of a video whose key frame was not seen.
  /// Throws Error(kInvalidData).
  std::optional<Bytes> next(const framelog::FrameRef& frame);
  /// As next(), of a frame that comes after none: those since its key frame are read first. Throws Error too when they
  /// cannot be read.
  std::optional<Bytes> single(const framelog::Log& log, const framelog::FrameRef& frame);

 private:
  Bytes shrunk_jpeg(const framelog::FrameRef& frame) const;

  const int width_px_;
  const int quality_;
  framelog::RecordDecoder decoder_;
};

}  // namespace vedette::console
