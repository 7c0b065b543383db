#pragma once

#include "vedette/framelog/shelf.h"
#include "vedette/media/source.h"

namespace vedette::framelog {

/// A log as a source of frames (see LogUrl for which and from when): of this process, or the files in a folder. What is
/// kept is played in real time unless asked otherwise; frames that were lost are gaps in the sequence, "gap". Throws
/// Error: kUsage (a URL that is none, a camera that nobody logs), kNotFound (no such folder), and as Archive.
std::unique_ptr<media::Source> open_log(const Shelf& shelf, const media::SourceOptions& options,
                                        std::shared_ptr<const StreamInfo> stream, std::shared_ptr<BufferPool> pool,
                                        const Clock& clock = Clock::system());

/// Has media::open_source() open "log://local/…" and "log:///…" by this shelf, which outlives it.
class LogScheme {
 public:
  /// `remote` opens what names another host; null: refused.
  explicit LogScheme(const Shelf& shelf, decltype(media::SourceScheme::open) remote = nullptr);
  ~LogScheme();
  LogScheme(const LogScheme&) = delete;
  LogScheme& operator=(const LogScheme&) = delete;
};

}  // namespace vedette::framelog
