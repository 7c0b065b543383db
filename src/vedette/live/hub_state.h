#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "vedette/live/hub.h"
#include "vedette/live/zone_counts.h"

namespace vedette::live {

/// What a watch and the hub share. Every member of this file is guarded by HubState::mutex.
struct Watcher {
  virtual ~Watcher() = default;
  bool wants(const std::string& view) const;
  virtual bool wants_text_of(const std::string& /*view*/) const { return false; }
  virtual void on_text(const std::shared_ptr<const std::string>& /*text*/, HubState& /*hub*/) {}

  std::vector<std::string> views;   ///< sorted; empty: all
  std::condition_variable_any wake;
};

struct HubState {
  explicit HubState(HubOptions given);

  struct Entry {
    View view;
    uint64_t revision = 0;   ///< of the hub, when `latest` was set
  };

  EventPage page(uint64_t after, size_t limit) const;
  uint64_t newest_event() const { return next_event - 1; }
  void add(Watcher& watcher);
  void remove(Watcher& watcher);
  void wake_all();

  const HubOptions options;
  const std::string epoch;

  mutable std::mutex mutex;
  std::map<std::string, Entry, std::less<>> entries;
  uint64_t revision = 0;
  uint64_t views_revision = 0;    ///< steps when a view comes, ends, revives, leaves or changes its zones
  uint64_t counts_revision = 0;
  uint64_t zones_revision = 0;
  std::deque<EventRecord> events;
  uint64_t next_event = 1;
  ZoneCounts counts;
  HubStats stats;
  std::vector<Watcher*> watchers;
};

}  // namespace vedette::live
