#pragma once

#include <deque>
#include <optional>

#include "vedette/framelog/bounds.h"

namespace vedette::framelog {

/// The frames on the link of which nothing is known yet, oldest first; at most kMost. The link delivers in order: a
/// frame waits for those before it.
class InFlight {
 public:
  static constexpr size_t kMost = 64;

  struct Frame {
    Sent sent;
    size_t row = 0;
    double expected_bytes = 0;
  };
  struct Landed {
    Frame frame;
    double service_ms = 0;  ///< from when the link was free for it until it was whole; 0 when it was dropped
    size_t unheard = 0;     ///< frames before it whose feedback is lost
  };

  void add(Frame frame);
  /// The frame that the feedback is about, removed, and with it the older ones: their feedback is lost and says
  /// nothing. Nothing for a doubled, late or unknown sequence.
  std::optional<Landed> land(const Feedback& feedback);
  /// Removes all up to a sequence.
  void abandon(uint64_t through, MonotonicTime now);
  /// Removes and returns a frame sent before `before`.
  std::optional<Frame> expire(MonotonicTime before);

  bool empty() const { return frames_.empty(); }
  const std::deque<Frame>& frames() const { return frames_; }
  /// When the link became free for the oldest.
  MonotonicTime oldest_began() const;

 private:
  std::deque<Frame> frames_;
  MonotonicTime free_at_;  // when the last frame that landed was whole
};

}  // namespace vedette::framelog
