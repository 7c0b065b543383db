#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vedette/broker/traffic.h"
#include "vedette/framelog/log.h"

namespace vedette::broker {

namespace v1 {
class ClockOffset;
class Event;
class FeedbackRequest;
class SubscribeRequest;
}  // namespace v1

class Subscription;
struct Lane;

/// What subscribers may have in common: who asks for the same quality gets the same frames, prepared and moved once.
struct Quality {
  uint32_t max_side_px = 0;  ///< 0: as it was captured
  double latency_ms = 0;     ///< 0: no bound
  double accuracy = 0;       ///< 0: no bound
  double compute_ms = 0;
  std::optional<int64_t> begin_ns{};  ///< of the past: such frames are prepared for one subscriber alone
  std::optional<int64_t> end_ns{};

  bool bounded() const { return latency_ms > 0 || accuracy > 0; }
  bool original() const { return max_side_px == 0 && !bounded(); }
  auto operator<=>(const Quality&) const = default;
};

/// Throws Error(kUsage) for an end before the beginning or bounds that nothing can keep (beyond an hour, accuracy above
/// 1, negative).
Quality quality_of(const v1::SubscribeRequest& request);

/// What fills a feed that nobody publishes into directly: another broker, or frames of better quality. Its destructor
/// ends and joins it.
class FeedSource {
 public:
  virtual ~FeedSource() = default;
  virtual void set_quality(const Quality& quality) = 0;
  virtual void feedback(const v1::FeedbackRequest& seen) = 0;
  /// Of the camera's clock against this machine's.
  virtual v1::ClockOffset clock() const = 0;
  /// Ends it: no further frame. May take as long as a call's deadline.
  virtual void stop() = 0;
};

/// Behind which frame a source begins: the last one that its first subscriber had. Sequence 0: with what comes.
struct Place {
  uint64_t sequence = 0;
  Timestamp time{};
};

/// The frames of one camera at one quality on this broker, and who waits for them. One thread appends; any may
/// subscribe.
class Feed {
 public:
  /// `epoch`: of the frames' numbers (CameraInfo.epoch); 0 until it is known.
  Feed(std::shared_ptr<framelog::Log> log, const Quality& quality, uint64_t epoch,
       std::shared_ptr<Traffic> traffic = std::make_shared<Traffic>())
      : log_(std::move(log)), epoch_(epoch), traffic_(std::move(traffic)), quality_(quality) {}
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  const std::shared_ptr<framelog::Log>& log() const { return log_; }
  uint64_t epoch() const { return epoch_; }
  /// Of all qualities of the camera.
  Traffic& traffic() const { return *traffic_; }
  Quality quality() const;
  /// Its source makes another one from now on.
  void set_quality(const Quality& quality);

  // The writer.
  /// As Log's; commit() and append() then wake those who wait.
  std::span<std::byte> reserve(size_t bytes) { return log_->reserve(bytes); }
  uint64_t commit(const framelog::RecordInfo& info, size_t bytes);
  uint64_t append(const framelog::RecordInfo& info, std::span<const std::byte> bytes);
  /// These frames will not come, and why.
  void note_gap(uint64_t first, uint64_t last, GapReason reason);
  /// A notice for everybody here; the last of its kind is also shown to who comes later.
  void announce(const std::shared_ptr<const v1::Event>& notice);
  /// Its publisher's, while it has one; null for none.
  void set_lane(std::shared_ptr<const Lane> lane);
  std::shared_ptr<const Lane> lane() const;
  /// The source has no more: subscribers read on to the end of what there is, then get this.
  void end(std::shared_ptr<const v1::Event> notice);
  /// For a source of the past, which must not run its readers over: waits until the slowest of them has at most
  /// `frames` left to read. False at the deadline.
  bool wait_until_read(uint64_t frames, MonotonicTime deadline) const;

  // Readers.
  /// When this frame came here, by this machine's wall clock; `now` for one of long ago. What a frame waits here is
  /// part of its latency.
  Timestamp came(uint64_t sequence, Timestamp now) const;
  GapReason reason_of(uint64_t sequence) const;
  std::vector<std::shared_ptr<const v1::Event>> standing_notices() const;
  std::shared_ptr<const v1::Event> ended() const;
  void add(std::shared_ptr<Subscription> subscription);
  void remove(const Subscription& subscription);
  std::vector<std::shared_ptr<Subscription>> subscriptions() const { return *list(); }
  size_t subscribers() const;
  /// Appended frames that its slowest subscriber has not taken yet.
  uint64_t slowest_lag() const;
  /// A subscriber took a frame.
  void taken() const;

  void set_source(std::shared_ptr<FeedSource> source);
  std::shared_ptr<FeedSource> source() const;

 private:
  using List = std::vector<std::shared_ptr<Subscription>>;
  std::shared_ptr<const List> list() const;
  void wake_all() const;

  struct Gap {
    uint64_t first, last;
    GapReason reason;
  };
  static constexpr size_t kMostGaps = 256;
  struct Came {
    std::atomic<uint64_t> sequence{0};
    std::atomic<int64_t> ns{0};
  };
  uint64_t arrived(uint64_t sequence, size_t bytes);

  const std::shared_ptr<framelog::Log> log_;
  const uint64_t epoch_;
  const std::shared_ptr<Traffic> traffic_;
  mutable std::mutex mutex_;
  Quality quality_;
  std::shared_ptr<const List> list_ = std::make_shared<const List>();
  std::deque<Gap> gaps_;
  std::array<Came, 64> came_;
  std::shared_ptr<const v1::Event> setting_, infeasible_, clock_, ended_;
  std::shared_ptr<FeedSource> source_;
  std::shared_ptr<const Lane> lane_;

  mutable std::mutex reading_;  // of those who wait for readers
  mutable std::condition_variable read_;
  mutable std::atomic<int> waiting_{0};
};

}  // namespace vedette::broker
