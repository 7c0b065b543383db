#pragma once

#include <string_view>
#include <variant>

#include "vedette/base/time.h"

namespace vedette::framelog {

struct Newest {
  bool operator==(const Newest&) const = default;
};
struct Oldest {
  bool operator==(const Oldest&) const = default;
};
/// A place in a log: its newest frame, its oldest frame, a time before the present, or a time.
using Moment = std::variant<Newest, Oldest, Duration, Timestamp>;

/// "now", "start", "-90s", "-5m", "-2h", "-1d" (an age; parts of a unit too: "-1.5h"; the minus may be left out),
/// "2026-01-31T12:00:00Z" (with or without a fraction; Z or nothing is UTC, "+01:00" another zone), "2026-01-31" (its
/// midnight, UTC), or "1769860800.25" (seconds since 1970). Throws Error(kUsage).
Moment parse_moment(std::string_view text);

/// The time that a moment means: `now` for Newest, Timestamp::min() for Oldest.
Timestamp time_of(const Moment& moment, Timestamp now);

}  // namespace vedette::framelog
