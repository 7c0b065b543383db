#include "vedette/media/capture_times.h"

#include <algorithm>

namespace vedette::media {
namespace {

using std::chrono::seconds;

constexpr Duration kOneStep = std::chrono::microseconds(1);
constexpr Timestamp kClocksAreSetAfter{std::chrono::duration_cast<Duration>(seconds(1'262'304'000))};  // 2010-01-01
/// A stream clock that left the arrivals by so much has jumped and is anchored anew.
constexpr Duration kMostAhead = seconds(2);
constexpr Duration kMostBehind = seconds(60);

}  // namespace

FrameTime FileTimes::stamp(std::optional<Duration> pts) {
  if (!pts) {
    const Duration position = last_ ? *last_ + frame_duration_ : Duration{0};
    last_ = position;
    return {Timestamp{position}, CaptureClock::kStreamClock, position};
  }
  if (!origin_) {
    origin_ = *pts;
    base_ = last_ ? *last_ + frame_duration_ : Duration{0};
  }
  Duration position = *pts - *origin_ + base_;
  if (last_ && position <= *last_) {
    if (*last_ - position > seconds(1)) {
      origin_ = *pts;
      position = base_ = *last_ + frame_duration_;
    } else {
      position = *last_ + kOneStep;
    }
  }
  position = std::max(position, Duration{0});
  last_ = position;
  return {Timestamp{position}, CaptureClock::kStreamClock, position};
}

void LiveTimes::connected() {
  wall_minus_pts_.reset();
  anchor_minus_pts_.reset();
  position_minus_pts_.reset();
}

void LiveTimes::sender_report(Duration pts, Timestamp wall_clock) {
  if (wall_clock < kClocksAreSetAfter) return;
  wall_minus_pts_ = wall_clock.time_since_epoch() - pts;
}

FrameTime LiveTimes::stamp(std::optional<Duration> pts, Timestamp arrival, MonotonicTime now,
                           std::optional<Timestamp> wall_clock) {
  FrameTime time;
  if (!began_) began_ = now;
  if (!pts) {
    const bool by_camera = wall_clock && *wall_clock >= kClocksAreSetAfter;
    time.capture_time = by_camera ? *wall_clock : arrival;
    time.clock = by_camera ? CaptureClock::kSenderReport : CaptureClock::kArrival;
    time.position = now - *began_;
  } else {
    if (anchor_minus_pts_) {
      const Duration ahead = *anchor_minus_pts_ + *pts - arrival.time_since_epoch();
      if (ahead > kMostAhead || ahead < -kMostBehind) {
        anchor_minus_pts_.reset();
        position_minus_pts_.reset();
      }
    }
    if (!anchor_minus_pts_) anchor_minus_pts_ = arrival.time_since_epoch() - *pts;
    if (!position_minus_pts_) position_minus_pts_ = now - *began_ - *pts;
    time.clock = wall_minus_pts_ ? CaptureClock::kSenderReport : CaptureClock::kStreamClock;
    time.capture_time = Timestamp{*pts + (wall_minus_pts_ ? *wall_minus_pts_ : *anchor_minus_pts_)};
    time.position = *pts + *position_minus_pts_;
  }
  if (last_ && time.capture_time <= *last_ && *last_ - time.capture_time < seconds(1))
    time.capture_time = *last_ + kOneStep;
  time.position = std::max(time.position, last_position_ + kOneStep);
  if (last_position_ < Duration{0}) time.position = std::max(time.position, Duration{0});
  last_ = time.capture_time;
  last_position_ = time.position;
  return time;
}

}  // namespace vedette::media
