#include "vedette/modules/zone_monitor.h"

#include <tuple>

#include "vedette/base/error.h"
#include "vedette/modules/polygon.h"

namespace vedette::modules {

std::vector<std::string> names_of(std::span<const WatchedZone> zones) {
  std::vector<std::string> names;
  for (const WatchedZone& zone : zones) names.push_back(zone.name);
  return names;
}

ZoneMonitor::ZoneMonitor(ZoneMonitorOptions options, std::vector<WatchedZone> zones, std::vector<WatchedLine> lines)
    : options_(options),
      zones_(std::move(zones)),
      lines_(std::move(lines)),
      counts_(names_of(zones_), {.interval = options.count_interval}) {}

void ZoneMonitor::reshape(std::span<const std::vector<Point>> polygons,
                          std::span<const std::pair<Point, Point>> lines) {
  VEDETTE_ASSERT(polygons.size() == zones_.size() && lines.size() == lines_.size());
  for (size_t i = 0; i < polygons.size(); ++i) zones_[i].polygon = polygons[i];
  for (size_t i = 0; i < lines.size(); ++i) std::tie(lines_[i].from, lines_[i].to) = lines[i];
  for (auto& [id, track] : tracks_) track.point.reset();
}

std::vector<Event> ZoneMonitor::update(std::span<const Object> objects, Timestamp time) {
  if (time_ && time > *time_) elapsed_ += time - *time_;
  time_ = time;

  std::map<int64_t, const Object*> seen;
  for (const Object& object : objects)
    if (object.track_id) seen.emplace(*object.track_id, &object);

  std::vector<Event> events;
  for (const auto& [id, object] : seen) {
    Track& track = tracks_[id];
    track.visits.resize(zones_.size());
    track.crossings.resize(lines_.size());
    track.last = {time, elapsed_, object->box};
    const Point point = anchor_of(object->box, options_.anchor);
    for (size_t i = 0; i < zones_.size(); ++i) see_zone(i, id, track, *object, point, events);
    for (size_t i = 0; i < lines_.size(); ++i) see_line(i, id, track, *object, point, events);
    track.point = point;
  }
  for (auto at = tracks_.begin(); at != tracks_.end();) {
    auto& [id, track] = *at;
    if (seen.contains(id) || elapsed_ - track.last.elapsed < options_.lost) {
      ++at;
      continue;
    }
    forget(id, track, events);
    at = tracks_.erase(at);
  }
  counts_.tell(time, elapsed_, events);
  return events;
}

std::vector<Event> ZoneMonitor::finish() {
  std::vector<Event> events;
  for (auto& [id, track] : tracks_) forget(id, track, events);
  tracks_.clear();
  counts_.tell_all(time_.value_or(Timestamp{}), elapsed_, events);
  return events;
}

void ZoneMonitor::see_zone(size_t zone, int64_t id, Track& track, const Object& object, Point point,
                           std::vector<Event>& events) {
  const WatchedZone& watched = zones_[zone];
  Visit& visit = track.visits[zone];
  // A track that is inside stays watched when the detector takes it for something else in between.
  const bool inside = (visit.inside || is_of(object, watched.classes)) && contains(watched.polygon, point);
  if (inside == visit.inside) {
    visit.changed.reset();
  } else {
    if (!visit.changed) visit.changed = track.last;
    if (elapsed_ - visit.changed->elapsed >= options_.grace) {
      const Sighting since = *visit.changed;
      if (visit.inside) {
        leave(zone, id, visit, since, events);
      } else {
        visit = {.inside = true, .changed = {}, .entered = since, .label = object.label(), .dwelt = false};
        counts_.add(zone, visit.label, 1);
        events.push_back({.kind = EventKind::kEnter,
                          .time = since.time,
                          .zone = watched.name,
                          .label = visit.label,
                          .track_id = id,
                          .box = since.box});
      }
    }
  }
  const Duration stayed = elapsed_ - visit.entered.elapsed;
  if (inside && visit.inside && !visit.dwelt && watched.dwell > Duration{0} && stayed >= watched.dwell) {
    visit.dwelt = true;
    events.push_back({.kind = EventKind::kDwell,
                      .time = track.last.time,
                      .zone = watched.name,
                      .label = visit.label,
                      .track_id = id,
                      .box = object.box,
                      .dwell_seconds = to_seconds(stayed)});
  }
}

void ZoneMonitor::see_line(size_t line, int64_t id, Track& track, const Object& object, Point point,
                           std::vector<Event>& events) {
  const WatchedLine& watched = lines_[line];
  Crossing& waiting = track.crossings[line];
  const int direction =
      track.point && is_of(object, watched.classes) ? crossing(watched.from, watched.to, *track.point, point) : 0;
  if (direction != 0 && direction == -waiting.direction) {
    waiting.direction = 0;
  } else if (direction != 0) {
    settle_crossing(line, id, waiting, events);
    waiting = {direction, track.last, object.label()};
  }
  if (waiting.direction != 0 && elapsed_ - waiting.at.elapsed >= options_.grace)
    settle_crossing(line, id, waiting, events);
}

void ZoneMonitor::settle_crossing(size_t line, int64_t id, Crossing& crossing, std::vector<Event>& events) {
  if (crossing.direction == 0) return;
  events.push_back({.kind = EventKind::kCross,
                    .time = crossing.at.time,
                    .zone = lines_[line].name,
                    .label = crossing.label,
                    .track_id = id,
                    .box = crossing.at.box,
                    .count = crossing.direction});
  crossing.direction = 0;
}

void ZoneMonitor::leave(size_t zone, int64_t id, Visit& visit, const Sighting& at, std::vector<Event>& events) {
  events.push_back({.kind = EventKind::kLeave,
                    .time = at.time,
                    .zone = zones_[zone].name,
                    .label = visit.label,
                    .track_id = id,
                    .box = at.box,
                    .dwell_seconds = to_seconds(at.elapsed - visit.entered.elapsed)});
  counts_.add(zone, visit.label, -1);
  visit = {};
}

void ZoneMonitor::forget(int64_t id, Track& track, std::vector<Event>& events) {
  for (size_t i = 0; i < zones_.size(); ++i) {
    Visit& visit = track.visits[i];
    if (visit.inside) leave(i, id, visit, visit.changed.value_or(track.last), events);
  }
  for (size_t i = 0; i < lines_.size(); ++i) settle_crossing(i, id, track.crossings[i], events);
}

}  // namespace vedette::modules
