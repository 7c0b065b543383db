#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "vedette/live/hub.h"

namespace vedette::console {

/// Whether a view, by its id "application/stream", is to be shown to somebody.
using ViewFilter = std::function<bool(std::string_view view)>;

/// {"id":…,"view":…,"kind":…,"time":…,"seen":…,"sequence":…,"zone":…,"label":…,"track":…,"count":…,"dwell_seconds":…,
/// "box":[x,y,w,h]}
std::string event_json(const live::EventRecord& record);
/// {"epoch":…,"newest":…,"lost":…,"events":[…]}
std::string events_json(const live::EventPage& page, const std::string& epoch, const ViewFilter& shows);
/// {"streams":[{"view","application","stream","ended","observations","sequence","width","height","zones"}]}
std::string streams_json(const live::Hub& hub, const ViewFilter& shows);
/// {"end":…,"step_seconds":…,"series":[{"view","zone","label","kind","now","values"}]}; without `values` when
/// `now_only`.
std::string zones_history_json(const live::ZoneHistory& history, bool now_only, const ViewFilter& shows);

}  // namespace vedette::console
