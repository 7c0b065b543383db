#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace vedette::link {

/// What a receiver knows of the numbers that a sender gives, and how many more it will take. Finds repeats and holes,
/// and says when to tell the sender. Pure: no locks, clock or socket.
class ReceiveOrder {
 public:
  explicit ReceiveOrder(size_t credit) : window_(credit), places_(credit) {}

  struct Attach {
    bool resumes = false;  ///< the sender is one that was here before: `next` counts
    uint64_t next = 0;
    uint64_t allowed = 0;
    bool restarted = false;  ///< another sender took over from one that had not ended: nobody knows what was lost
  };
  /// A sender opened the channel. `capacity` is what it holds at most.
  Attach attach(uint64_t instance, size_t capacity);
  void detach() { attached_ = false; }

  enum class Verdict {
    kNew,
    kRepeat,     ///< leave it out
    kViolation,  ///< beyond the credit, or after the end
  };
  struct Arrival {
    Verdict verdict = Verdict::kNew;
    uint64_t explained = 0;  ///< of the gaps that the message names, so many are news
    uint64_t lost = 0;       ///< missing and not explained
  };
  /// An observation came, with `gaps` gone right before it.
  Arrival observation(uint64_t number, uint64_t gaps);
  /// Gaps alone; `number` is the first after them. With `end` that of the end.
  Arrival mark(uint64_t number, uint64_t gaps, bool end);
  /// The sender closed the channel on purpose: another one is no restart.
  void closed() { ended_ = true; }

  void grant(size_t places);

  struct Credit {
    uint64_t next = 0;
    uint64_t allowed = 0;
  };
  /// What the sender should be told now: when it could otherwise come to a halt, or half of what it waits for has
  /// gathered. `at_once`: whatever has gathered.
  std::optional<Credit> due(bool at_once = false);

  uint64_t places() const { return places_; }
  bool ended() const { return ended_; }

 private:
  Arrival arrive(uint64_t number, uint64_t gaps);

  size_t window_;
  uint64_t places_;  // observations that may still come
  uint64_t instance_ = 0;
  bool known_ = false;   // an instance was here
  bool started_ = false;  // next_ counts
  bool ended_ = false;
  bool attached_ = false;
  uint64_t next_ = 0;
  size_t capacity_ = 1;
  uint64_t allowed_ = 0;       // on this attachment, in all
  uint64_t told_allowed_ = 0;  // … as the sender knows
  uint64_t told_next_ = 0;
  uint64_t came_ = 0;  // on this attachment
  bool tell_ = false;
};

}  // namespace vedette::link
