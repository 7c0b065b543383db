#include "vedette/console/server.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/base/thread.h"
#include "vedette/console/answer.h"
#include "vedette/console/listener.h"
#include "vedette/console/live_answers.h"
#include "vedette/console/live_json.h"
#include "vedette/console/metrics.h"
#include "vedette/console/openapi.h"
#include "vedette/console/page.h"
#include "vedette/console/status_board.h"

namespace vedette::console {
namespace {

constexpr std::chrono::seconds kStatusPeriod{1};

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
}

}  // namespace

struct Server::Running {
  Running(const ServerOptions& given, live::Hub& to_show, const StatusSource& source)
      : options(given),
        hub(to_show),
        status_source(source),
        board(given.version, Clock::system().now()),
        context{hub, board, given.version, given.jpeg_quality, stop.get_token()},
        listener({given.address,
                  given.port,
                  given.max_connections,
                  {given.request_timeout, given.idle_timeout, given.write_timeout, given.max_request_bytes}},
                 [this](const auto& request, auto& response) { handle(request, response); }) {
    refresh_board();
    sampler = std::jthread([this](const std::stop_token& token) { sample(token); });
  }

  ~Running() { stop.request_stop(); }

  std::vector<graph::ApplicationStatus> status() {
    const std::lock_guard lock(status_mutex);
    return status_source();
  }

  void refresh_board() { board.update(status(), Clock::system().monotonic(), Clock::system().now()); }

  void sample(const std::stop_token& token) {
    name_this_thread("console-status");
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!wake.wait_for(lock, token, kStatusPeriod, [] { return false; }) && !token.stop_requested()) refresh_board();
  }

  void handle(const httplib::Request& request, httplib::Response& response) try {
    set_security_headers(response);
    if (request.method != "GET" && request.method != "HEAD") {
      response.set_header("Allow", "GET, HEAD");
      response.set_header("Connection", "close");  // the body, if any, stays unread
      answer_error(response, 405, "usage", fmt::format("{} is not served", request.method), "use GET");
      return;
    }
    check_origin(request);
    route(request, response);
  } catch (const Error& error) {
    answer_error(response, error);
  } catch (const std::exception& error) {
    log::error("console: {} failed: {}", request.path, error.what());
    answer_error(response, 500, "internal", "the console could not answer", "see the program's log");
  }

  void route(const httplib::Request& request, httplib::Response& response) {
    const std::string& path = request.path;
    if (path == "/api/status") {
      Parameters(request, {});
      answer_json(response, *board.json());
    } else if (path == "/api/streams") {
      Parameters(request, {});
      answer_json(response, streams_json(hub));
    } else if (path == "/api/events") {
      answer_events(request, response);
    } else if (path == "/api/zones") {
      const Parameters parameters(request, {"seconds"});
      const auto span = std::chrono::seconds(parameters.whole("seconds", 300, 1, 86'400));
      answer_json(response, zones_history_json(hub.zone_history(span), false));
    } else if (path == "/api/openapi.json") {
      answer_json(response, openapi_json(options.version));
    } else if (path == "/api/live") {
      answer_event_stream(context, request, response);
    } else if (path == "/live") {
      answer_pictures(context, request, response);
    } else if (path.starts_with("/live/") && path.ends_with(".mjpeg")) {
      answer_mjpeg(context, request, response, path.substr(6, path.size() - 6 - 6));
    } else if (path.starts_with("/live/") && path.ends_with(".jpg")) {
      answer_snapshot(context, request, response, path.substr(6, path.size() - 6 - 4));
    } else if (path == "/metrics") {
      response.set_content(metrics_text(status(), hub.stats()), "text/plain; version=0.0.4; charset=utf-8");
    } else if (path == "/health/live") {
      answer_json(response, "{\"live\":true}\n");
    } else if (path == "/health/ready") {
      const auto reasons = unready_reasons(status());
      const nlohmann::json body = {{"ready", reasons.empty()}, {"reasons", reasons}};
      answer_json(response, body.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n");
      response.status = reasons.empty() ? 200 : 503;
    } else if (!answer_page(request, response)) {
      throw Error(ErrorCode::kNotFound, fmt::format("nothing is served at {}", path.substr(0, 256)),
                  "/api/openapi.json lists what is");
    }
  }

  void answer_events(const httplib::Request& request, httplib::Response& response) const {
    const Parameters parameters(request, {"after", "limit"});
    const auto limit = static_cast<size_t>(parameters.whole("limit", 200, 1, 2000));
    const int64_t after = parameters.whole("after", -1, 0, INT64_MAX);
    answer_json(response, events_json(after < 0 ? hub.newest_events(limit)
                                                : hub.events_after(static_cast<uint64_t>(after), limit),
                                      hub.epoch()));
  }

  const ServerOptions options;
  live::Hub& hub;
  const StatusSource& status_source;
  std::mutex status_mutex;
  std::stop_source stop;
  StatusBoard board;
  const LiveContext context;
  Listener listener;       // destroyed after `stop` was requested, before everything that its answers use
  std::jthread sampler;
};

Server::Server(ServerOptions options, live::Hub& hub, StatusSource status)
    : options_(std::move(options)), hub_(hub), status_(std::move(status)) {}

Server::~Server() { stop(); }

void Server::start() {
  VEDETTE_ASSERT(!running_);
  if (!is_loopback(options_.address)) {
    throw Error(ErrorCode::kUsage,
                fmt::format("the console listens on loopback addresses only, not on {}", options_.address),
                "other addresses need TLS and a token, which it does not have yet; use an SSH tunnel: ssh -L "
                "8080:localhost:8080");
  }
  if (options_.port < 0 || options_.port > 65535) {
    throw Error(ErrorCode::kUsage, fmt::format("{} is no port", options_.port),
                "use 1 to 65535, or 0 for any free one");
  }
  running_ = std::make_unique<Running>(options_, hub_, status_);
}

void Server::stop() { running_.reset(); }

int Server::port() const { return running_ ? running_->listener.port() : 0; }

std::string Server::url() const {
  return fmt::format("http://{}:{}/", options_.address == "::1" ? "[::1]" : "localhost", port());
}

}  // namespace vedette::console
