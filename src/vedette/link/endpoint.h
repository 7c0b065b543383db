#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/base/trace.h"
#include "vedette/frame/buffer_pool.h"
#include "vedette/link/channel.h"
#include "vedette/link/status.h"
#include "vedette/net/tls.h"

namespace vedette::link {

constexpr uint32_t kProtocolMajor = 1;  ///< nodes work together when it is equal
constexpr uint32_t kProtocolMinor = 0;

struct EndpointOptions {
  std::string node;      ///< this node's name, unique in the fleet
  std::string software;  ///< version, shown to peers
  /// Shared by the fleet. May be empty only when every address here is loopback or a Unix socket.
  std::string token;
  /// "tcp://HOST:PORT" (port 0: any; HOST an IP address or a name), "unix:/path". Empty: this node only dials.
  std::vector<std::string> listen;
  net::TlsFiles tls;  ///< for TCP; mutual. Unix sockets never use it
  size_t max_message_bytes = size_t{64} << 20;
  size_t max_connections = 256;
  size_t shared_memory_bytes = size_t{256}
                               << 20;  ///< for peers on this host; 0: none. Taken from the system as it is used
  std::chrono::milliseconds handshake_timeout{5000};  ///< from dialling or accepting to a ready connection
  std::chrono::milliseconds keep_alive{1000};  ///< a ping so often; after three without a byte the connection is dead
  std::chrono::milliseconds reconnect_first{
      100};  ///< wait before the first new try; doubles, less up to half at random
  std::chrono::milliseconds reconnect_most{5000};
  size_t codec_threads = 1;  ///< that encode and decode JPEG
  const Clock* clock = &Clock::system();  ///< of Frame::arrival; timeouts of the connections run on the machine's own
  TraceBuffer* traces =
      nullptr;  ///< gets the steps (serialise, send, receive) of frames with a trace; outlives the endpoint
};

/// All links of a process: listens for peers that send to this node and dials those that it sends to. One connection an
/// ordered pair of nodes carries all their channels; beside it, on one host, goes a ring of shared memory.
///
///   dialler                                     listener
///     │ ── Hello (name, version, token, epoch) ──▶ │   checked before anything else is read
///     │ ◀── Welcome (name, version, epoch) ─────── │
///     │ ── Ready (clock) ────────────────────────▶ │   both know the other's clock now
///     │ ── Open (channel) ───────────────────────▶ │
///     │ ◀── Attach (last number, credit) ───────── │   at once, or whenever somebody opens that receiver
///     │ ── Observation … ────────────────────────▶ │
///     │ ◀── Credit (acknowledged, allowed) ─────── │
///
/// Threads: one for input and output of all connections, and `codec_threads`. docs/decisions/007-links.md has the why.
class Endpoint {
 public:
  /// Binds and starts. Throws Error(kInvalidConfig) for an address off loopback without TLS and token or one that
  /// cannot be read, Error(kAddressInUse | kPermissionDenied | kNotFound) when it cannot be bound, and what
  /// net::make_server_context throws.
  explicit Endpoint(EndpointOptions options);
  /// Closes every connection and joins every thread. Senders and receivers may outlive it and then do nothing.
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  /// What was bound, in a form that peers can dial: real ports; the machine's own addresses in place of 0.0.0.0 or
  /// [::].
  std::vector<std::string> addresses() const;

  /// A new channel to a node, dialled at `peer_addresses` (as addresses() gives them; Unix sockets are tried first; a
  /// node that answers by another name is passed over). An address that may not be used (off loopback without TLS and
  /// token) is passed over with a log line and PeerStatus::last_error. `on_room` is called from any thread, without
  /// locks held. A second sender for the same channel and peer takes over from the first.
  std::shared_ptr<Sender> open_sender(ChannelId id, const std::string& peer_node,
                                      const std::vector<std::string>& peer_addresses, SenderOptions options,
                                      std::function<void()> on_room);
  /// The node moved: the connection is kept while it works, later tries go there.
  void set_peer_addresses(const std::string& peer_node, const std::vector<std::string>& addresses);

  /// Takes what `from_node` sends on a channel. `stream` becomes Frame::stream; `handler` must outlive the receiver.
  /// One receiver a channel and node: a second one takes over from the first.
  std::shared_ptr<Receiver> open_receiver(ChannelId id, const std::string& from_node,
                                          std::shared_ptr<const StreamInfo> stream, ReceiverHandler& handler,
                                          ReceiverOptions options = {});

  /// Pictures made from it lie in memory that peers on this host can see: they are sent to them without a copy, if
  /// their planes lie as Picture::make() lays them (what comes out of a video decoder has room between its planes).
  /// Peers map all of it, read-only: they are of the same user and fleet. Falls back to the heap when it is full. May
  /// outlive us.
  std::shared_ptr<BufferPool> picture_pool() const;

  EndpointStatus status() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace vedette::link
