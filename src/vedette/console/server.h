#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "vedette/graph/status.h"
#include "vedette/live/hub.h"

namespace vedette::console {

struct ServerOptions {
  std::string address = "127.0.0.1";   ///< a loopback address or "localhost"; any other is refused
  int port = 8080;                     ///< 0: one the system picks
  std::string version = "0.1.0";
  size_t max_connections = 64;         ///< of every kind, each one thread; one more is answered 503 and closed
  std::chrono::milliseconds request_timeout{10'000};   ///< from a request's first byte to its last
  std::chrono::milliseconds idle_timeout{15'000};      ///< a kept-alive connection without a request
  std::chrono::milliseconds write_timeout{10'000};     ///< a client that takes nothing in for so long is let go
  size_t max_request_bytes = 32u << 10;                ///< line, headers and body
  int jpeg_quality = 80;
};

/// The console: HTTP/1.1 on a loopback address.
///
///   GET /                     the page (or a line that says that it was not built in), /assets/…
///   GET /api/status           applications, streams, modules; rates and quantiles are of the last ten seconds
///   GET /api/streams          views with their zones and newest sequence number
///   GET /api/events           ?after=ID &limit=N     oldest first; without `after` the newest N
///   GET /api/zones            ?seconds=N             counts of zones and line crossings over time
///   GET /api/live             ?observations=0|1 &streams=A,B     server-sent events: hello, status, streams,
///   observation, event,
///                             zones, lost; resumes events by Last-Event-ID
///   GET /live                 ?streams=A,B &width=N &fps=N       multipart/x-mixed-replace of many streams on one
///   connection GET /live/NAME.mjpeg      ?boxes=1 &width=N &fps=N           one stream for <img>; boxes are drawn on
///   the server GET /live/NAME.jpg        ?boxes=1 &width=N                  the newest picture GET /metrics Prometheus
///   text GET /health/live, /health/ready GET /api/openapi.json     this list for programs
///
/// NAME is a stream or "application/stream". Errors are {"error":{"code","message","hint"}} with the status of the
/// code. Requests whose Host is no loopback name, or which come from a page of another site, are answered 403 (DNS
/// rebinding).
class Server {
 public:
  using StatusSource = std::function<std::vector<graph::ApplicationStatus>()>;

  /// `hub` and what `status` refers to outlive the server. `status` is called from the server's threads, one call at a
  /// time.
  Server(ServerOptions options, live::Hub& hub, StatusSource status);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds and serves. Throws Error(kAddressInUse | kPermissionDenied | kUsage) and may be called again then.
  void start();
  /// Ends every answer, open views too, and joins every thread; takes well below a second. May be called twice.
  void stop();
  /// The bound port, once started.
  int port() const;
  /// "http://localhost:8080/"
  std::string url() const;

 private:
  struct Running;
  ServerOptions options_;
  live::Hub& hub_;
  StatusSource status_;
  std::unique_ptr<Running> running_;
};

}  // namespace vedette::console
