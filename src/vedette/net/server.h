#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vedette/net/authority.h"
#include "vedette/net/gate.h"
#include "vedette/net/listener.h"
#include "vedette/net/router.h"

namespace vedette::net {

struct ServerOptions {
  std::string address = "127.0.0.1";  ///< loopback without ceremony; any other only with TLS and an authority
  int port = 0;                       ///< 0: one the system picks
  std::string port_option = "--port PORT";
  size_t max_connections = 64;
  ConnectionLimits limits{};
  TlsFiles tls{};                     ///< empty: plain
  ClientCertificates client_certificates = ClientCertificates::kRequired;  ///< kOptional: where browsers come
  std::vector<std::string> names{};   ///< that Host may hold; empty: those of the certificate
  std::shared_ptr<const Authority> authority{};  ///< null: no token is needed, everybody is admin
};

/// HTTP/1.1 with routes, roles and limits: what the console, a node's interface and the controller have in common.
///
/// A request is taken in this order: head (limits.max_head_bytes, request_timeout), Host and Origin, route (404, 405),
/// token (401), role (403), and only then the body (413, 411), so that nobody without a role makes the server hold one.
/// A long answer ends within a second of its token's expiry or revocation. Besides the given routes it has
///
///   POST /api/login   {"token":"vdt_…"}: sets the cookie vedette_token for browsers, answers like /api/whoami
///   POST /api/logout  takes the cookie away
///   GET  /api/whoami  {"name","role","tenant","token_needed"}; the role is "none" without a token
class Server {
 public:
  /// Binds and serves. Throws Error(kUsage) for an address beyond loopback without TLS or without an authority, and as
  /// Listener, make_server_context.
  Server(ServerOptions options, Routes routes);
  /// Joins every thread. Long answers must have been told to end before.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const;
  /// "http://localhost:8080", "https://node-1:8080": the first name that it may be called by.
  std::string url() const;

 private:
  struct Running;
  std::unique_ptr<Running> running_;
};

/// What keeps a browser from doing more with an answer than the page needs.
void set_security_headers(Response& response);

}  // namespace vedette::net
