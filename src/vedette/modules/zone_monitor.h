#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/frame/event.h"
#include "vedette/frame/object.h"
#include "vedette/modules/region.h"
#include "vedette/modules/zone_counts.h"

namespace vedette::modules {

/// A zone that is watched, in pixels.
struct WatchedZone {
  std::string name;
  std::vector<Point> polygon;
  std::vector<std::string> classes;  ///< empty: all
  Duration dwell{0};                 ///< 0: no dwell events
};

std::vector<std::string> names_of(std::span<const WatchedZone> zones);

/// A line that is watched, in pixels. Direction: see crossing() in polygon.h.
struct WatchedLine {
  std::string name;
  Point from, to;
  std::vector<std::string> classes;  ///< empty: all
};

struct ZoneMonitorOptions {
  Anchor anchor = Anchor::kFoot;
  Duration grace{0};           ///< a change must last so long to count, against boxes that jitter on a border
  Duration lost{0};            ///< a track unseen for longer has left; 0: as soon as it is not seen
  Duration count_interval{0};  ///< least time between two count events of one zone and class
};

/// Turns the ways of tracks into events. Pure: it has no clock; time comes with the objects. One instance a stream.
///
/// Visits. A track has entered when it was seen inside for `grace` without a sighting outside, and left when it was
/// seen outside for `grace`, or not at all for `lost`. Each enter is followed by exactly one leave of the same track,
/// zone and class, at finish() at the latest. Events carry the time and box of the frame in which the change began, so
/// they are told up to `grace` (or `lost`) late: an enter that was followed by a leave within `grace` is never told. A
/// track first seen inside enters, too. The class is the one the track had when it came in.
///
/// Counts. How many tracks of a class have entered and not left; a kCount event whenever that differs from the number
/// last told.
///
/// Crossings. A track crosses where the straight way between two sightings cuts the line. Crossings back and forth
/// within `grace` cancel each other, so the sum of all directions is always that of the way itself.
///
/// Time may jump back (a camera that sets its clock): spans are then measured as if it had stood still.
class ZoneMonitor {
 public:
  ZoneMonitor(ZoneMonitorOptions options, std::vector<WatchedZone> zones, std::vector<WatchedLine> lines);

  /// The same zones and lines elsewhere, because the frame has another size. Open visits go on; a step over this change
  /// crosses no line. As many zones and lines as before.
  void reshape(std::span<const std::vector<Point>> polygons, std::span<const std::pair<Point, Point>> lines);

  /// Takes what one frame shows. Objects without a track id are passed over, as is a second one with the same id.
  /// Events are ordered by track id, then by zone; counts come last.
  std::vector<Event> update(std::span<const Object> objects, Timestamp time);

  /// The stream is over: everyone leaves. Tells what is left to be told.
  std::vector<Event> finish();

  /// Tracks remembered now; at most those seen within `lost`.
  size_t tracks() const { return tracks_.size(); }

 private:
  struct Sighting {
    Timestamp time{};
    Duration elapsed{0};  ///< monitor time, never running back
    Box box;
  };
  struct Visit {
    bool inside = false;              ///< as told
    std::optional<Sighting> changed;  ///< first of the sightings on the other side
    Sighting entered;
    std::string label;
    bool dwelt = false;
  };
  struct Crossing {
    int direction = 0;  ///< 0: none that waits for its grace to pass
    Sighting at;
    std::string label;
  };
  struct Track {
    Sighting last;
    std::optional<Point> point;  ///< where it was last seen; empty after reshape()
    std::vector<Visit> visits;   ///< one a zone
    std::vector<Crossing> crossings;  ///< one a line
  };
  void see_zone(size_t zone, int64_t id, Track& track, const Object& object, Point point, std::vector<Event>& events);
  void see_line(size_t line, int64_t id, Track& track, const Object& object, Point point, std::vector<Event>& events);
  void settle_crossing(size_t line, int64_t id, Crossing& crossing, std::vector<Event>& events);
  void leave(size_t zone, int64_t id, Visit& visit, const Sighting& at, std::vector<Event>& events);
  void forget(int64_t id, Track& track, std::vector<Event>& events);

  const ZoneMonitorOptions options_;
  std::vector<WatchedZone> zones_;
  std::vector<WatchedLine> lines_;
  std::map<int64_t, Track> tracks_;  ///< ordered, so that events come in the same order at each run
  ZoneCounts counts_;
  std::optional<Timestamp> time_;
  Duration elapsed_{0};
};

}  // namespace vedette::modules
