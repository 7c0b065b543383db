#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "vedette/base/histogram.h"
#include "vedette/link/channel.h"

namespace vedette::link {

using Gaps = std::map<std::string, uint64_t, std::less<>>;  ///< observations by reason

struct OutgoingChannelStatus {
  ChannelId id;
  std::string peer;
  std::string state;         ///< "connecting", "waiting" (the receiver has not opened it), "flowing", "ended"
  uint64_t accepted = 0;     ///< observations given to send()
  uint64_t sent = 0;         ///< observations handed to the kernel, repeats after a reconnect not counted
  uint64_t resent = 0;
  uint64_t acknowledged = 0;
  uint64_t bytes = 0;        ///< on the wire and in shared memory
  uint64_t sent_raw = 0;     ///< of `sent`, pictures by form
  uint64_t sent_jpeg = 0;
  uint64_t sent_shared = 0;  ///< … raw, through shared memory
  Gaps gaps;
  size_t queue_depth = 0;  ///< kept and not acknowledged
  size_t unsent = 0;       ///< of these, not yet sent
  size_t capacity = 0;
  uint64_t credits = 0;         ///< observations the receiver would still take
  HistogramSnapshot serialise;  ///< header, JPEG encoding if any, copy to shared memory
  HistogramSnapshot wait;       ///< from send() to the first byte written
  HistogramSnapshot send;       ///< from the first byte to the last handed to the kernel
};

struct IncomingChannelStatus {
  ChannelId id;
  std::string peer;
  std::string state;  ///< "connecting" (no sender yet), "flowing", "ended"
  uint64_t received = 0;
  uint64_t duplicates = 0;  ///< came again after a reconnect and were left out
  uint64_t bytes = 0;
  Gaps gaps;
  uint64_t credits = 0;        ///< observations that may still come
  HistogramSnapshot transfer;  ///< from the sender's first byte to our last, by the peer's translated clock
  HistogramSnapshot receive;   ///< header parsed, picture wrapped or decoded, up to on_observation()
};

/// One direction to one other node: we dial it to send ("out"), or it dialled us ("in").
struct PeerStatus {
  std::string name;
  bool outgoing = true;
  /// Outgoing: "connecting", "greeting", "ready", "waiting" (for the next try), "no_address". Incoming: "ready",
  /// "gone".
  std::string state;
  std::string address;       ///< the one in use: "unix:/run/x.sock", "tcp://10.0.0.2:7400"
  bool shared_memory = false;
  bool tls = false;
  std::string software;  ///< the peer's version
  double rtt_seconds = 0;          ///< smallest of late
  double clock_offset_seconds = 0; ///< the peer's monotonic clock minus ours, ± rtt/2
  double bytes_per_second = 0;     ///< estimate of the link's speed; 0 before the first
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_shared = 0;  ///< through shared memory
  uint64_t reconnects = 0;
  std::string last_error;
};

struct EndpointStatus {
  std::vector<PeerStatus> peers;
  std::vector<OutgoingChannelStatus> outgoing;
  std::vector<IncomingChannelStatus> incoming;
  uint64_t refused = 0;  ///< connections turned away: wrong token, certificate, version, or not our protocol
};

}  // namespace vedette::link
