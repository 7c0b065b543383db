#include "vedette/live/zone_counts.h"

#include <algorithm>

#include "vedette/base/error.h"

namespace vedette::live {

ZoneCounts::ZoneCounts(Duration history, Duration step, size_t max_series)
    : step_(step), steps_(static_cast<size_t>(history / step)), max_series_(max_series) {
  VEDETTE_ASSERT(step > Duration{0} && history >= step);
}

void ZoneCounts::advance(Line& line, int64_t step) const {
  const int64_t value = line.known ? line.now : kUnknown;
  const int64_t from = std::max(line.step, step - static_cast<int64_t>(steps_));
  for (int64_t at = from; at < step; ++at) line.ring[static_cast<size_t>(at) % steps_] = value;
  line.step = std::max(line.step, step);
}

bool ZoneCounts::record(std::string_view view, const Event& event, Timestamp now) {
  SeriesKind kind = SeriesKind::kInside;
  if (event.kind == EventKind::kCross) {
    kind = event.count < 0 ? SeriesKind::kBackward : SeriesKind::kForward;
  } else if (event.kind != EventKind::kCount) {
    return true;
  }
  Key key{view, event.zone, event.label, kind};
  auto found = lines_.find(key);
  if (found == lines_.end()) {
    if (lines_.size() >= max_series_) return false;
    found = lines_.emplace(std::move(key), Line{}).first;
    found->second.ring.assign(steps_, kUnknown);
    found->second.step = step_of(now);
  }
  Line& line = found->second;
  advance(line, step_of(now));
  line.now = kind == SeriesKind::kInside ? event.count : line.now + 1;
  line.known = true;
  return true;
}

void ZoneCounts::end(std::string_view view, Timestamp now) {
  for (auto& [key, line] : lines_) {
    if (std::get<0>(key) != view || std::get<SeriesKind>(key) != SeriesKind::kInside) continue;
    advance(line, step_of(now));
    line.known = false;
    line.now = 0;
  }
}

void ZoneCounts::forget(std::string_view view) {
  std::erase_if(lines_, [&](const auto& entry) { return std::get<0>(entry.first) == view; });
}

ZoneHistory ZoneCounts::history(Duration span, Timestamp now) const {
  ZoneHistory result;
  const int64_t last = step_of(now);
  const auto wanted = std::clamp<int64_t>(span / step_, 1, static_cast<int64_t>(steps_));
  result.step = step_;
  result.end = Timestamp{step_ * last};
  result.series.reserve(lines_.size());
  for (const auto& [key, line] : lines_) {
    Series series{std::get<0>(key), std::get<1>(key), std::get<2>(key), std::get<3>(key), line.now, {}};
    series.values.reserve(static_cast<size_t>(wanted));
    for (int64_t at = last - wanted + 1; at <= last; ++at) {
      int64_t value = line.known ? line.now : kUnknown;
      if (at < line.step) {
        const bool kept = at > line.step - static_cast<int64_t>(steps_) - 1 && at >= 0;
        value = kept ? line.ring[static_cast<size_t>(at) % steps_] : kUnknown;
      }
      series.values.push_back(value == kUnknown ? std::nullopt : std::optional<int64_t>(value));
    }
    result.series.push_back(std::move(series));
  }
  return result;
}

}  // namespace vedette::live
