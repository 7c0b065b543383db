#pragma once

#include <optional>

#include "vedette/base/time.h"
#include "vedette/frame/frame.h"

namespace vedette::media {

/// What a source tells about the time of a frame.
struct FrameTime {
  Timestamp capture_time{};
  CaptureClock clock = CaptureClock::kArrival;
  Duration position{0};
};

/// Times of a recording: the stream clock from 0. Positions never go back: where a recording's timestamps do (joined
/// parts, a broken index), they go on one frame after the last. Pure.
class FileTimes {
 public:
  /// `frame_duration` stands in where timestamps are missing or broken.
  explicit FileTimes(Duration frame_duration) : frame_duration_(frame_duration) {}

  void set_frame_duration(Duration d) { frame_duration_ = d; }
  /// The recording starts again at its beginning; times go on.
  void rewound() { origin_.reset(); }
  FrameTime stamp(std::optional<Duration> pts);

 private:
  Duration frame_duration_;
  std::optional<Duration> origin_;  ///< the pts that is `base_`
  Duration base_{0};
  std::optional<Duration> last_;
};

/// Times of a camera, by the best clock at hand; see Source. Capture times never go back by less than a second: such
/// steps (a sender report that corrects the last) are flattened; a larger one is the camera's clock being set and is
/// followed. Pure.
class LiveTimes {
 public:
  /// A new connection: its timestamps have nothing to do with the last one's.
  void connected();
  /// The camera says that `pts` was `wall_clock`. Ignored before 2010: the camera's clock is not set.
  void sender_report(Duration pts, Timestamp wall_clock);
  /// `wall_clock` is the camera's own word for a frame without pts (FFmpeg leaves the first frame of an RTSP stream
  /// so).
  FrameTime stamp(std::optional<Duration> pts, Timestamp arrival, MonotonicTime now,
                  std::optional<Timestamp> wall_clock = std::nullopt);

 private:
  std::optional<Duration> wall_minus_pts_;   ///< by sender report
  std::optional<Duration> anchor_minus_pts_; ///< by first arrival
  std::optional<Duration> position_minus_pts_;
  std::optional<MonotonicTime> began_;
  std::optional<Timestamp> last_;
  Duration last_position_{-1};
};

}  // namespace vedette::media
