#include "vedette/broker/broker.h"

#include <fmt/format.h>

#include <charconv>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/broker/metrics.h"
#include "vedette/broker/peers.h"
#include "vedette/broker/quality_source.h"
#include "vedette/broker/service.h"
#include "vedette/broker/stream_server.h"
#include "vedette/broker/upstream.h"
#include "vedette/net/gate.h"
#include "vedette/net/metric_families.h"
#include "vedette/net/secret.h"
#include "vedette/net/server.h"

namespace vedette::broker {
namespace {

constexpr double kMegabyte = 1 << 20;

std::pair<std::string, int> split(const std::string& address, const char* what) {
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon != std::string::npos) std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
  if (port < 0 || port > 65535)
    throw Error(ErrorCode::kInvalidConfig, fmt::format("{} '{}' is no HOST:PORT", what, address));
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return {host.empty() ? "127.0.0.1" : host, port};
}

CoreOptions core_options(const BrokerOptions& o) {
  CoreOptions options;
  options.name = o.name;
  options.channel = o.channel;
  auto& log = options.logs.log;
  log.capacity_bytes = static_cast<size_t>(o.memory_mb * kMegabyte);
  log.segment_bytes = static_cast<size_t>(o.segment_mb * kMegabyte);
  log.shared = !o.socket.empty();
  log.first_sequence = 1;  // 0 is "none" on the wire
  options.logs.folder = o.store;
  options.logs.max_cameras = 4096;
  o.stored.apply_to(options.logs.store);
  if (!o.store.empty()) options.logs.store.archive.keys = framelog::Keyring::from(o.store_key, "VEDETTE_STORE_KEY");
  options.feed_bytes = static_cast<size_t>(o.feed_mb * kMegabyte);
  if (!o.tokens.key.empty()) options.authority = std::make_shared<const net::Authority>(o.tokens);
  if (!o.access.empty()) options.access = Access::load(o.access);
  return options;
}

net::ServerOptions metrics_server(const BrokerOptions& o, std::shared_ptr<const net::Authority> authority) {
  const auto [host, port] = split(o.metrics, "metrics");
  net::ServerOptions options;
  options.address = host;
  options.port = port;
  options.port_option = "the setting metrics";
  options.max_connections = 8;
  options.tls = o.tls;
  options.authority = std::move(authority);
  return options;
}

}  // namespace

void BrokerOptions::fields(Fields& f) {
  f.choice("role", role, {{"server", Role::kServer}, {"camera", Role::kCamera}},
           "server: beside the applications; camera: beside the cameras, registers at servers");
  f.text("name", name, "of this broker, its own among those that work together");
  f.text("listen", listen, "HOST:PORT of gRPC; beyond loopback only with TLS and tokens");
  f.whole("stream_port", stream_port, "of our own clients' stream, on the same address; 0: any", {0, 65535});
  f.text("socket", socket, "path of a Unix socket: our own clients on this host share memory; empty: none");
  f.text("metrics", metrics,
         "HOST:PORT of HTTP with GET /metrics for Prometheus; beyond loopback only with TLS and tokens (a viewer's); "
         "empty: none");
  f.text("advertise", advertise, "HOST:PORT that other brokers reach this one by; empty: where it listens");
  f.group("tls", tls, "certificate, key and authority; clients must show a certificate");
  f.group("tokens", tokens, "who verifies tokens; without a key everybody on loopback may everything");
  f.text("access", access, "path of access.yaml: who may see which camera; empty: viewers see all");
  f.text("token", token, "path of a file with the token of role node that is shown to other brokers");
  f.texts("servers", servers, "HOST:PORT of the brokers that a camera broker registers at");
  f.texts("standbys", standbys, "HOST:PORT of the brokers that take over from this one; clients are told");
  f.text("primary", primary, "HOST:PORT of the broker that this one stands by for");
  f.text("channel", channel,
         "name of the wireless channel that a camera broker sends over, the same for all on one access point: servers "
         "divide it between their cameras; empty: one of its own");
  f.number("lease_seconds", lease_seconds, "a camera broker that was not heard of for so long is gone", {0.5, 3600});
  f.number("memory_mb", memory_mb, "of a camera's log", {4, 1e6});
  f.number("segment_mb", segment_mb, "of a log's segment: a frame must fit into one", {1, 1024});
  f.number("feed_mb", feed_mb, "of the log of one quality", {4, 1e6});
  f.text("store", store, "folder that frames are kept in on disk; empty: in memory only");
  stored.fields(f);
  f.text("store_key", store_key, "path of the store's key file; empty: the environment's VEDETTE_STORE_KEY, or plain");
  f.text("policy", policy, "that keeps the bounds: vedette, pi or none");
  f.text("table", table, "path of the table of `vedette bounds profile`; empty: a built-in one");
  f.check([this]() -> std::string {
    if (role == Role::kCamera && servers.empty()) return "a camera broker needs servers to register at";
    if (memory_mb < 2 * segment_mb) return "memory_mb must hold two segments at least";
    if (!channel.empty() && !is_name(channel)) return "channel must be 1 to 128 letters, digits, '.', '_', '-' or '/'";
    if (feed_mb < 4) return "feed_mb must be 4 at least";
    return {};
  });
}

struct Broker::Running {
  std::shared_ptr<const framelog::KnobTable> table;
  Channels channels;
  std::string address;
  std::unique_ptr<Core> core;
  std::unique_ptr<StreamServer> streams;
  std::unique_ptr<Service> service;
  std::unique_ptr<Registrar> registrar;
  std::unique_ptr<Standby> standby;
  std::unique_ptr<net::Server> metrics;
};

Broker::Broker(const BrokerOptions& o) : running_(std::make_unique<Running>()) {
  Running& r = *running_;
  const auto [host, port] = split(o.listen, "listen");
  if (!net::is_loopback(host) && (!o.tls.complete() || o.tokens.key.empty()))
    throw Error(ErrorCode::kUsage, fmt::format("a broker on {} needs TLS and tokens", host),
                "name certificate, key and authority, and a token key; or listen on 127.0.0.1");
  if (!o.tls.empty() && !o.tls.complete())
    throw Error(ErrorCode::kInvalidConfig, "a broker with TLS needs certificate, key and authority");
  ClientOptions peers;
  if (!o.token.empty()) peers.token = net::read_secret(o.token);
  peers.tls = o.tls;
  peers.name = o.name;
  r.table = std::make_shared<const framelog::KnobTable>(o.table.empty() ? built_in_table()
                                                                        : framelog::KnobTable::load(o.table));
  CoreOptions core = core_options(o);
  if (o.policy == "vedette") core.table = r.table;
  r.core = std::make_unique<Core>(std::move(core), [&r, peers, policy = o.policy](const SourceWanted& wanted) {
    if (wanted.origin) return make_quality_source(wanted, policy, r.table);
    const auto remote = r.core->remote_of(wanted.camera);
    if (!remote) throw Error(ErrorCode::kNotFound, "camera '" + wanted.camera + "' is gone");
    ClientOptions options = peers;
    options.addresses = {remote->address};
    options.give_up = options.call_timeout = std::chrono::seconds(2);  // the upstream tries again by itself
    return make_upstream(wanted, std::move(options), r.channels, remote->channel);
  });

  StreamServerOptions streams;
  streams.tls = o.tls;
  const bool six = host.find(':') != std::string::npos;
  streams.listen.push_back(fmt::format("tcp://{}:{}", six ? '[' + host + ']' : host, o.stream_port));
  if (!o.socket.empty()) streams.listen.push_back("unix:" + o.socket);
  r.streams = std::make_unique<StreamServer>(streams, *r.core);

  ServiceOptions service;
  service.address = host;
  service.port = port;
  service.tls = o.tls;
  service.standbys = o.standbys;
  service.lease = from_seconds(o.lease_seconds);
  const std::string& tcp = r.streams->addresses().front();
  service.tcp_stream = "tcp://" + tcp.substr(tcp.rfind(':'));  // the host that the client reached us by
  if (!o.socket.empty()) service.unix_stream = "unix:" + o.socket;
  r.service = std::make_unique<Service>(service, *r.core);
  r.address = fmt::format("{}:{}", six ? '[' + host + ']' : host, r.service->port());

  if (!o.servers.empty()) {
    ClientOptions servers = peers;
    servers.addresses = o.servers;
    r.registrar = std::make_unique<Registrar>(*r.core, o.advertise.empty() ? r.address : o.advertise, servers);
  }
  if (!o.primary.empty()) {
    ClientOptions primary = peers;
    primary.addresses = {o.primary};
    r.standby = std::make_unique<Standby>(*r.core, primary, from_seconds(o.lease_seconds));
  }
  if (!o.metrics.empty())
    r.metrics = std::make_unique<net::Server>(metrics_server(o, r.core->options().authority), routes());
}

net::Routes Broker::routes() {
  net::Routes routes;
  routes.add("GET", "/metrics", net::Role::kViewer, [this](const net::Request& request, net::Response& response) {
    response.set_content(metrics_text(*running_->core, running_->channels, request.principal),
                         net::MetricFamilies::kContentType);
  });
  return routes;
}

Broker::~Broker() {
  Running& r = *running_;
  r.metrics.reset();
  r.standby.reset();
  r.registrar.reset();
  r.core->shut_down();
  r.service.reset();
  r.streams.reset();
  r.core.reset();
}

int Broker::port() const { return running_->service->port(); }
std::string Broker::address() const { return running_->address; }
std::string Broker::metrics_url() const { return running_->metrics ? running_->metrics->url() : ""; }
Core& Broker::core() { return *running_->core; }
Channels& Broker::channels() { return running_->channels; }

}  // namespace vedette::broker
