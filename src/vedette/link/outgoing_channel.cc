#include "vedette/link/outgoing_channel.h"

namespace vedette::link {

std::string to_string(const ChannelId& id) { return id.producer + "/" + id.stream; }

void OutgoingChannel::notify() {
  const std::lock_guard lock(callback_mutex_);
  const auto call = on_room_;  // on_room may silence us
  if (call) call();
}

void OutgoingChannel::silence() {
  const std::lock_guard lock(callback_mutex_);
  on_room_ = nullptr;
}

OutgoingChannelStatus OutgoingChannel::status(const std::string& peer, bool connected) const {
  OutgoingChannelStatus s;
  s.id = id;
  s.peer = peer;
  s.state = queue.drained() ? "ended" : queue.attached() ? "flowing" : connected ? "waiting" : "connecting";
  s.accepted = queue.put_so_far();
  s.sent = sent;
  s.resent = resent;
  s.acknowledged = queue.acknowledged();
  s.bytes = bytes;
  s.sent_raw = sent_raw;
  s.sent_jpeg = sent_jpeg;
  s.sent_shared = sent_shared;
  const GapCounts gaps = queue.gaps();
  for (size_t i = 0; i < kGapReasons; ++i)
    if (gaps.by_reason[i] > 0) s.gaps.emplace(to_string(static_cast<GapReason>(i)), gaps.by_reason[i]);
  s.queue_depth = queue.held();
  s.unsent = queue.unsent();
  s.capacity = options.capacity;
  s.credits = queue.credits();
  s.serialise = serialise.snapshot();
  s.wait = wait.snapshot();
  s.send = send.snapshot();
  return s;
}

}  // namespace vedette::link
