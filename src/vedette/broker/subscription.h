#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "vedette/broker/feed.h"
#include "vedette/broker/freshness.h"
#include "vedette/framelog/cursor.h"
#include "vedette/net/principal.h"

namespace vedette::broker {

/// A camera may publish a frame this long after it captured it.
constexpr Duration kEndGrace = std::chrono::seconds(1);

/// One subscriber's place in a feed: says what is sent next. Frames at most once and in order; frames that will not
/// come are told as a gap before the next one. A live subscriber that lags more than `max_behind` frames gets the
/// newest, and may lag less from then on (AllowedLag); one that reads the past gets every frame until it has caught up.
///
///   reading the past ──caught up──▶ live ──▶ ended (end reached, unsubscribed, camera gone, broker ends)
///          └───────────────────────────────────▲
class Subscription {
 public:
  struct Options {
    std::string id;
    std::string camera;
    net::Principal who;
    uint32_t max_behind = 8;
    std::optional<Timestamp> begin{};
    std::optional<Timestamp> end{};
    Place after{};            ///< it has this frame and those before
    bool renumbered = false;  ///< `after` is of another epoch: only its time counts, and a gap says so
    bool may_share_memory = false;  ///< the segments of the log show no more than the subscriber may see
  };
  struct Item {
    std::shared_ptr<const v1::Event> notice;  ///< or
    std::optional<framelog::FrameRef> frame;
    Timestamp came{};  ///< the frame, to this broker
  };

  /// `wake` is called, from any thread and without locks held, when next() may have something.
  Subscription(Options options, std::shared_ptr<Feed> feed, std::function<void()> wake);

  // The transport, one thread at a time.
  /// What to send now; false when there is nothing yet, or nothing any more (see ended()).
  bool next(Item& item);
  /// The lane of who publishes what it gets, if it may be passed to its subscriber; null for none.
  std::shared_ptr<const Lane> lane() const;
  /// The subscriber has the frames up to this one already, by the lane.
  void has_up_to(uint64_t sequence);
  /// The lane has ended: what came by it and was never kept does not count. The newest frame that is kept; 0 for none.
  uint64_t has_at_most_what_is_kept();
  /// The last item was taken.
  bool ended() const { return ended_.load(); }

  // Any thread.
  /// finish() was called: what comes next is the end.
  bool stopped() const { return stopped_.load(); }
  const Options& options() const { return options_; }
  void wake() const { wake_(); }
  void notify(std::shared_ptr<const v1::Event> notice);
  /// No frame after this notice, which must be an End.
  void finish(std::shared_ptr<const v1::Event> end);
  /// The end that was asked for has passed and nothing more came. `now`: the camera's clock.
  void check_end(Timestamp now);
  /// Goes on in another feed of the same camera; if its numbers are of another epoch, with a gap that says so.
  void move_to(std::shared_ptr<Feed> feed);
  /// It reads on without an end: any feed with the frame behind its last one will do.
  bool may_join_live() const;
  /// Gives the feed up; nothing more comes.
  std::shared_ptr<Feed> release();
  std::shared_ptr<Feed> feed() const;
  uint64_t last_sequence() const { return last_.load(); }
  /// The newest frame that was taken, or that it came with.
  Place place() const;
  uint64_t frames_behind(uint64_t newest) const;

 private:
  static constexpr size_t kMostNotices = 64;
  bool next_frame(Item& item);
  framelog::Cursor cursor_in(const framelog::Log& log);
  void begin_anew();
  void hand_out(framelog::FrameRef frame, Item& item);

  const Options options_;
  const std::function<void()> wake_;
  std::atomic<uint64_t> last_{0};  // sequence of the newest frame that was taken; 0: of none in this epoch
  std::atomic<bool> ended_{false}, stopped_{false};

  mutable std::mutex mutex_;
  std::shared_ptr<Feed> feed_;
  std::optional<framelog::Cursor> cursor_;
  std::deque<std::shared_ptr<const v1::Event>> notices_;
  std::optional<framelog::FrameRef> held_;  // behind the gap that is told first
  std::optional<Timestamp> after_;  // time of the newest frame that was taken, in whichever epoch
  uint64_t began_behind_ = 0;  // of a live one: the newest frame when it began
  bool live_ = false;
  AllowedLag lag_;
};

/// An Event{end}.
std::shared_ptr<const v1::Event> end_event(int reason, const std::string& line);

}  // namespace vedette::broker
