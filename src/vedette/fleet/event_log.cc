#include "vedette/fleet/event_log.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "vedette/base/error.h"

namespace vedette::fleet {
namespace {

using nlohmann::json;

constexpr uint64_t kGap = 1000;
constexpr size_t kMaxTextBytes = 2000;
constexpr size_t kMaxLinesAtOnce = 500;  // stored at once; under a storm the newest

}  // namespace

uint64_t EventLog::add(plan::LogLine line, bool everybody) {
  if (line.text.size() > kMaxTextBytes) line.text.resize(kMaxTextBytes);
  const std::lock_guard lock(mutex_);
  events_.push_back({next_, std::move(line), everybody});
  if (events_.size() > capacity_) events_.pop_front();
  return next_++;
}

uint64_t EventLog::newest() const {
  const std::lock_guard lock(mutex_);
  return next_ - 1;
}

EventLog::Page EventLog::read(uint64_t after, size_t limit, const std::function<bool(const Event&)>& wanted) const {
  const std::lock_guard lock(mutex_);
  Page page;
  page.newest = next_ - 1;
  if (after == kNewest) {
    for (auto event = events_.rbegin(); event != events_.rend() && page.events.size() < limit; ++event)
      if (wanted(*event)) page.events.push_back(*event);
    std::reverse(page.events.begin(), page.events.end());
    return page;
  }
  auto event =
      std::upper_bound(events_.begin(), events_.end(), after, [](uint64_t id, const Event& e) { return id < e.id; });
  for (; event != events_.end() && page.events.size() < limit; ++event)
    if (wanted(*event)) page.events.push_back(*event);
  return page;
}

std::string EventLog::take_unsaved() {
  const std::lock_guard lock(mutex_);
  if (saved_ + 1 >= next_) return "";
  json lines = json::array();
  size_t begin = events_.size();
  while (begin > 0 && events_[begin - 1].id > saved_ && events_.size() - begin < kMaxLinesAtOnce) --begin;
  for (size_t i = begin; i < events_.size(); ++i) {
    const auto& [id, line, everybody] = events_[i];
    lines.push_back({{"id", id},
                     {"time", line.time},
                     {"level", line.level},
                     {"node", line.node},
                     {"application", line.application},
                     {"text", line.text},
                     {"everybody", everybody}});
  }
  saved_ = next_ - 1;
  return lines.dump(-1, ' ', false, json::error_handler_t::replace);
}

void EventLog::load(const std::string& text) {
  const json lines = json::parse(text, nullptr, false);
  if (!lines.is_array()) return;  // a log line is not worth a refusal to start
  const std::lock_guard lock(mutex_);
  for (const json& line : lines) {
    if (!line.is_object()) continue;
    try {
      Event event{line.at("id"),
                  {line.at("time"), line.at("level"), line.at("node"), line.at("application"), line.at("text")},
                  line.at("everybody")};
      if (event.id < next_) continue;
      next_ = event.id + 1;
      events_.push_back(std::move(event));
      if (events_.size() > capacity_) events_.pop_front();
    } catch (const json::exception&) {  // likewise
    }
  }
}

void EventLog::end_load() {
  const std::lock_guard lock(mutex_);
  if (next_ > 1) next_ += kGap;
  saved_ = next_ - 1;
}

}  // namespace vedette::fleet
