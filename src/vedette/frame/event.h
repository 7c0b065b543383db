#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vedette/base/time.h"
#include "vedette/frame/box.h"

namespace vedette {

enum class EventKind {
  kEnter,  ///< a track's foot point came into a zone
  kLeave,  ///< … left it, or the track ended inside
  kDwell,  ///< … has stayed for the zone's dwell time; once per visit
  kCross,  ///< … crossed a line
  kCount,  ///< how many objects of a class a zone holds, whenever that number changes
};

std::string_view to_string(EventKind kind);

/// Something that happened, as opposed to something seen: it has a time and is told once.
struct Event {
  EventKind kind = EventKind::kEnter;
  Timestamp time{};              ///< capture time of the frame that showed it
  std::string zone;              ///< name of the zone or line
  std::string label;             ///< class of the object
  std::optional<int64_t> track_id;
  Box box;                       ///< of the object; empty for kCount
  int64_t count = 0;  ///< kCount: objects of the class inside now; kCross: +1 along the line's direction, −1 against it
  double dwell_seconds = 0;  ///< kDwell, kLeave: how long the track has been inside
};

}  // namespace vedette
