#pragma once

#include <span>
#include <string>
#include <string_view>

#include "vedette/frame/observation.h"

namespace vedette::live {

/// JSON texts that browsers are sent. Compact, ASCII only (other characters as \u escapes, invalid UTF-8 as U+FFFD), so
/// that they may stand in an HTTP header as well. Boxes are x, y, width, height in pixels of the frame, to a tenth.

/// A quoted JSON string.
void append_json_string(std::string& out, std::string_view text);

/// [[x,y,w,h,"label",score,track_id|null], …]
std::string objects_json(std::span<const Object> objects);

/// [{"name":…,"points":[[x,y],…]}, …]; two points are a line.
std::string zones_json(std::span<const Zone> zones);

/// {"view":…,"sequence":…,"time":…,"width":…,"height":…,"objects":[…]}
std::string observation_json(std::string_view view, const Observation& observation);

}  // namespace vedette::live
