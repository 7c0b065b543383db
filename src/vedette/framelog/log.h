#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vedette/framelog/cursor.h"
#include "vedette/framelog/frame_ref.h"
#include "vedette/framelog/history.h"
#include "vedette/framelog/wakeup.h"

namespace vedette::framelog {

struct LogOptions {
  std::string camera{};
  size_t capacity_bytes = size_t{1} << 30;  ///< of all segments together; the oldest goes when it is reached
  size_t segment_bytes = size_t{32} << 20;  ///< a frame must fit into one; at least two fit into the capacity
  /// Evicted segments that readers still hold may take so much on top. Beyond it the log keeps fewer segments than its
  /// capacity allows, and when even that does not help it refuses frames.
  size_t max_held_bytes = size_t{256} << 20;
  bool shared = false;  ///< segments in memory files that other processes on this host can map
  bool prefault = false;  ///< touch all memory at the start instead of during the first lap
  uint64_t first_sequence = 0;  ///< of the first frame: a store that is read again says where to go on
  std::optional<Timestamp> last_time{};  ///< the first frame must be later than this
};

struct LogStats {
  uint64_t frames = 0;  ///< in memory now
  uint64_t bytes = 0;  ///< of those frames
  uint64_t used_bytes = 0;  ///< what they take with index and padding
  uint64_t appended = 0;  ///< since the log was made
  uint64_t evicted = 0;  ///< of them no longer in memory
  uint64_t next_sequence = 0;
  size_t segments = 0;
  size_t memory_bytes = 0;  ///< all memory of the log, held and waiting segments too
  size_t held_bytes = 0;  ///< segments that left the log and are kept by readers
  std::optional<Timestamp> oldest{};
  std::optional<Timestamp> newest{};
};

/// The frames of one camera, oldest first: an append-only ring in memory with times that only grow. One thread appends;
/// any number of threads read. Readers copy nothing and never hold the writer up: a record is published by one atomic
/// store, and a mutex is taken only where a segment begins, for the time it takes to copy one pointer. A lookup costs
/// O(log n). (After the log of Mez, ../shared/papers/004 §4.3, which has a lock per segment.)
class Log : public std::enable_shared_from_this<Log> {
  struct Passkey {};

 public:
  /// Only make() can call it.
  Log(Passkey, LogOptions options);
  /// Throws Error(kUsage) for sizes that make no sense, Error(kExhausted) when memory is not to be had.
  static std::shared_ptr<Log> make(LogOptions options);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  const LogOptions& options() const { return options_; }
  const std::string& camera() const { return options_.camera; }

  // The writer: one thread at a time.

  /// Copies a frame in and returns its sequence number. Throws Error(kInvalidData) when its time (in µs) or sequence
  /// number does not grow, when it is empty, of kMaxFrameBytes or more, or larger than a segment; Error(kExhausted)
  /// when readers hold all memory. After a throw the log is as before. Throws Error(kUnavailable) after close().
  uint64_t append(const RecordInfo& info, std::span<const std::byte> bytes);
  /// Room for a frame of up to `most_bytes`, to be filled in place and published by commit(); 64-byte aligned. Another
  /// reserve() or an append() in between gives it up. Throws as append() for the size.
  std::span<std::byte> reserve(size_t most_bytes);
  /// Publishes the first `bytes` of what reserve() gave. Throws as append(); the room is then still reserved.
  uint64_t commit(const RecordInfo& info, size_t bytes);

  /// For when the writer has nothing else to do: lays pages under the room of a next frame of about `bytes`, so that it
  /// does not wait for them on the first lap through the memory.
  void make_ready(size_t bytes);

  /// No more frames: followers come to their end, and the writer is refused from then on. From any thread, any number
  /// of times; a frame that is appended at the same moment may not reach followers.
  void close();

  // Readers: any thread. Where a frame has left memory it comes from the history, if there is one; these then throw
  // Error when that cannot be read.

  std::optional<FrameRef> oldest() const;
  std::optional<FrameRef> newest() const;
  std::optional<FrameRef> at(Timestamp time) const;  ///< with exactly this time
  std::optional<FrameRef> at_or_before(Timestamp time) const;  ///< the newest with this time or an earlier one
  std::optional<FrameRef> at_or_after(Timestamp time) const;  ///< the oldest with this time or a later one
  std::optional<FrameRef> before(Timestamp time) const;  ///< the newest that is earlier
  std::optional<FrameRef> after(Timestamp time) const;  ///< the oldest that is later
  std::optional<FrameRef> with_sequence(uint64_t sequence) const;

  /// The kept frames with begin ≤ time < end, nothing materialised: O(log n) however many they are. Frames that come
  /// later and lie within are part of it. Throws Error(kUsage) when end is before begin.
  Cursor range(Timestamp begin, Timestamp end) const;
  /// Every frame from the next one on.
  Cursor follow() const;
  /// Every frame from this time on: kept ones first, then what comes.
  Cursor follow(Timestamp from) const;
  /// Every frame from this sequence number on; frames no longer kept are its first gap.
  Cursor follow_sequence(uint64_t sequence) const;

  bool closed() const { return closed_.load(std::memory_order_acquire); }
  LogStats stats() const;

  // For the store.

  /// What to ask for frames that left memory. Set before readers come.
  void set_history(std::shared_ptr<History> history) { history_ = std::move(history); }
  /// Called on the writer's thread when a segment was sealed; must be quick. Set before frames come.
  void set_on_sealed(std::function<void()> listener) { on_sealed_ = std::move(listener); }
  /// Oldest first; the last one is open.
  std::vector<SegmentPtr> segments() const;

 private:
  friend class Cursor;
  using List = std::vector<std::shared_ptr<Segment>>;

  std::shared_ptr<const List> list() const;
  void publish_list(std::shared_ptr<const List> list);
  void check_size(size_t bytes) const;
  IndexEntry checked_entry(const RecordInfo& info) const;
  void make_room(size_t bytes);
  uint64_t publish(const IndexEntry& entry, size_t bytes);
  void roll();
  void evict_oldest(List& kept);

  std::optional<FrameRef> first_from_time(int64_t time_us) const;
  std::optional<FrameRef> last_up_to_time(int64_t time_us) const;
  std::optional<FrameRef> first_from_sequence(uint64_t sequence) const;

  LogOptions options_;
  size_t most_segments_;
  std::shared_ptr<SegmentPool> pool_;
  std::shared_ptr<History> history_;
  std::function<void()> on_sealed_;

  // The writer's.
  std::shared_ptr<Segment> open_;
  std::optional<int64_t> last_time_us_;
  size_t reserved_ = 0;
  bool has_reserved_ = false;

  mutable std::mutex mutex_;  // of list_ alone, for as long as a pointer is copied
  std::shared_ptr<const List> list_;
  std::atomic<uint64_t> next_sequence_;
  std::atomic<uint64_t> appended_{0};
  std::atomic<uint64_t> evicted_{0};
  std::atomic<bool> closed_{false};
  mutable Wakeup wakeup_;  // readers sleep in it
};

}  // namespace vedette::framelog
