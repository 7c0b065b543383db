#include "vedette/net/server.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace vedette::net {
namespace {

/// How often a long answer's token is looked at again.
constexpr std::chrono::seconds kTokenCheck{1};
constexpr size_t kLoginBytes = 8u << 10;

void check_options(const ServerOptions& options) {
  if (options.port < 0 || options.port > 65535) {
    throw Error(ErrorCode::kUsage, fmt::format("{} is no port", options.port), "use 1 to 65535, or 0 for any free one");
  }
  if (is_loopback(options.address)) return;
  const char* missing = options.tls.certificate.empty()
                            ? options.authority ? "a TLS certificate" : "a TLS certificate and a token key"
                        : options.authority ? nullptr
                                            : "a token key";
  if (!missing) return;
  throw Error(ErrorCode::kUsage,
              fmt::format("to listen on {}, which is no loopback address, needs {}", options.address, missing),
              "see docs/security.md, or use an SSH tunnel: ssh -L 8080:localhost:8080");
}

std::string whoami_json(const Principal& who, bool token_needed) {
  const nlohmann::json json = {
      {"name", who.name}, {"role", to_string(who.role)}, {"tenant", who.tenant}, {"token_needed", token_needed}};
  return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

/// Ends a long answer when its token does.
std::function<bool(Sink&)> guarded(std::function<bool(Sink&)> stream, std::shared_ptr<const Authority> authority,
                                   Principal principal) {
  return [stream = std::move(stream), authority = std::move(authority), principal = std::move(principal),
          next = MonotonicTime{}](Sink& sink) mutable {
    if (const MonotonicTime now = Clock::system().monotonic(); now >= next) {
      next = now + kTokenCheck;
      if (!authority->still_valid(principal)) return false;
    }
    return stream(sink);
  };
}

}  // namespace

void set_security_headers(Response& response) {
  response.set_header(
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
      "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_header("X-Frame-Options", "DENY");
  response.set_header("Referrer-Policy", "no-referrer");
  response.set_header("Cross-Origin-Opener-Policy", "same-origin");
  response.set_header("Cross-Origin-Resource-Policy", "same-origin");
  response.set_header("Permissions-Policy", "camera=(), microphone=(), geolocation=()");
}

struct Server::Running {
  Running(const ServerOptions& options, std::vector<std::string> server_names, Routes given)
      : tls(!options.tls.certificate.empty()),
        loopback(is_loopback(options.address)),
        names(std::move(server_names)),
        gate({loopback, tls, names, options.authority}),
        routes(std::move(given)) {
    add_own_routes();
    listener = std::make_unique<Listener>(
        Listener::Options{options.address, options.port, options.port_option, options.max_connections, options.limits,
                          tls ? make_server_context(options.tls, options.client_certificates) : nullptr},
        [this](Request& request, Listener::Body& body, Response& response) { handle(request, body, response); });
  }

  void handle(Request& request, Listener::Body& body, Response& response) {
    set_security_headers(response);
    if (tls) response.set_header("Strict-Transport-Security", "max-age=31536000");
    std::string allow;
    const Routes::Route* route = nullptr;
    try {
      route = routes.find(request, allow);
    } catch (const HttpError&) {
      gate.admit(request, Role::kNone);
      response.set_header("Allow", allow);
      throw;
    }
    try {
      request.principal = gate.admit(request, route ? route->needed : Role::kNone);
    } catch (const HttpError& error) {
      if (error.status() == 401) response.set_header("WWW-Authenticate", "Bearer");
      throw;
    }
    if (!route) return routes.answer_fallback(request, response);
    if (route->max_body_bytes > 0) request.body = body.read(route->max_body_bytes);
    route->handler(request, response);
    if (response.stream && gate.authority() && request.principal.role != Role::kNone) {
      response.stream = guarded(std::move(response.stream), gate.authority(), request.principal);
    }
  }

  void add_own_routes() {
    routes.add(
        "GET", "/api/whoami", Role::kNone,
        [this](const Request& request, Response& response) {
          answer_json(response, whoami_json(request.principal, gate.authority() != nullptr));
        },
        "Name, role and tenant of who asks");
    routes.add(
        "POST", "/api/login", Role::kNone,
        [this](const Request& request, Response& response) { log_in(request, response); },
        "Takes {\"token\"} and keeps it in a cookie");
    routes.add(
        "POST", "/api/logout", Role::kNone,
        [this](const Request&, Response& response) {
          response.set_header("Set-Cookie", gate.cookie("", {}, {}));
          answer_json(response, "{}\n");
        },
        "Takes the cookie away");
  }

  void log_in(const Request& request, Response& response) const {
    if (!gate.authority()) return answer_json(response, whoami_json(request.principal, false));
    const auto json =
        request.body.size() <= kLoginBytes ? nlohmann::json::parse(request.body, nullptr, false) : nlohmann::json();
    if (!json.is_object() || !json.contains("token") || !json["token"].is_string()) {
      throw Error(ErrorCode::kUsage, "the body is not {\"token\":\"vdt_…\"}");
    }
    const std::string token = json["token"];
    Principal who;
    try {
      who = gate.authority()->verify(token);
    } catch (const Error& error) {
      throw HttpError(401, error.code(), error.what(), error.hint());
    }
    response.set_header("Set-Cookie", gate.cookie(token, who.expires, Clock::system().now()));
    answer_json(response, whoami_json(who, true));
  }

  const bool tls;
  const bool loopback;
  const std::vector<std::string> names;
  const Gate gate;
  Routes routes;
  std::unique_ptr<Listener> listener;  // destroyed before what its answers use
};

Server::Server(ServerOptions options, Routes routes) {
  check_options(options);
  std::vector<std::string> names = std::move(options.names);
  if (names.empty() && !options.tls.certificate.empty()) names = certificate_names(options.tls.certificate);
  running_ = std::make_unique<Running>(options, std::move(names), std::move(routes));
}

Server::~Server() = default;

int Server::port() const { return running_->listener->port(); }

std::string Server::url() const {
  const bool named = !running_->loopback && !running_->names.empty();
  std::string name = named ? running_->names.front() : "localhost";
  if (name.find(':') != std::string::npos) name = "[" + name + "]";
  return fmt::format("{}://{}:{}", running_->tls ? "https" : "http", name, port());
}

}  // namespace vedette::net
