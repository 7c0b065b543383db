#pragma once

#include <string>

#include "vedette/frame/observation.h"

namespace vedette::modules {

/// Events and observations as JSON objects on one line each, always with the same keys in the same order and the same
/// digits, so that the same run gives the same bytes. ASCII only. Boxes are x, y, width, height in pixels of the frame,
/// to a hundredth.

/// {"type":"event","stream":…,"sequence":…,"event":"enter|leave|dwell|count|cross","time":…,"zone":…,"label":…} and,
/// where they apply, "track_id", "box", "count" (of kCount), "direction" (of kCross: 1 or -1), "dwell_s" (of kDwell and
/// kLeave). `application` comes first when it is not empty.
void append_event_json(std::string& out, const Observation& observation, const Event& event,
                       const std::string& application = {});

/// {"type":"observation","stream":…,"sequence":…,"capture_time":…,"position_s":…,"width":…,"height":…,
///  "objects":[{"id":…|null,"label":…,"score":…,"box":[…]}, …]}; objects that have attributes also have
/// "attributes":{"name":"value", …}, and with `embeddings` those that have one "embedding":[…], to a millionth.
void append_observation_json(std::string& out, const Observation& observation, bool embeddings = false);

}  // namespace vedette::modules
