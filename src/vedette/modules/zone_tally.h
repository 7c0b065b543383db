#pragma once

#include <optional>
#include <span>
#include <vector>

#include "vedette/modules/zone_counts.h"
#include "vedette/modules/zone_monitor.h"

namespace vedette::modules {

/// Counts detections in zones, frame by frame, where nobody tracks: the RoI monitor of paper 001 §4.2.4. Pure, as
/// ZoneMonitor; one instance a stream.
///
/// Counts. How many objects of a class stand in a zone in this frame; a kCount event when that has differed for `grace`
/// from the number last told (one frame in which a detection is missing tells nothing), at most one in
/// `count_interval`. The event has the time of the frame in which it is told, and that frame's number.
class ZoneTally {
 public:
  ZoneTally(const ZoneMonitorOptions& options, std::vector<WatchedZone> zones);

  /// The same zones elsewhere, because the frame has another size.
  void reshape(std::span<const std::vector<Point>> polygons);
  std::vector<Event> update(std::span<const Object> objects, Timestamp time);
  /// The stream is over: every zone is empty.
  std::vector<Event> finish();

 private:
  const Anchor anchor_;
  std::vector<WatchedZone> zones_;
  ZoneCounts counts_;
  std::optional<Timestamp> time_;
  Duration elapsed_{0};
};

}  // namespace vedette::modules
