#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "vedette/base/error.h"
#include "vedette/graph/registry.h"
#include "vedette/modules/polygon.h"
#include "vedette/modules/zone_monitor.h"
#include "vedette/modules/zone_tally.h"

namespace vedette::modules {
namespace {

constexpr size_t kMostShapes = 64;

struct ZoneSettings : RegionSettings {
  std::vector<std::string> classes;
  double dwell_s = 0;

  void fields(Fields& f) {
    f.required();
    RegionSettings::fields(f);
    f.texts("classes", classes, "classes that count; none: all");
    f.number("dwell_s", dwell_s, "tell when a track has stayed for so many seconds; 0: never", {0, 86400});
  }
};

struct LineSettings {
  std::string name;
  std::vector<std::vector<double>> points;
  Units units = Units::kFraction;
  std::vector<std::string> classes;

  void fields(Fields& f) {
    f.required().text("name", name, "told with each event");
    f.required().rows("points", points, 2,
                      "two points; +1 is a crossing from left to right of the way from the first to the second");
    units_field(f, units);
    f.texts("classes", classes, "classes that count; none: all");
    f.check([this] { return are_points(points) ? fault() : std::string(); });
  }

  std::string fault() const {
    const std::string called = "line '" + name + "': ";
    if (points.size() != 2) return called + fmt::format("a line has 2 points, not {}", points.size());
    if (points[0] == points[1]) return called + "its two points are the same";
    const std::string wrong = unit_fault(points, units);
    return wrong.empty() ? wrong : called + wrong;
  }
};

enum class Watch { kTracks, kDetections };

struct RoiSettings {
  std::vector<ZoneSettings> zones;
  std::vector<LineSettings> lines;
  Watch watch = Watch::kTracks;
  bool mark = false;
  bool only_inside = false;
  Anchor anchor = Anchor::kFoot;
  int grace_ms = 200;
  int lost_ms = 3000;
  int count_interval_ms = 0;

  void fields(Fields& f) {
    f.groups("zones", zones, "polygons: enter, leave, dwell and count");
    f.groups("lines", lines, "lines: cross, +1 or -1 by direction");
    f.choice("watch", watch, {{"tracks", Watch::kTracks}, {"detections", Watch::kDetections}},
             "tracks: all that is told, put a 'track' module before it; detections: counts alone, needs no tracks");
    f.flag("mark", mark, "give each object inside a zone the attribute 'zone', as a log of detections shows it");
    f.flag("only_inside", only_inside, "hand on only the objects that are inside a zone");
    anchor_field(f, anchor);
    f.whole("grace_ms", grace_ms, "a change must last so long to count, against boxes that jitter on a border",
            {0, 60000});
    f.whole("lost_ms", lost_ms, "a track unseen for so long has left", {0, 3600000});
    f.whole("count_interval_ms", count_interval_ms, "least time between two count events of a zone and class",
            {0, 3600000});
    f.check([this] { return fault(); });
  }
  void adjust(graph::ModuleTraits& traits) const {
    if (watch == Watch::kTracks) traits.reads = traits.reads | graph::Facet::kTracks;
  }

  std::string fault() const {
    if (zones.empty() && lines.empty()) return "nothing to watch: give 'zones' or 'lines'";
    if (zones.empty() && (mark || only_inside)) return "'mark' and 'only_inside' need zones";
    if (watch == Watch::kDetections) {
      if (!lines.empty()) return "'lines' need 'watch: tracks' and a 'track' module before this one";
      for (const auto& zone : zones)
        if (zone.dwell_s > 0)
          return "zone '" + zone.name + "': 'dwell_s' needs 'watch: tracks' and a 'track' module before this one";
    }
    if (zones.size() + lines.size() > kMostShapes) return fmt::format("at most {} zones and lines", kMostShapes);
    std::set<std::string> names;
    for (const auto& zone : zones)
      if (!names.insert(zone.name).second) return "two zones or lines are named '" + zone.name + "'";
    for (const auto& line : lines)
      if (!names.insert(line.name).second) return "two zones or lines are named '" + line.name + "'";
    return "";
  }
};

/// An earlier roi may have named zones, too.
void add_zones(Object& object, const std::string& names) {
  for (auto& [key, value] : object.attributes)
    if (key == "zone") {
      value += "," + names;
      return;
    }
  object.attributes.emplace_back("zone", names);
}

/// Watches zones and lines: see ZoneMonitor for what is told of tracks and when, ZoneTally for detections. At the end
/// of a stream all who are inside leave: their events ride on one more observation of the last frame, without objects.
class RoiModule final : public graph::Module {
 public:
  using Settings = RoiSettings;
  explicit RoiModule(Settings settings) : settings_(std::move(settings)) {}

  void process(const Observation& observation, graph::Emit& emit) override {
    const Frame& frame = observation.frame();
    if (!shapes_ || frame.width != width_ || frame.height != height_) lay_out(frame.width, frame.height);
    if (monitor_) check_tracks(observation.objects());
    auto events = monitor_ ? monitor_->update(observation.objects(), frame.capture_time)
                           : tally_->update(observation.objects(), frame.capture_time);
    Observation watched = observation.with_zones(shapes_);
    if (settings_.mark || settings_.only_inside) watched = watched.with_objects(sorted_out(observation.objects()));
    if (!events.empty()) watched = watched.with_events(std::move(events));
    last_ = watched;
    emit(std::move(watched));
  }

  void end_of_stream(const StreamInfo&, graph::Emit& emit) override {
    if (!shapes_) return;
    auto events = monitor_ ? monitor_->finish() : tally_->finish();
    if (!events.empty()) {
      const auto zones = std::make_shared<const std::vector<Zone>>(last_->zones().begin(), last_->zones().end());
      emit(Observation(last_->shared_frame()).with_objects({}).with_zones(zones).with_events(std::move(events)));
    }
    last_.reset();
    monitor_.reset();
    tally_.reset();
    shapes_.reset();
  }

 private:
  /// Brings the settings to a frame size.
  void lay_out(int width, int height) {
    width_ = width;
    height_ = height;
    auto shapes = std::make_shared<std::vector<Zone>>();
    std::vector<WatchedZone> zones;
    std::vector<WatchedLine> lines;
    for (const auto& zone : settings_.zones) {
      zones.push_back({zone.name, zone.in_pixels(width, height), zone.classes, from_seconds(zone.dwell_s)});
      shapes->push_back({zone.name, zones.back().polygon});
    }
    for (const auto& line : settings_.lines) {
      const auto points = points_in_pixels(line.points, line.units, width, height);
      lines.push_back({line.name, points[0], points[1], line.classes});
      shapes->push_back({line.name, points});
    }
    shapes_ = std::move(shapes);
    if (!monitor_ && !tally_) {
      const ZoneMonitorOptions options{settings_.anchor, std::chrono::milliseconds(settings_.grace_ms),
                                       std::chrono::milliseconds(settings_.lost_ms),
                                       std::chrono::milliseconds(settings_.count_interval_ms)};
      if (settings_.watch == Watch::kDetections)
        tally_.emplace(options, std::move(zones));
      else
        monitor_.emplace(options, std::move(zones), std::move(lines));
      return;
    }
    std::vector<std::vector<Point>> polygons;
    std::vector<std::pair<Point, Point>> ends;
    for (auto& zone : zones) polygons.push_back(std::move(zone.polygon));
    for (const auto& line : lines) ends.emplace_back(line.from, line.to);
    if (monitor_)
      monitor_->reshape(polygons, ends);
    else
      tally_->reshape(polygons);
  }

  /// Without track ids nothing would ever be told: better to say why.
  void check_tracks(std::span<const Object> objects) {
    if (tracked_ || objects.empty()) return;
    tracked_ = std::any_of(objects.begin(), objects.end(), [](const Object& o) { return o.track_id.has_value(); });
    if (!tracked_)
      throw Error(ErrorCode::kInvalidConfig, "the objects that 'roi' watches have no track ids",
                  "put a 'track' module before it, or set 'watch: detections'");
  }

  /// The objects, each with the zones it is inside of, or only those that are.
  std::vector<Object> sorted_out(std::span<const Object> objects) const {
    std::vector<Object> kept;
    for (const Object& object : objects) {
      std::string names;
      const Point point = anchor_of(object.box, settings_.anchor);
      for (size_t i = 0; i < settings_.zones.size(); ++i) {
        const auto& zone = settings_.zones[i];
        if (!is_of(object, zone.classes) || !contains((*shapes_)[i].points, point)) continue;
        names += (names.empty() ? "" : ",") + zone.name;
      }
      if (names.empty() && settings_.only_inside) continue;
      kept.push_back(object);
      if (settings_.mark && !names.empty()) add_zones(kept.back(), names);
    }
    return kept;
  }

  const Settings settings_;
  int width_ = 0;
  int height_ = 0;
  std::optional<ZoneMonitor> monitor_;  ///< of tracks, or …
  std::optional<ZoneTally> tally_;      ///< … of detections
  bool tracked_ = false;                ///< an object with a track id was seen
  std::shared_ptr<const std::vector<Zone>> shapes_;
  std::optional<Observation> last_;
};

VEDETTE_MODULE(RoiModule, {.type = "roi",
                           .summary = "Watches zones and lines: enter, leave, dwell, count, cross",
                           .concurrency = graph::Concurrency::kPerStream,
                           .reads = graph::Facet::kObjects,
                           .adds = graph::Facet::kEvents});

}  // namespace
}  // namespace vedette::modules
