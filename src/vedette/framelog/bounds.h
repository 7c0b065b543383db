#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "vedette/base/time.h"
#include "vedette/framelog/knob_table.h"

namespace vedette::framelog {

/// What a subscriber asks for.
struct Bounds {
  Duration latency = std::chrono::milliseconds(100);  ///< capture to result: knobs + queue + network + inference
  double accuracy = 0.95;                             ///< F1 at least this share of the untouched frames' F1
  double percentile = 0.95;                           ///< share of the frames that must keep `latency`
};

/// A frame was handed to the link.
struct Sent {
  uint64_t sequence = 0;     ///< rising; the frame's own
  uint32_t combination = 0;  ///< it was made with
  size_t bytes = 0;          ///< as encoded
  MonotonicTime at;          ///< the sender's clock
  Duration prepared{};       ///< from capture to `at`: knobs and encoding; zero: unknown
};

/// What is known of a frame that was sent. May be late, out of order, doubled or missing.
struct Feedback {
  uint64_t sequence = 0;
  MonotonicTime at;      ///< when this feedback came in, the sender's clock
  Duration network{};    ///< from Sent::at until the frame was whole at the receiver (clock offset removed)
  Duration compute{};    ///< inference on it; zero: not told, only the network is bounded
  bool dropped = false;  ///< it never became whole; `network` and `compute` say nothing
};

/// How to treat the frame that is captured now.
struct Decision {
  uint32_t combination = 0;  ///< the knobs to use
  bool send = true;          ///< false: skip this frame; it could only be late and would delay the next
  bool feasible = true;      ///< false: no combination keeps both bounds now; `combination` is the probe
  /// Frames sent earlier with a sequence up to this one are late or will be, and larger than what is sent now: a link
  /// that can stop a transfer should.
  std::optional<uint64_t> abandon;
  Duration expected{};  ///< latency at the asked percentile that `combination` is predicted to have
  Duration best_latency{};  ///< what would be feasible: the latency at the asked accuracy …
  double best_accuracy = 0;  ///< … and the accuracy at the asked latency; 0: not even the smallest frames keep it
  const char* reason = "";  ///< a short static text for logs and the subscriber
};

/// Chooses the knobs of one camera's frames for one pair of bounds, at the camera. Pure: what happened and the time go
/// in, a decision comes out; no clock, thread or randomness of its own. Calls come from one thread, with times that do
/// not go backwards. Per captured frame: decide(); if it says send: make the frame, sent(). observe() whenever feedback
/// comes in. decide() may also be called between frames, e.g. each 50 ms, to learn of `abandon` and `feasible` sooner;
/// it then counts nothing as sent.
class BoundsPolicy {
 public:
  BoundsPolicy() = default;
  BoundsPolicy(const BoundsPolicy&) = delete;
  BoundsPolicy& operator=(const BoundsPolicy&) = delete;
  virtual ~BoundsPolicy() = default;

  virtual void sent(const Sent& frame) = 0;
  virtual void observe(const Feedback& feedback) = 0;
  virtual Decision decide(MonotonicTime now) = 0;
  /// The subscriber changed its mind; what was learnt of the link stays. Throws Error as check() does.
  virtual void set_bounds(const Bounds& bounds) = 0;
  /// Use no combination whose bytes_mean in the table is larger (ChannelShare says so); 0 removes the limit.
  virtual void limit(double bytes) = 0;
};

/// Throws Error (kUsage) unless latency is in (0, 1 hour], accuracy in [0, 1], percentile in [0.5, 0.999].
void check(const Bounds& bounds);

/// What a policy may count on.
struct BoundsOptions {
  uint64_t seed = 0;  ///< tells cameras on one channel apart, so that they do not probe in step
  bool can_abandon = false;  ///< the link stops a transfer that Decision::abandon names
};

/// The policies by name: "vedette" (ours, QuantileBounds), "pi" (paper 004, PiBounds), "none" (always the untouched
/// frames). Throws Error (kUsage) for others, and as check() does. `table` is not null and not empty.
std::unique_ptr<BoundsPolicy> make_bounds_policy(const std::string& name, std::shared_ptr<const KnobTable> table,
                                                 const Bounds& bounds, const BoundsOptions& options = {});

}  // namespace vedette::framelog
