#include "vedette/modules/zone_tally.h"

#include "vedette/base/error.h"
#include "vedette/modules/polygon.h"

namespace vedette::modules {

ZoneTally::ZoneTally(const ZoneMonitorOptions& options, std::vector<WatchedZone> zones)
    : anchor_(options.anchor),
      zones_(std::move(zones)),
      counts_(names_of(zones_), {.interval = options.count_interval, .grace = options.grace}) {}

void ZoneTally::reshape(std::span<const std::vector<Point>> polygons) {
  VEDETTE_ASSERT(polygons.size() == zones_.size());
  for (size_t i = 0; i < polygons.size(); ++i) zones_[i].polygon = polygons[i];
}

std::vector<Event> ZoneTally::update(std::span<const Object> objects, Timestamp time) {
  if (time_ && time > *time_) elapsed_ += time - *time_;
  time_ = time;
  counts_.reset();
  for (const Object& object : objects) {
    const Point point = anchor_of(object.box, anchor_);
    for (size_t i = 0; i < zones_.size(); ++i)
      if (is_of(object, zones_[i].classes) && contains(zones_[i].polygon, point)) counts_.add(i, object.label(), 1);
  }
  std::vector<Event> events;
  counts_.tell(time, elapsed_, events);
  return events;
}

std::vector<Event> ZoneTally::finish() {
  std::vector<Event> events;
  counts_.reset();
  counts_.tell_all(time_.value_or(Timestamp{}), elapsed_, events);
  return events;
}

}  // namespace vedette::modules
