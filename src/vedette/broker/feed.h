#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vedette/framelog/log.h"

namespace vedette::broker {

namespace v1 {
class ClockOffset;
class Event;
class FeedbackRequest;
class SubscribeRequest;
}  // namespace v1

class Subscription;

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

/// Why frames will not come; numbers as Gap::Reason.
enum class GapReason { kUnknown = 0, kBehind = 1, kOverwritten = 2, kSkipped = 3, kLost = 4 };

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

/// The frames of one camera at one quality on this broker, and who waits for them. One thread appends; any may
/// subscribe.
class Feed {
 public:
  explicit Feed(std::shared_ptr<framelog::Log> log) : log_(std::move(log)) {}
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  const std::shared_ptr<framelog::Log>& log() const { return log_; }

  // The writer.
  /// As Log's; commit() and append() then wake those who wait.
  std::span<std::byte> reserve(size_t bytes) { return log_->reserve(bytes); }
  uint64_t commit(const framelog::RecordInfo& info, size_t bytes);
  uint64_t append(const framelog::RecordInfo& info, std::span<const std::byte> bytes);
  /// These frames will not come, and why.
  void note_gap(uint64_t first, uint64_t last, GapReason reason);
  /// A notice for everybody here; the last of its kind is also shown to who comes later.
  void announce(const std::shared_ptr<const v1::Event>& notice);
  /// The source has no more: subscribers read on to the end of what there is, then get this.
  void end(std::shared_ptr<const v1::Event> notice);

  // Readers.
  GapReason reason_of(uint64_t sequence) const;
  std::vector<std::shared_ptr<const v1::Event>> standing_notices() const;
  std::shared_ptr<const v1::Event> ended() const;
  void add(std::shared_ptr<Subscription> subscription);
  void remove(const Subscription& subscription);
  size_t subscribers() const;
  /// Appended frames that its slowest subscriber has not taken yet; a source of the past waits by it.
  uint64_t slowest_lag() const;

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

  const std::shared_ptr<framelog::Log> log_;
  mutable std::mutex mutex_;
  std::shared_ptr<const List> list_ = std::make_shared<const List>();
  std::deque<Gap> gaps_;
  std::shared_ptr<const v1::Event> setting_, infeasible_, clock_, ended_;
  std::shared_ptr<FeedSource> source_;
};

}  // namespace vedette::broker
