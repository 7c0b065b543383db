#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "vedette/live/hub.h"

namespace vedette::live {

/// The zone chart's memory: for each view, zone, class and kind one number a step, in a ring. Pure: the time comes with
/// the calls and must not go back. Not thread-safe.
class ZoneCounts {
 public:
  ZoneCounts(Duration history, Duration step, size_t max_series);

  /// Takes over what an event says about a number (kCount, kCross; others say nothing). False when there is no room for
  /// it.
  bool record(std::string_view view, const Event& event, Timestamp now);
  /// The view's objects inside are unknown from now on; its crossings stand still.
  void end(std::string_view view, Timestamp now);
  void forget(std::string_view view);
  ZoneHistory history(Duration span, Timestamp now) const;

 private:
  using Key = std::tuple<std::string, std::string, std::string, SeriesKind>;
  struct Line {
    bool known = false;
    int64_t now = 0;
    int64_t step = 0;              ///< the step that `now` belongs to; earlier ones lie in the ring
    std::vector<int64_t> ring;     ///< by step modulo its size; kUnknown where nothing is known
  };
  static constexpr int64_t kUnknown = INT64_MIN;

  int64_t step_of(Timestamp t) const { return t.time_since_epoch() / step_; }
  void advance(Line& line, int64_t step) const;

  Duration step_;
  size_t steps_;
  size_t max_series_;
  std::map<Key, Line> lines_;
};

}  // namespace vedette::live
