#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "vedette/graph/status.h"
#include "vedette/live/hub.h"
#include "vedette/net/server.h"

namespace vedette::framelog {
class Shelf;
}

namespace vedette::console {

struct ServerOptions {
  std::string address = "127.0.0.1";   ///< any but a loopback address takes `tls` and `authority`
  int port = 8080;                     ///< 0: one the system picks
  std::string version = "0.1.0";
  size_t max_connections = 64;         ///< of every kind, each one thread; one more is answered 503 and closed
  std::chrono::milliseconds request_timeout{10'000};   ///< from a request's first byte to its last
  std::chrono::milliseconds idle_timeout{15'000};      ///< a kept-alive connection without a request
  std::chrono::milliseconds write_timeout{10'000};     ///< a client that takes nothing in for so long is let go
  size_t max_request_bytes = 32u << 10;                ///< line and headers
  int jpeg_quality = 80;
  std::string port_option = "--console PORT";          ///< how the user chooses another port, for messages
  net::TlsFiles tls{};                                 ///< empty: plain HTTP
  net::ClientCertificates client_certificates = net::ClientCertificates::kOptional;
  std::vector<std::string> names{};  ///< that the server may be called by; empty: its certificate's
  std::shared_ptr<const net::Authority> authority{};  ///< null: no token is needed, everybody is admin
  /// Why this process does not do its work yet; null: by the status of its applications, of which there must be one.
  std::function<std::vector<std::string>()> unready{};
  const framelog::Shelf* logs = nullptr;  ///< what can be seen back in time; null: nothing. Outlives the server
  /// Put behind /metrics, for who may see all tenants; in Prometheus' text format.
  std::function<std::string()> more_metrics{};
};

/// The console: HTTP/1.1. What net::Server serves (login, who one is), and
///
///   GET /                     the page (or a line that says that it was not built in), /assets/…: for everybody
///   GET /api/status           applications, streams, modules; rates and quantiles are of the last ten seconds
///   GET /api/streams          views with their zones and newest sequence number
///   GET /api/events           ?after=ID &limit=N     oldest first; without `after` the newest N
///   GET /api/zones            ?seconds=N             counts of zones and line crossings over time
///   GET /api/live             ?observations=0|1 &streams=A,B     server-sent events: hello, status, streams,
///                             observation, event, zones, lost; resumes events by Last-Event-ID
///   GET /live                 ?streams=A,B &width=N &fps=N       multipart/x-mixed-replace of many streams
///   GET /live/NAME.mjpeg      ?boxes=1 &width=N &fps=N           one stream for <img>; the server draws the boxes
///   GET /live/NAME.jpg        ?boxes=1 &width=N                  the newest picture
///   GET /api/logs, /api/logs/CAMERA…                             frames that are kept, see log_routes.h
///   GET /metrics              Prometheus text
///   GET /health/live, /health/ready      for everybody; the reasons only for who may see all tenants
///   GET /api/openapi.json     this list for programs: for everybody
///
/// All but those for everybody take a viewer, and show a tenant's viewer that tenant's applications only. NAME is a
/// stream or "application/stream". Errors are {"error":{"code","message","hint"}} with the status of the code.
class Server {
 public:
  using StatusSource = std::function<std::vector<graph::ApplicationStatus>()>;

  /// `hub` and what `status` refers to outlive the server. `status` is called from the server's threads, one call at a
  /// time. `extra` are routes of other parts of the program; what they wait for must end before stop().
  Server(ServerOptions options, live::Hub& hub, StatusSource status, net::Routes extra = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds and serves. Throws as net::Server, and may be called again then.
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
  net::Routes extra_;
  std::unique_ptr<Running> running_;
};

}  // namespace vedette::console
