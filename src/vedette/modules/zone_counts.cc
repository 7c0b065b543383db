#include "vedette/modules/zone_counts.h"

namespace vedette::modules {

ZoneCounts::ZoneCounts(std::vector<std::string> zones, Options options)
    : zones_(std::move(zones)), options_(options), counts_(zones_.size()) {}

void ZoneCounts::reset() {
  for (auto& zone : counts_)
    for (auto& [label, count] : zone) count.now = 0;
}

void ZoneCounts::tell(Timestamp time, Duration elapsed, bool all, std::vector<Event>& events) {
  for (size_t i = 0; i < counts_.size(); ++i) {
    for (auto& [label, count] : counts_[i]) {
      if (count.now == count.told) {
        count.differs_since.reset();
        continue;
      }
      if (!count.differs_since) count.differs_since = elapsed;
      if (!all && elapsed - *count.differs_since < options_.grace) continue;
      if (!all && count.told_at && elapsed - *count.told_at < options_.interval) continue;
      count.told = count.now;
      count.told_at = elapsed;
      count.differs_since.reset();
      events.push_back({.kind = EventKind::kCount,
                        .time = time,
                        .zone = zones_[i],
                        .label = label,
                        .track_id = {},
                        .box = {},
                        .count = count.now});
    }
  }
}

}  // namespace vedette::modules
