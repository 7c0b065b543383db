#pragma once

#include <memory>
#include <string>

#include "vedette/base/settings.h"
#include "vedette/base/time.h"
#include "vedette/frame/picture.h"

namespace vedette::media {

struct VideoWriterOptions {
  std::string path{};          ///< replaced if it exists
  double fps = 25;             ///< nominal; the timestamps given to write() decide
  int quality = 23;            ///< constant rate factor of H.264: 18 looks lossless, 28 is small
  std::string codec{};         ///< an FFmpeg encoder by name; "": libx264 where FFmpeg has it, else mpeg4
  double fragment_seconds = 2; ///< the file stays playable up to the last such fragment when the process is killed
  int threads = 1;

  void fields(Fields& f);
};

/// Writes pictures as a fragmented MP4 (ISO/IEC 14496-12 §8.8): an empty moov at the start, then fragments that each
/// stand for themselves, so the file plays while it grows, after a crash, and over HTTP from its first byte. Not
/// thread-safe.
class VideoWriter {
 public:
  /// Throws Error: kNotFound or kPermissionDenied (the path cannot be created), kUsage (no such encoder).
  explicit VideoWriter(const VideoWriterOptions& options);
  /// Finishes quietly; call finish() to hear about errors.
  ~VideoWriter();
  VideoWriter(const VideoWriter&) = delete;
  VideoWriter& operator=(const VideoWriter&) = delete;

  /// Adds a picture that is shown from `time` on. The first picture fixes the size of the video (rounded up to even);
  /// others are scaled to it. A time that does not grow is moved up to 1 ms after the last. Throws Error(kExhausted)
  /// with the path when the disk is full, Error(kInternal) for other failures; after a throw the file holds all
  /// fragments written before.
  void write(const Picture& picture, Duration time);
  /// Writes what is buffered and closes the file. Throws as write(). May be called twice.
  void finish();
  uint64_t frames() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette::media
