#include "vedette/console/server.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/base/thread.h"
#include "vedette/console/live_answers.h"
#include "vedette/console/live_json.h"
#include "vedette/console/log_routes.h"
#include "vedette/console/metrics.h"
#include "vedette/console/openapi.h"
#include "vedette/console/page.h"
#include "vedette/console/status_board.h"
#include "vedette/net/metric_families.h"

namespace vedette::console {
namespace {

constexpr std::chrono::seconds kStatusPeriod{1};

net::ServerOptions net_options(const ServerOptions& given) {
  net::ServerOptions options;
  options.address = given.address;
  options.port = given.port;
  options.port_option = given.port_option;
  options.max_connections = given.max_connections;
  options.limits = {given.request_timeout, given.idle_timeout, given.write_timeout, given.max_request_bytes};
  options.tls = given.tls;
  options.client_certificates = given.client_certificates;
  options.names = given.names;
  options.authority = given.authority;
  return options;
}

}  // namespace

struct Server::Running {
  Running(const ServerOptions& given, live::Hub& to_show, const StatusSource& source, const net::Routes& extra)
      : options(given),
        hub(to_show),
        status_source(source),
        board(given.version, Clock::system().now()),
        context{hub, board, given.version, given.jpeg_quality, stop.get_token()},
        logs(given.logs ? *given.logs : no_logs, context),
        openapi(openapi_json(given.version, extra)),
        server(net_options(given), routes(extra)) {
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

  net::Routes routes(const net::Routes& extra) {
    using net::Request, net::Response, net::Role;
    net::Routes all;
    const auto view = [&](const char* path, std::function<void(const Request&, Response&)> handler) {
      all.add("GET", path, Role::kViewer, std::move(handler));
    };
    view("/api/status", [this](const Request& request, Response& response) {
      net::Parameters(request, {});
      net::answer_json(response, *board.json(request.principal.tenant));
    });
    view("/api/streams", [this](const Request& request, Response& response) {
      net::Parameters(request, {});
      net::answer_json(response, streams_json(hub, shown_to(request)));
    });
    view("/api/events", [this](const Request& request, Response& response) { answer_events(request, response); });
    view("/api/zones", [this](const Request& request, Response& response) {
      const net::Parameters parameters(request, {"seconds"});
      const auto span = std::chrono::seconds(parameters.whole("seconds", 300, 1, 86'400));
      net::answer_json(response, zones_history_json(hub.zone_history(span), false, shown_to(request)));
    });
    view("/api/live",
         [this](const Request& request, Response& response) { answer_event_stream(context, request, response); });
    view("/live", [this](const Request& request, Response& response) { answer_pictures(context, request, response); });
    view("/live/{name*}.mjpeg", [this](const Request& request, Response& response) {
      answer_mjpeg(context, request, response, request.capture("name"));
    });
    view("/live/{name*}.jpg", [this](const Request& request, Response& response) {
      answer_snapshot(context, request, response, request.capture("name"));
    });
    view("/metrics", [this](const Request& request, Response& response) {
      auto now = status();
      std::erase_if(now, [&](const auto& application) { return !request.principal.sees(application.tenant); });
      std::string text = metrics_text(now, hub.stats(), logs.shown_to(request));
      if (options.more_metrics && request.principal.tenant.empty()) text += options.more_metrics();
      response.set_content(std::move(text), net::MetricFamilies::kContentType);
    });
    add_public(all);
    logs.add_to(all);
    all.merge(extra);
    all.set_fallback(answer_page);
    return all;
  }

  void add_public(net::Routes& all) {
    using net::Request, net::Response, net::Role;
    all.add("GET", "/api/openapi.json", Role::kNone,
            [this](const Request&, Response& response) { net::answer_json(response, openapi); });
    all.add("GET", "/health/live", Role::kNone,
            [](const Request&, Response& response) { net::answer_json(response, "{\"live\":true}\n"); });
    all.add("GET", "/health/ready", Role::kNone, [this](const Request& request, Response& response) {
      const auto reasons = options.unready ? options.unready() : unready_reasons(status());
      const bool all_of_them = request.principal.may(Role::kViewer) && request.principal.tenant.empty();
      const nlohmann::json body = {{"ready", reasons.empty()},
                                   {"reasons", all_of_them ? reasons : std::vector<std::string>{}}};
      net::answer_json(response, body.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n",
                       reasons.empty() ? 200 : 503);
    });
  }

  ViewFilter shown_to(const net::Request& request) const {
    return [this, &tenant = request.principal.tenant](std::string_view view) { return board.shows(view, tenant); };
  }

  void answer_events(const net::Request& request, net::Response& response) const {
    const net::Parameters parameters(request, {"after", "limit"});
    const auto limit = static_cast<size_t>(parameters.whole("limit", 200, 1, 2000));
    const int64_t after = parameters.whole("after", -1, 0, INT64_MAX);
    net::answer_json(response, events_json(after < 0 ? hub.newest_events(limit)
                                                     : hub.events_after(static_cast<uint64_t>(after), limit),
                                           hub.epoch(), shown_to(request)));
  }

  const ServerOptions options;
  live::Hub& hub;
  const StatusSource& status_source;
  std::mutex status_mutex;
  std::stop_source stop;
  StatusBoard board;
  const LiveContext context;
  const framelog::Shelf no_logs;
  LogAnswers logs;
  const std::string openapi;
  net::Server server;      // destroyed after `stop` was requested, before everything that its answers use
  std::jthread sampler;
};

Server::Server(ServerOptions options, live::Hub& hub, StatusSource status, net::Routes extra)
    : options_(std::move(options)), hub_(hub), status_(std::move(status)), extra_(std::move(extra)) {}

Server::~Server() { stop(); }

void Server::start() {
  VEDETTE_ASSERT(!running_);
  running_ = std::make_unique<Running>(options_, hub_, status_, extra_);
}

void Server::stop() { running_.reset(); }

int Server::port() const { return running_ ? running_->server.port() : 0; }

std::string Server::url() const { return running_ ? running_->server.url() + "/" : ""; }

}  // namespace vedette::console
