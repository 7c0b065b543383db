#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "vedette/frame/observation.h"
#include "vedette/link/channel.h"
#include "vedette/link/gap_counts.h"

namespace vedette::link {

/// What a sender holds until the receiver has it, and what may go out next. Numbers everything that was put, so that a
/// hole in the numbers is a loss and a number seen twice is a repeat. Pure: no locks, clock or socket.
///
///   put ─▶ unsent ──next()──▶ sent ──acknowledge()──▶ gone
///            │  ▲                │
///        let │  └──── detach() ──┘   (sent again after a reconnect, from the first that the receiver lacks)
///         go ▼
///           gap: a run of numbers with a reason; travels with what comes after it, and is acknowledged like it
class SendQueue {
 public:
  struct Item {
    Observation observation;
    size_t bytes = 0;
    MonotonicTime accepted{};
    bool ready = true;       ///< false: its JPEG is still being made
    bool prepared = false;   ///< its form was chosen
    bool jpeg = false;       ///< … and is JPEG
    bool sent_before = false;
    std::vector<std::shared_ptr<const Bytes>> crop_jpegs{};  ///< by object, when `jpeg`
  };
  struct Next {
    enum class Kind { kObservation, kGapsOnly, kEnd } kind = Kind::kObservation;
    uint64_t number = 0;  ///< of the observation or the end; of kGapsOnly the first after the gaps
    GapCounts gaps;       ///< right before `number`
    std::shared_ptr<const Item> item;
    bool again = false;  ///< it went out on an earlier attachment, too
  };

  /// `options.capacity` is at least 1. The time is that of the first call, from which `patience` runs.
  SendQueue(const SenderOptions& options, MonotonicTime now);

  bool reserve(MonotonicTime now);
  void give_back();
  uint64_t put(Observation observation, size_t bytes, bool reserved, MonotonicTime now);
  void end();
  /// The item with this number, if it is here and not sent yet.
  Item* find_unsent(uint64_t number);
  /// Lets an unsent item go.
  void let_go(uint64_t number, GapReason reason);
  /// What next() gave out last could not be sent: a gap instead.
  void take_back(uint64_t number, GapReason reason);
  /// Calls `visit(number, Item&)` for each unsent item.
  template <typename Visit>
  void each_unsent(Visit visit) {
    for (size_t i = unsent_; i < entries_.size(); ++i)
      if (entries_[i].item) visit(entries_[i].first, *entries_[i].item);
  }

  /// The receiver is there. `next`: the first number it lacks, if it knows this sender. False when it cannot be (then
  /// the receiver breaks the protocol and nothing has changed).
  [[nodiscard]] bool attach(std::optional<uint64_t> next, uint64_t allowed);
  void detach(MonotonicTime now);
  /// Drops everything; who attaches next begins after it.
  void forget(GapReason reason);
  bool attached() const { return attached_; }
  [[nodiscard]] bool acknowledge(uint64_t next, uint64_t allowed);

  /// What goes out now; it then counts as sent. Null when there is nothing, no credit, or the next is not ready.
  std::optional<Next> next(MonotonicTime now);

  /// Lets go what is past its deadline.
  void expire(MonotonicTime now);
  /// When expire() or take_room_notice() have something to do by themselves; MonotonicTime::max() for never.
  MonotonicTime next_expiry() const;
  /// True once after room came about for somebody whom reserve() turned away.
  bool take_room_notice(MonotonicTime now);

  bool ended() const { return ended_; }
  bool drained() const { return ended_ && entries_.empty(); }
  size_t held() const { return items_; }
  size_t unsent() const { return items_ - sent_items_; }
  size_t held_bytes() const { return bytes_; }
  uint64_t credits() const { return attached_ ? allowed_ - sent_here_ : 0; }
  uint64_t put_so_far() const { return put_; }
  uint64_t acknowledged() const { return acknowledged_; }
  GapCounts gaps() const;

 private:
  struct Entry {
    enum class Kind { kItem, kGap, kEnd } kind = Kind::kItem;
    uint64_t first = 0;
    uint64_t count = 1;
    std::shared_ptr<Item> item;
    GapReason reason{};
    bool counted = false;  // the gap is in counted_
  };

  size_t in_flight() const { return sent_items_; }
  bool full() const { return items_ + reserved_ >= options_.capacity; }
  bool out_of_patience(MonotonicTime now) const;
  void make_gap(size_t index, GapReason reason);
  void merge_gaps(size_t index);
  bool let_oldest_unsent_go(GapReason reason);
  void pop_below(uint64_t next);
  void count_gap(Entry& entry);
  bool expired(const Item& item, MonotonicTime now) const;

  const SenderOptions options_;
  std::deque<Entry> entries_;
  size_t unsent_ = 0;  // index of the first entry not sent on this attachment
  size_t items_ = 0;
  size_t sent_items_ = 0;
  size_t bytes_ = 0;
  size_t reserved_ = 0;
  uint64_t number_ = 0;  // of the next entry
  uint64_t put_ = 0;
  uint64_t acknowledged_ = 0;
  GapCounts counted_;
  bool ended_ = false;
  bool refused_ = false;
  bool attached_ = false;
  uint64_t allowed_ = 0;
  uint64_t sent_here_ = 0;
  MonotonicTime detached_at_;
};

}  // namespace vedette::link
