#include <algorithm>
#include <deque>
#include <map>

#include "vedette/live/hub.h"
#include "vedette/live/hub_state.h"

namespace vedette::live {
namespace {

constexpr size_t kEventsABatch = 256;

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

struct PictureWatch::State final : Watcher {
  struct Cursor {
    uint64_t revision = 0;
    uint64_t zones_revision = 0;
    MonotonicTime served{};
  };

  /// The due view that was served longest ago; null when none is. `due` becomes when the next one may be.
  HubState::Entry* pick(MonotonicTime now, MonotonicTime& due) {
    HubState::Entry* best = nullptr;
    MonotonicTime best_served{};
    for (auto& [id, entry] : hub->entries) {
      if (!entry.view.latest || !wants(id)) continue;
      const Cursor& cursor = cursors[id];
      if (cursor.revision == entry.revision) continue;
      const bool fresh = cursor.revision == 0;
      if (!fresh && now < cursor.served + interval) {
        due = std::min(due, cursor.served + interval);
        continue;
      }
      if (!best || cursor.served < best_served) {
        best = &entry;
        best_served = cursor.served;
      }
    }
    return best;
  }

  std::shared_ptr<HubState> hub;
  Duration interval{0};
  std::map<std::string, Cursor, std::less<>> cursors;   // at most one a view; swept when views leave
};

PictureWatch::PictureWatch(std::shared_ptr<HubState> hub, Options options) : state_(std::make_unique<State>()) {
  state_->hub = std::move(hub);
  state_->views = sorted(std::move(options.views));
  if (options.max_fps > 0) state_->interval = from_seconds(1 / options.max_fps);
  state_->hub->add(*state_);
}

PictureWatch::~PictureWatch() { state_->hub->remove(*state_); }

std::optional<PictureWatch::Sight> PictureWatch::next(std::stop_token stop, Duration timeout) {
  State& self = *state_;
  const Clock& clock = *self.hub->options.clock;
  const MonotonicTime deadline = Clock::system().monotonic() + timeout;
  std::unique_lock lock(self.hub->mutex);
  while (!stop.stop_requested()) {
    if (self.cursors.size() > 2 * self.hub->options.max_views) {
      std::erase_if(self.cursors, [&](const auto& cursor) { return !self.hub->entries.contains(cursor.first); });
    }
    const MonotonicTime now = clock.monotonic();
    MonotonicTime due = MonotonicTime::max();
    if (HubState::Entry* entry = self.pick(now, due)) {
      State::Cursor& cursor = self.cursors[entry->view.id];
      Sight sight{entry->view.id, *entry->view.latest, cursor.zones_revision != entry->view.zones_revision};
      cursor = {entry->revision, entry->view.zones_revision, now};
      return sight;
    }
    const MonotonicTime real_now = Clock::system().monotonic();
    if (real_now >= deadline) return std::nullopt;
    const MonotonicTime until = due == MonotonicTime::max() ? deadline : std::min(deadline, real_now + (due - now));
    bool woken = false;
    self.wake.wait_until(lock, stop, until, [&] { return std::exchange(woken, true); });
  }
  return std::nullopt;
}

struct TextWatch::State final : Watcher {
  bool wants_text_of(const std::string& view) const override { return observations && wants(view); }

  void on_text(const std::shared_ptr<const std::string>& text, HubState& of) override {
    queue.push_back(text);
    queued_bytes += text->size();
    while (queued_bytes > of.options.viewer_queue_bytes) {
      queued_bytes -= queue.front()->size();
      queue.pop_front();
      ++lost;
      ++of.stats.lost_observations;
    }
  }

  std::shared_ptr<HubState> hub;
  bool observations = true;
  std::deque<std::shared_ptr<const std::string>> queue;
  size_t queued_bytes = 0;
  uint64_t lost = 0;
  uint64_t event_cursor = 0;
  uint64_t views_seen = 0;
  uint64_t counts_seen = 0;
};

TextWatch::TextWatch(std::shared_ptr<HubState> hub, Options options) : state_(std::make_unique<State>()) {
  State& self = *state_;
  self.hub = std::move(hub);
  self.observations = options.observations;
  self.views = sorted(std::move(options.views));
  {
    const std::lock_guard lock(self.hub->mutex);
    const uint64_t newest = self.hub->newest_event();
    // An id from the future belongs to another life of the program; everything kept is new to that viewer.
    self.event_cursor = !options.after_event ? newest : *options.after_event > newest ? 0 : *options.after_event;
    self.views_seen = self.hub->views_revision;
    self.counts_seen = self.hub->counts_revision;
  }
  self.hub->add(self);
}

TextWatch::~TextWatch() { state_->hub->remove(*state_); }

TextWatch::Batch TextWatch::next(std::stop_token stop, Duration timeout) {
  State& self = *state_;
  HubState& hub = *self.hub;
  std::unique_lock lock(hub.mutex);
  const auto ready = [&] {
    return !self.queue.empty() || self.lost > 0 || hub.newest_event() > self.event_cursor ||
           hub.views_revision != self.views_seen || hub.counts_revision != self.counts_seen;
  };
  self.wake.wait_until(lock, stop, Clock::system().monotonic() + timeout, ready);
  Batch batch;
  batch.observations.assign(self.queue.begin(), self.queue.end());
  self.queue.clear();
  self.queued_bytes = 0;
  batch.lost_observations = std::exchange(self.lost, 0);
  batch.events = hub.page(self.event_cursor, kEventsABatch);
  if (!batch.events.events.empty()) self.event_cursor = batch.events.events.back().id;
  batch.counts_changed = std::exchange(self.counts_seen, hub.counts_revision) != hub.counts_revision;
  batch.views_changed = std::exchange(self.views_seen, hub.views_revision) != hub.views_revision;
  return batch;
}

}  // namespace vedette::live
