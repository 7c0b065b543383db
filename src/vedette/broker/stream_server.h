#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vedette/broker/core.h"
#include "vedette/broker/freshness.h"
#include "vedette/net/tls.h"

namespace vedette::broker {

/// Frames that a subscriber is sent before it says how many more it takes: then who is slow falls behind at the broker,
/// where the newest frame is.
constexpr uint64_t kFirstCredit = CreditWindow::kMost;

struct StreamServerOptions {
  std::vector<std::string> listen;  ///< "tcp://HOST:PORT" (port 0: any), "unix:/path"
  net::TlsFiles tls;                ///< for TCP, mutual
  Duration keep_alive = std::chrono::seconds(2);
  size_t max_connections = 512;
};

/// The way of our own clients: the connections of link/ (prefix, protobuf head, raw bytes; TLS, pings, scatter-gather)
/// with the messages of StreamHead (broker.proto).
///
///   client                                     broker
///     │ ── Hello (session of Connect) ───────────▶ │
///     │ ◀── Welcome ────────────────────────────── │   or Refusal (fault)
///     │ ── open | subscribe (id) ────────────────▶ │
///     │ ◀── opened | event started | fault (id) ── │
///     │ ── frame (id) + bytes ───────────────────▶ │   a publication; bytes are read straight into the log
///     │ ◀── frame (id) + bytes ─────────────────── │   a subscription; bytes go out of the log's memory
///
/// On a Unix socket a frame's bytes stay where they are: the first frame in a segment brings the segment's memory file
/// along, the others only say where they lie. The broker keeps a segment until the client releases it, or for some
/// seconds after the connection broke. Published frames lie in memory that the client offers; they are copied once,
/// into the log. Live subscribers may take them by a lane (lane.h) meanwhile.
class StreamServer {
 public:
  /// Binds and starts. Throws as link::Endpoint.
  StreamServer(StreamServerOptions options, Core& core);
  ~StreamServer();
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;

  /// As bound, with real ports.
  const std::vector<std::string>& addresses() const;

 private:
  class Running;
  std::shared_ptr<Running> running_;
};

}  // namespace vedette::broker
