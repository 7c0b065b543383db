#include "vedette/framelog/in_flight.h"

#include <algorithm>
#include <utility>

namespace vedette::framelog {

void InFlight::add(Frame frame) {
  if (frames_.size() == kMost) frames_.pop_front();
  frames_.push_back(std::move(frame));
}

std::optional<InFlight::Landed> InFlight::land(const Feedback& feedback) {
  const auto at = std::find_if(frames_.begin(), frames_.end(),
                               [&](const Frame& frame) { return frame.sent.sequence == feedback.sequence; });
  if (at == frames_.end()) return std::nullopt;
  Landed landed{*at};
  if (feedback.dropped) {
    frames_.erase(at);
    return landed;
  }
  const MonotonicTime whole = landed.frame.sent.at + feedback.network;
  // Frames before it whose feedback is lost kept the link busy for a time that nobody knows: then all counts as
  // service.
  const bool first = at == frames_.begin();
  const MonotonicTime began = first ? std::max(landed.frame.sent.at, free_at_) : landed.frame.sent.at;
  landed.service_ms = to_milliseconds(std::max(whole - began, Duration{1000}));
  landed.unheard = static_cast<size_t>(at - frames_.begin());
  free_at_ = std::max(free_at_, whole);
  frames_.erase(frames_.begin(), at + 1);
  return landed;
}

void InFlight::abandon(uint64_t through, MonotonicTime now) {
  while (!frames_.empty() && frames_.front().sent.sequence <= through) frames_.pop_front();
  free_at_ = std::max(free_at_, now);
}

std::optional<InFlight::Frame> InFlight::expire(MonotonicTime before) {
  if (frames_.empty() || frames_.front().sent.at >= before) return std::nullopt;
  Frame frame = std::move(frames_.front());
  frames_.pop_front();
  return frame;
}

MonotonicTime InFlight::oldest_began() const { return std::max(frames_.front().sent.at, free_at_); }

}  // namespace vedette::framelog
