#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "vedette/media/capture_times.h"
#include "vedette/media/pacer.h"
#include "vedette/media/rate_limiter.h"
#include "vedette/media/source.h"

namespace vedette::media {

/// What all sources share: statistics, sequence numbers, thinning and pacing.
class SourceBase : public Source {
 public:
  SourceStats stats() const override;
  double nominal_fps() const override;

 protected:
  SourceBase(const SourceOptions& options, std::shared_ptr<const StreamInfo> stream, std::shared_ptr<BufferPool> pool,
             const Clock& clock, bool paced);

  void set_state(SourceState state);
  void set_error(const std::string& line);
  void set_nominal_fps(double fps);
  void count_reconnect();
  /// Counts something that was not handed on. `takes_number` when it was a frame, which leaves a gap in the sequence.
  void drop(const std::string& reason, bool takes_number = true);
  /// Counts frames that never came, which leave a gap in the sequence; of one gap at most kMostMissing, since whoever
  /// tells of it may be wrong.
  void count_missing(const std::string& reason, uint64_t frames);
  static constexpr uint64_t kMostMissing = uint64_t{1} << 32;

  /// Gives the frame its number, time and stream. False when the rate limit drops it (counted).
  bool admit(Frame& frame, const FrameTime& time);
  /// Waits until the frame is due and stamps its arrival. False when stopped.
  bool hand_over(Frame& frame, const std::stop_token& stop);

  const SourceOptions options_;
  const std::shared_ptr<const StreamInfo> stream_;
  const std::shared_ptr<BufferPool> pool_;
  const Clock& clock_;

 private:
  const bool paced_;
  Pacer pacer_;
  RateLimiter limiter_;
  uint64_t sequence_ = 0;
  mutable std::mutex mutex_;
  SourceStats stats_;
  double nominal_fps_ = 0;
};

}  // namespace vedette::media
