#include "vedette/console/live_json.h"

#include <nlohmann/json.hpp>

#include "vedette/live/text_form.h"

namespace vedette::console {
namespace {

using nlohmann::json;

std::string text_of(const json& value) { return value.dump(-1, ' ', true, json::error_handler_t::replace); }

json to_json(const live::EventRecord& record) {
  const Event& event = record.event;
  json result = {{"id", record.id},
                 {"view", record.view},
                 {"kind", to_string(event.kind)},
                 {"time", to_rfc3339(event.time)},
                 {"seen", to_rfc3339(record.seen)},
                 {"sequence", record.sequence},
                 {"zone", event.zone},
                 {"label", event.label},
                 {"track", nullptr},
                 {"count", event.count},
                 {"dwell_seconds", event.dwell_seconds}};
  if (event.track_id) result["track"] = *event.track_id;
  if (!event.box.empty()) result["box"] = {event.box.x, event.box.y, event.box.width, event.box.height};
  return result;
}

}  // namespace

std::string event_json(const live::EventRecord& record) { return text_of(to_json(record)); }

std::string events_json(const live::EventPage& page, const std::string& epoch, const ViewFilter& shows) {
  json events = json::array();
  for (const auto& record : page.events)
    if (shows(record.view)) events.push_back(to_json(record));
  return text_of({{"epoch", epoch}, {"newest", page.newest}, {"lost", page.lost}, {"events", std::move(events)}});
}

std::string streams_json(const live::Hub& hub, const ViewFilter& shows) {
  json streams = json::array();
  for (const live::View& view : hub.views()) {
    if (!shows(view.id)) continue;
    json one = {{"view", view.id},
                {"application", view.application},
                {"stream", view.stream},
                {"ended", view.ended},
                {"observations", view.observations}};
    if (view.latest) {
      one["sequence"] = view.latest->frame().sequence;
      one["width"] = view.latest->frame().width;
      one["height"] = view.latest->frame().height;
      one["zones"] = json::parse(live::zones_json(view.latest->zones()));
    }
    streams.push_back(std::move(one));
  }
  return text_of({{"streams", std::move(streams)}});
}

std::string zones_history_json(const live::ZoneHistory& history, bool now_only, const ViewFilter& shows) {
  json all = json::array();
  for (const live::Series& series : history.series) {
    if (!shows(series.view)) continue;
    json one = {
        {"view", series.view}, {"zone", series.zone}, {"label", series.label}, {"kind", to_string(series.kind)}};
    const bool known = !series.values.empty() && series.values.back().has_value();
    one["now"] = known ? json(series.now) : json(nullptr);
    if (!now_only) {
      json values = json::array();
      for (const auto& value : series.values) values.push_back(value ? json(*value) : json(nullptr));
      one["values"] = std::move(values);
    }
    all.push_back(std::move(one));
  }
  return text_of(
      {{"end", to_rfc3339(history.end)}, {"step_seconds", to_seconds(history.step)}, {"series", std::move(all)}});
}

}  // namespace vedette::console
