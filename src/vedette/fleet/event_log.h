#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "vedette/plan/report.h"

namespace vedette::fleet {

/// One line of the event log.
struct Event {
  uint64_t id = 0;         ///< grows by one, and by more over a restart
  plan::LogLine line;
  bool everybody = false;  ///< says nothing of any tenant: "box-2 is lost"
};

/// The newest lines of the fleet's event log. Bounded: the oldest go first. Thread-safe.
class EventLog {
 public:
  explicit EventLog(size_t capacity = 20'000) : capacity_(capacity) {}

  uint64_t add(plan::LogLine line, bool everybody);
  uint64_t newest() const;

  struct Page {
    std::vector<Event> events;  ///< oldest first
    uint64_t newest = 0;
  };
  /// The first `limit` lines after `after` that `wanted` lets through; with after == kNewest the last `limit`.
  static constexpr uint64_t kNewest = ~uint64_t{0};
  Page read(uint64_t after, size_t limit, const std::function<bool(const Event&)>& wanted) const;

  /// Lines for the store since the last call, as JSON; "" when there are none. And back, with a gap after them: of the
  /// lines that were told but not stored no number is used again.
  std::string take_unsaved();
  void load(const std::string& json);
  void end_load();

 private:
  const size_t capacity_;
  mutable std::mutex mutex_;
  std::deque<Event> events_;
  uint64_t next_ = 1;
  uint64_t saved_ = 0;
};

}  // namespace vedette::fleet
