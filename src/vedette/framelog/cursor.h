#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "vedette/framelog/frame_ref.h"

namespace vedette::framelog {

class Log;

/// A reader's place in a log: hands out one frame after the other, oldest first, from memory or (what has left it) from
/// the log's history. Made by Log::range() and Log::follow(); costs no memory of the log between calls. Keeps the log
/// alive. One thread at a time; movable.
class Cursor {
 public:
  /// The next frame if it is there already. Throws Error when history cannot be read.
  std::optional<FrameRef> next();
  /// The next frame, waiting for it until `deadline` (on the monotonic clock). Nothing: the deadline passed, or done().
  std::optional<FrameRef> next(MonotonicTime deadline);
  /// The newest frame that next() has not handed out yet, passing over those before it (skipped() counts them); the
  /// next next() goes on behind it. Nothing when next() would have nothing.
  std::optional<FrameRef> newest();
  /// As newest(), waiting until `deadline`.
  std::optional<FrameRef> newest(MonotonicTime deadline);

  /// No more frames will come: the end of the range was reached, or the log is closed and read to its end.
  bool done() const;
  /// Sequence numbers between the last two frames handed out by next(): they left the ring before they were read, or
  /// were lost before the log. 0 when none are missing, and after newest().
  uint64_t last_gap() const { return last_gap_; }
  /// All of last_gap() together.
  uint64_t missed() const { return missed_; }
  /// Sequence numbers that newest() passed over.
  uint64_t skipped() const { return skipped_; }

 private:
  friend class Log;
  Cursor(std::shared_ptr<const Log> log, uint64_t next_sequence, bool counting, int64_t begin_us, int64_t end_us)
      : log_(std::move(log)),
        next_sequence_(next_sequence),
        counting_(counting),
        begin_us_(begin_us),
        end_us_(end_us) {}

  std::optional<FrameRef> peek();
  std::optional<FrameRef> peek_any();
  void go_behind(const FrameRef& frame);
  template <typename Take>
  std::optional<FrameRef> wait_for(MonotonicTime deadline, Take take);

  std::shared_ptr<const Log> log_;
  std::weak_ptr<const Segment> segment_;  // where the next frame is looked for first
  uint32_t index_ = 0;
  uint64_t next_sequence_;
  bool counting_;  // whether the absence of next_sequence_ is a gap
  int64_t begin_us_;
  int64_t end_us_;
  bool ended_ = false;
  uint64_t last_gap_ = 0;
  uint64_t missed_ = 0;
  uint64_t skipped_ = 0;
};

}  // namespace vedette::framelog
