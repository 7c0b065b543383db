#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "vedette/framelog/cursor.h"

namespace vedette::framelog {

struct ExportResult {
  uint64_t frames = 0;     ///< written
  uint64_t broken = 0;     ///< did not decode, or lacked their key frame
  uint64_t missing = 0;    ///< sequence numbers without a frame between the first and the last
  uint64_t bytes = 0;      ///< of the frames as they were kept
};

/// Called after each frame; for a progress bar.
using ExportProgress = std::function<void(const ExportResult&, const FrameRef&)>;

/// Writes the frames of a cursor, as far as they are there, as an MP4 that is as long as they were apart: each is shown
/// from its capture time on, counted from the first. Throws Error as media::VideoWriter and as the cursor.
ExportResult export_mp4(Cursor& frames, const std::string& path, const ExportProgress& progress = {});

/// Writes one file a frame into a folder (made when missing): "20260131T120000.000000Z-000000000042.jpg", JPEG as it
/// was kept, other codecs as JPEG of `quality`. Throws Error when a file cannot be written, and as the cursor.
ExportResult export_jpegs(Cursor& frames, const std::string& folder, int quality = 90,
                          const ExportProgress& progress = {});

/// The name that export_jpegs() gives a frame.
std::string jpeg_name(const FrameRef& frame);

}  // namespace vedette::framelog
