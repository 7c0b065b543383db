#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "vedette/base/histogram.h"
#include "vedette/link/channel.h"
#include "vedette/link/send_queue.h"
#include "vedette/link/status.h"

namespace vedette::link {

/// The sending end of a channel as its peer keeps it. Everything but notify() and silence() is guarded by the peer's
/// lock.
struct OutgoingChannel {
  OutgoingChannel(ChannelId i, const SenderOptions& o, std::function<void()> on_room, uint64_t random,
                  MonotonicTime now)
      : id(std::move(i)), options(o), instance(random), queue(options, now), on_room_(std::move(on_room)) {}

  /// Calls on_room, unless the sender was closed. Without the peer's lock.
  void notify();
  /// No on_room is running or will be called afterwards.
  void silence();
  OutgoingChannelStatus status(const std::string& peer, bool connected) const;

  const ChannelId id;
  const SenderOptions options;
  const uint64_t instance;
  SendQueue queue;
  uint32_t number = 0;      // on the connection of now
  uint32_t attachment = 0;  // … as the receiver counts
  bool closed = false;
  bool parted = false;         // Sender::part() was called
  bool receiver_left = false;  // … on purpose, and no other has come
  bool told_drained = false;
  uint64_t sent = 0, resent = 0, bytes = 0, sent_raw = 0, sent_jpeg = 0, sent_shared = 0;
  Histogram serialise, wait, send;

 private:
  std::recursive_mutex callback_mutex_;  // on_room may close the sender
  std::function<void()> on_room_;
};

}  // namespace vedette::link
