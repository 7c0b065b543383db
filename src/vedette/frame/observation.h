#pragma once

#include <memory>
#include <span>
#include <vector>

#include "vedette/frame/event.h"
#include "vedette/frame/frame.h"
#include "vedette/frame/object.h"

namespace vedette {

/// A region that modules watch, carried along so that sinks can draw it. Points in pixels of the frame; two points make
/// a line.
struct Zone {
  std::string name;
  std::vector<Point> points;
  bool is_line() const { return points.size() == 2; }
};

/// A frame together with what was found in it: the one thing that flows through every application. Immutable; a module
/// hands on a new observation made by a with_…() call, which shares whatever did not change. Copying costs four
/// reference counts.
class Observation {
 public:
  explicit Observation(std::shared_ptr<const Frame> frame) : frame_(std::move(frame)) {}

  const Frame& frame() const { return *frame_; }
  const std::shared_ptr<const Frame>& shared_frame() const { return frame_; }
  const StreamInfo& stream() const { return *frame_->stream; }
  std::span<const Object> objects() const {
    return objects_ ? std::span<const Object>(*objects_) : std::span<const Object>();
  }
  std::span<const Event> events() const {
    return events_ ? std::span<const Event>(*events_) : std::span<const Event>();
  }
  std::span<const Zone> zones() const { return zones_ ? std::span<const Zone>(*zones_) : std::span<const Zone>(); }

  Observation with_frame(Frame frame) const;
  Observation with_objects(std::vector<Object> objects) const;
  /// Adds to the events already there.
  Observation with_events(std::vector<Event> events) const;
  /// Adds to the zones already there; `zones` is shared, not copied, when there are none yet.
  Observation with_zones(std::shared_ptr<const std::vector<Zone>> zones) const;

 private:
  std::shared_ptr<const Frame> frame_;
  std::shared_ptr<const std::vector<Object>> objects_;
  std::shared_ptr<const std::vector<Event>> events_;
  std::shared_ptr<const std::vector<Zone>> zones_;
};

}  // namespace vedette
