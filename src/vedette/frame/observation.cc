#include "vedette/frame/observation.h"

namespace vedette {

std::string Object::label() const {
  const auto index = static_cast<size_t>(class_id);
  return labels && class_id >= 0 && index < labels->size() ? (*labels)[index] : std::to_string(class_id);
}

std::string_view to_string(EventKind kind) {
  switch (kind) {
    case EventKind::kEnter: return "enter";
    case EventKind::kLeave: return "leave";
    case EventKind::kDwell: return "dwell";
    case EventKind::kCross: return "cross";
    case EventKind::kCount: return "count";
  }
  return "?";
}

Observation Observation::with_frame(Frame frame) const {
  Observation changed = *this;
  changed.frame_ = std::make_shared<const Frame>(std::move(frame));
  return changed;
}

Observation Observation::with_objects(std::vector<Object> objects) const {
  Observation changed = *this;
  changed.objects_ = std::make_shared<const std::vector<Object>>(std::move(objects));
  return changed;
}

Observation Observation::with_events(std::vector<Event> events) const {
  Observation changed = *this;
  if (events_) events.insert(events.begin(), events_->begin(), events_->end());
  changed.events_ = std::make_shared<const std::vector<Event>>(std::move(events));
  return changed;
}

Observation Observation::with_zones(std::shared_ptr<const std::vector<Zone>> zones) const {
  Observation changed = *this;
  if (zones_) {
    auto all = *zones_;
    all.insert(all.end(), zones->begin(), zones->end());
    zones = std::make_shared<const std::vector<Zone>>(std::move(all));
  }
  changed.zones_ = std::move(zones);
  return changed;
}

}  // namespace vedette
