#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/frame/event.h"

namespace vedette::modules {

/// How many objects of each class zones hold, and when that is to be told. Pure: time comes from outside, as a span
/// that never runs back.
class ZoneCounts {
 public:
  struct Options {
    Duration interval{0};  ///< least time between two events of one zone and class
    Duration grace{0};     ///< a number must have differed for so long from the one that was told
  };

  ZoneCounts(std::vector<std::string> zones, Options options);

  void add(size_t zone, const std::string& label, int64_t more) { counts_[zone][label].now += more; }
  /// Every number is 0, until more is added.
  void reset();

  /// Appends a kCount event for each number that differs from what was told last, where grace and interval allow.
  /// Ordered by zone, then class.
  void tell(Timestamp time, Duration elapsed, std::vector<Event>& events) { tell(time, elapsed, false, events); }
  /// Likewise, whatever grace and interval say: at the end.
  void tell_all(Timestamp time, Duration elapsed, std::vector<Event>& events) { tell(time, elapsed, true, events); }

 private:
  struct Count {
    int64_t now = 0;
    int64_t told = 0;
    std::optional<Duration> told_at;
    std::optional<Duration> differs_since;
  };
  void tell(Timestamp time, Duration elapsed, bool all, std::vector<Event>& events);

  const std::vector<std::string> zones_;
  const Options options_;
  std::vector<std::map<std::string, Count>> counts_;  ///< one a zone, by class
};

}  // namespace vedette::modules
