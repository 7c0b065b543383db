#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/frame/observation.h"

namespace vedette::live {

/// Limits of a Hub. Whatever goes beyond is left out and counted, never kept.
struct HubOptions {
  size_t max_views = 256;                        ///< streams, counted once for each application that shows them
  size_t max_events = 2000;                      ///< kept; the oldest goes first
  size_t max_series = 512;                       ///< lines of the zone chart
  Duration history = std::chrono::minutes(15);   ///< how far the zone chart reaches back
  Duration history_step = std::chrono::seconds(1);
  size_t max_viewers = 48;                       ///< picture and observation watches, together
  size_t viewer_queue_bytes = 256u << 10;        ///< observations as text that one slow viewer may fall behind
  const Clock* clock = &Clock::system();
};

/// One stream as one application shows it, named "application/stream".
struct View {
  std::string id;
  std::string application;
  std::string stream;
  bool ended = false;
  uint64_t observations = 0;           ///< published so far
  uint64_t zones_revision = 0;         ///< changes whenever the zones do; 0 while there are none
  std::optional<Observation> latest;   ///< set once anything was published
};

/// An event with the number under which the hub keeps it.
struct EventRecord {
  uint64_t id = 0;         ///< from 1, one step an event, over all streams
  std::string view;
  Timestamp seen{};        ///< when it was published here; `event.time` is when the camera saw it
  uint64_t sequence = 0;   ///< of the frame
  Event event;
};

struct EventPage {
  std::vector<EventRecord> events;   ///< oldest first
  uint64_t lost = 0;                 ///< events after the asked-for id that are no longer kept
  uint64_t newest = 0;               ///< id of the newest event of all; 0 when there was none yet
};

/// What a zone's number counts.
enum class SeriesKind { kInside, kForward, kBackward };  ///< objects inside now; line crossings so far, by direction
std::string_view to_string(SeriesKind kind);

/// One line of the zone chart.
struct Series {
  std::string view;
  std::string zone;
  std::string label;  ///< class of the objects
  SeriesKind kind = SeriesKind::kInside;
  int64_t now = 0;
  std::vector<std::optional<int64_t>>
      values;  ///< one a step, oldest first, the last one is the step now running; empty: unknown
};

struct ZoneHistory {
  Timestamp end{};  ///< when the last step began
  Duration step{};
  std::vector<Series> series;  ///< sorted by view, zone, label, kind; all `values` are equally long
};

struct HubStats {
  uint64_t refused_observations = 0;  ///< of views beyond max_views
  uint64_t refused_series = 0;  ///< count events of series beyond max_series
  uint64_t lost_observations = 0;  ///< that viewers were too slow for
  size_t viewers = 0;
};

struct HubState;

/// Follows the newest observation of some views: what a picture viewer needs. It holds no queue; whatever is superseded
/// before it was fetched is never made into a picture. One thread at a time.
class PictureWatch {
 public:
  struct Options {
    std::vector<std::string> views;  ///< ids; a view may come into being later. Empty: every view
    double max_fps = 0;  ///< for each view; 0: as they come
  };
  struct Sight {
    std::string view;
    Observation observation;
    bool zones_changed = false;  ///< since this watch's last sight of the view
  };

  PictureWatch(const PictureWatch&) = delete;
  PictureWatch& operator=(const PictureWatch&) = delete;
  ~PictureWatch();

  /// The newest observation of the view that has waited longest, once it is newer than this watch's last of that view
  /// and max_fps allows. Empty after `timeout` or upon a stop request.
  std::optional<Sight> next(std::stop_token stop, Duration timeout);

 private:
  friend class Hub;
  struct State;
  PictureWatch(std::shared_ptr<HubState> hub, Options options);
  std::unique_ptr<State> state_;
};

/// Follows everything that is text: observations (queued, oldest lost first), events (resumable) and zone counts.
/// One thread at a time.
class TextWatch {
 public:
  struct Options {
    bool observations = true;
    std::vector<std::string> views;  ///< whose observations; empty: of all
    std::optional<uint64_t> after_event;  ///< resume after this event; empty: only events to come
  };
  struct Batch {
    std::vector<std::shared_ptr<const std::string>>
        observations;  ///< JSON of one observation each, see live/text_form.h
    uint64_t lost_observations = 0;  ///< since the last batch
    EventPage events;
    bool counts_changed = false;
    bool views_changed = false;  ///< a view came, ended, left, or changed its zones
    bool empty() const {
      return observations.empty() && lost_observations == 0 && events.events.empty() && events.lost == 0 &&
             !counts_changed && !views_changed;
    }
  };

  TextWatch(const TextWatch&) = delete;
  TextWatch& operator=(const TextWatch&) = delete;
  ~TextWatch();

  /// What has come since the last call; waits up to `timeout` for anything. At most 256 events a batch.
  Batch next(std::stop_token stop, Duration timeout);

 private:
  friend class Hub;
  struct State;
  TextWatch(std::shared_ptr<HubState> hub, Options options);
  std::unique_ptr<State> state_;
};

/// What the process shows to whoever watches: of each view the newest observation, a bounded ring of events, and zone
/// counts over time. Thread-safe; a publisher never waits for a viewer. A watch may outlive the hub.
class Hub {
 public:
  Hub() : Hub(HubOptions{}) {}
  explicit Hub(HubOptions options);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  /// Shows an observation under the view "application/stream". Costs a lock and a copy of the observation's references;
  /// text is made only when a TextWatch asks for this view's observations, and no picture is ever encoded here.
  void publish(std::string_view application, const Observation& observation);
  /// The view keeps its last picture, marked as ended; its counts of objects inside become unknown. Publishing revives
  /// it.
  void end_of_stream(std::string_view application, std::string_view stream);
  /// Forgets the application's views and zone counts. Its events stay until newer ones push them out.
  void remove_application(std::string_view application);

  /// All views, sorted by id.
  std::vector<View> views() const;
  /// A view by id, or by a stream's name alone (the first application's, in alphabetical order).
  std::optional<View> find_view(std::string_view id_or_stream) const;

  /// Up to `limit` events after id `after`, oldest first; of `after` 0 those kept.
  EventPage events_after(uint64_t after, size_t limit) const;
  /// The newest `limit` events, oldest first.
  EventPage newest_events(size_t limit) const;
  /// The last `span` of the zone counts; cut to what is kept.
  ZoneHistory zone_history(Duration span) const;
  HubStats stats() const;

  /// Tells this hub's event ids from those of an earlier process.
  const std::string& epoch() const;

  /// Throws Error(kExhausted) when max_viewers watches exist.
  std::unique_ptr<PictureWatch> watch_pictures(PictureWatch::Options options);
  std::unique_ptr<TextWatch> watch_text(TextWatch::Options options);

 private:
  std::shared_ptr<HubState> state_;
};

}  // namespace vedette::live
