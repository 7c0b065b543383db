#include "vedette/live/hub.h"

#include <fmt/format.h>

#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/live/hub_state.h"
#include "vedette/live/text_form.h"

namespace vedette::live {
namespace {

std::string id_of(std::string_view application, std::string_view stream) {
  std::string id;
  id.reserve(application.size() + stream.size() + 1);
  return id.append(application).append("/").append(stream);
}

bool same_zones(std::span<const Zone> a, std::span<const Zone> b) {
  if (a.data() == b.data() && a.size() == b.size()) return true;
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Zone& x, const Zone& y) { return x.name == y.name && x.points == y.points; });
}

}  // namespace

std::string_view to_string(SeriesKind kind) {
  switch (kind) {
    case SeriesKind::kInside: return "inside";
    case SeriesKind::kForward: return "forward";
    case SeriesKind::kBackward: return "backward";
  }
  return "inside";
}

bool Watcher::wants(const std::string& view) const {
  return views.empty() || std::binary_search(views.begin(), views.end(), view);
}

HubState::HubState(HubOptions given)
    : options(given),
      epoch(fmt::format(
          "{:x}",
          std::chrono::duration_cast<std::chrono::milliseconds>(given.clock->now().time_since_epoch()).count())),
      counts(given.history, given.history_step, given.max_series) {}

EventPage HubState::page(uint64_t after, size_t limit) const {
  EventPage result;
  result.newest = newest_event();
  if (events.empty() || after >= result.newest) return result;
  const uint64_t oldest = events.front().id;
  const uint64_t from = std::max(after + 1, oldest);
  result.lost = from - (after + 1);
  const auto begin = events.begin() + static_cast<std::ptrdiff_t>(from - oldest);
  const auto count = std::min<size_t>(limit, static_cast<size_t>(events.end() - begin));
  result.events.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
  return result;
}

void HubState::add(Watcher& watcher) {
  const std::lock_guard lock(mutex);
  if (watchers.size() >= options.max_viewers) {
    throw Error(ErrorCode::kExhausted, fmt::format("{} viewers are connected, which is the limit", watchers.size()),
                "close another live view first");
  }
  watchers.push_back(&watcher);
}

void HubState::remove(Watcher& watcher) {
  const std::lock_guard lock(mutex);
  std::erase(watchers, &watcher);
}

void HubState::wake_all() {
  for (Watcher* watcher : watchers) watcher->wake.notify_one();
}

Hub::Hub(HubOptions options) : state_(std::make_shared<HubState>(options)) {}
Hub::~Hub() = default;

void Hub::publish(std::string_view application, const Observation& observation) {
  HubState& hub = *state_;
  const std::string id = id_of(application, observation.stream().name);
  std::optional<Observation> replaced;  // freed after the lock: it may hold the last reference to a picture
  bool text_wanted = false;
  {
    const std::lock_guard lock(hub.mutex);
    auto found = hub.entries.find(id);
    if (found == hub.entries.end()) {
      if (hub.entries.size() >= hub.options.max_views) {
        ++hub.stats.refused_observations;
        return;
      }
      found = hub.entries.emplace(id, HubState::Entry{}).first;
      View& view = found->second.view;
      view.id = id;
      view.application = application;
      view.stream = observation.stream().name;
      ++hub.views_revision;
    }
    HubState::Entry& entry = found->second;
    const auto zones_before = entry.view.latest ? entry.view.latest->zones() : std::span<const Zone>();
    if (!same_zones(zones_before, observation.zones())) {
      entry.view.zones_revision = ++hub.zones_revision;
      ++hub.views_revision;
    }
    if (entry.view.ended) ++hub.views_revision;
    entry.view.ended = false;
    ++entry.view.observations;
    entry.revision = ++hub.revision;
    replaced = std::exchange(entry.view.latest, observation);

    if (!observation.events().empty()) {
      const Timestamp now = hub.options.clock->now();
      for (const Event& event : observation.events()) {
        if (!hub.counts.record(id, event, now)) ++hub.stats.refused_series;
        if (event.kind == EventKind::kCount || event.kind == EventKind::kCross) ++hub.counts_revision;
        hub.events.push_back({hub.next_event++, id, now, observation.frame().sequence, event});
        if (hub.events.size() > hub.options.max_events) hub.events.pop_front();
      }
    }
    for (Watcher* watcher : hub.watchers) {
      const bool wants_text = watcher->wants_text_of(id);
      text_wanted = text_wanted || wants_text;
      // One who wants the text is woken when it is there.
      if (!wants_text) watcher->wake.notify_one();
    }
  }
  if (!text_wanted) return;
  const auto text = std::make_shared<const std::string>(observation_json(id, observation));
  const std::lock_guard lock(hub.mutex);
  for (Watcher* watcher : hub.watchers) {
    if (!watcher->wants_text_of(id)) continue;
    watcher->on_text(text, hub);
    watcher->wake.notify_one();
  }
}

void Hub::end_of_stream(std::string_view application, std::string_view stream) {
  HubState& hub = *state_;
  const std::lock_guard lock(hub.mutex);
  const auto found = hub.entries.find(id_of(application, stream));
  if (found == hub.entries.end() || found->second.view.ended) return;
  found->second.view.ended = true;
  hub.counts.end(found->first, hub.options.clock->now());
  ++hub.views_revision;
  ++hub.counts_revision;
  hub.wake_all();
}

void Hub::remove_application(std::string_view application) {
  HubState& hub = *state_;
  std::vector<View> removed;  // freed after the lock
  const std::lock_guard lock(hub.mutex);
  for (auto at = hub.entries.begin(); at != hub.entries.end();) {
    if (at->second.view.application != application) {
      ++at;
      continue;
    }
    hub.counts.forget(at->first);
    removed.push_back(std::move(at->second.view));
    at = hub.entries.erase(at);
  }
  if (removed.empty()) return;
  ++hub.views_revision;
  ++hub.counts_revision;
  hub.wake_all();
}

std::vector<View> Hub::views() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<View> result;
  result.reserve(state_->entries.size());
  for (const auto& [id, entry] : state_->entries) result.push_back(entry.view);
  return result;
}

std::optional<View> Hub::find_view(std::string_view id_or_stream) const {
  const std::lock_guard lock(state_->mutex);
  if (const auto found = state_->entries.find(id_or_stream); found != state_->entries.end()) return found->second.view;
  for (const auto& [id, entry] : state_->entries) {
    if (entry.view.stream == id_or_stream) return entry.view;
  }
  return std::nullopt;
}

EventPage Hub::events_after(uint64_t after, size_t limit) const {
  const std::lock_guard lock(state_->mutex);
  return state_->page(after, limit);
}

EventPage Hub::newest_events(size_t limit) const {
  const std::lock_guard lock(state_->mutex);
  const size_t kept = std::min(limit, state_->events.size());
  return state_->page(state_->newest_event() - kept, kept);
}

ZoneHistory Hub::zone_history(Duration span) const {
  const std::lock_guard lock(state_->mutex);
  return state_->counts.history(span, state_->options.clock->now());
}

HubStats Hub::stats() const {
  const std::lock_guard lock(state_->mutex);
  HubStats result = state_->stats;
  result.viewers = state_->watchers.size();
  return result;
}

const std::string& Hub::epoch() const { return state_->epoch; }

std::unique_ptr<PictureWatch> Hub::watch_pictures(PictureWatch::Options options) {
  return std::unique_ptr<PictureWatch>(new PictureWatch(state_, std::move(options)));
}

std::unique_ptr<TextWatch> Hub::watch_text(TextWatch::Options options) {
  return std::unique_ptr<TextWatch>(new TextWatch(state_, std::move(options)));
}

}  // namespace vedette::live
