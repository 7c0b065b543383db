#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace vedette::graph {

/// Puts results that were finished in any order back into the order in which their work was taken. Pure; the owner
/// guards it.
template <typename T>
class Resequencer {
 public:
  /// The ticket of the next piece of work: 0, 1, 2, …
  uint64_t issue() { return issued_++; }

  /// Whether the ticket is the very next one; it then counts as released, and its result need not be handed in.
  bool pass(uint64_t ticket) {
    if (ticket != released_) return false;
    ++released_;
    return true;
  }

  /// Hands in the result of a ticket; each ticket exactly once.
  void finish(uint64_t ticket, T result) { finished_.emplace(ticket, std::move(result)); }

  /// The next result in order, if it is there.
  std::optional<T> release() {
    const auto first = finished_.begin();
    if (first == finished_.end() || first->first != released_) return std::nullopt;
    ++released_;
    return std::move(finished_.extract(first).mapped());
  }

  /// Tickets issued and not released yet.
  uint64_t outstanding() const { return issued_ - released_; }

 private:
  uint64_t issued_ = 0;
  uint64_t released_ = 0;
  std::map<uint64_t, T> finished_;
};

}  // namespace vedette::graph
