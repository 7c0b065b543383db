#include "vedette/media/source_base.h"

#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/media/waiting.h"

namespace vedette::media {

SourceBase::SourceBase(const SourceOptions& options, std::shared_ptr<const StreamInfo> stream,
                       std::shared_ptr<BufferPool> pool, const Clock& clock, bool paced)
    : options_(options),
      stream_(std::move(stream)),
      pool_(std::move(pool)),
      clock_(clock),
      paced_(paced),
      limiter_(options.max_fps) {
  VEDETTE_ASSERT(pool_);
}

SourceStats SourceBase::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

double SourceBase::nominal_fps() const {
  const std::lock_guard lock(mutex_);
  return nominal_fps_;
}

void SourceBase::set_state(SourceState state) {
  const std::lock_guard lock(mutex_);
  stats_.state = state;
}

void SourceBase::set_error(const std::string& line) {
  const std::lock_guard lock(mutex_);
  stats_.last_error = without_credentials(line);
}

void SourceBase::set_nominal_fps(double fps) {
  const std::lock_guard lock(mutex_);
  nominal_fps_ = fps;
}

void SourceBase::count_reconnect() {
  const std::lock_guard lock(mutex_);
  ++stats_.reconnects;
}

void SourceBase::drop(const std::string& reason, bool takes_number) {
  if (takes_number) ++sequence_;
  const std::lock_guard lock(mutex_);
  ++stats_.dropped[reason];
}

void SourceBase::count_missing(const std::string& reason, uint64_t frames) {
  const uint64_t counted = std::min(frames, kMostMissing);
  if (counted == 0) return;
  sequence_ += counted;
  const std::lock_guard lock(mutex_);
  stats_.dropped[reason] += counted;
}

bool SourceBase::admit(Frame& frame, const FrameTime& time) {
  if (!limiter_.keep(time.capture_time)) {
    drop("rate_limited");
    return false;
  }
  frame.stream = stream_;
  frame.sequence = sequence_++;
  frame.capture_time = time.capture_time;
  frame.capture_clock = time.clock;
  frame.position = time.position;
  return true;
}

bool SourceBase::hand_over(Frame& frame, const std::stop_token& stop) {
  if (paced_) {
    const MonotonicTime now = clock_.monotonic();
    if (!sleep_unless_stopped(pacer_.due(frame.position, now) - now, stop)) return false;
  }
  frame.arrival = clock_.monotonic();
  const std::lock_guard lock(mutex_);
  ++stats_.frames;
  stats_.width = frame.width;
  stats_.height = frame.height;
  stats_.capture_clock = frame.capture_clock;
  return true;
}

}  // namespace vedette::media
