#include "vedette/node/node.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/link/endpoint.h"
#include "vedette/net/secret.h"
#include "vedette/node/exchange.h"
#include "vedette/node/host.h"
#include "vedette/node/http_reporter.h"
#include "vedette/node/machine.h"
#include "vedette/node/memory.h"
#include "vedette/node/metrics.h"
#include "vedette/node/runner.h"

namespace vedette::node {
namespace {

link::EndpointOptions endpoint_options(const NodeOptions& options, const std::string& version, TraceBuffer& traces) {
  link::EndpointOptions endpoint;
  endpoint.node = options.name;
  endpoint.software = version;
  endpoint.listen = options.link.listen;
  endpoint.tls = options.tls;
  endpoint.traces = &traces;
  if (!options.link.token_file.empty()) endpoint.token = net::read_secret(options.link.token_file);
  endpoint.shared_memory_bytes = static_cast<size_t>(options.link.shared_memory_mib) << 20;
  endpoint.codec_threads = static_cast<size_t>(options.link.codec_threads);
  return endpoint;
}

/// Three of them take 3 workers, and so do 2.5: a part of a core still runs a thread.
size_t workers(const NodeOptions& options, const Machine& machine) {
  if (options.threads > 0) return static_cast<size_t>(options.threads);
  const double cores = options.cores > 0 ? options.cores : machine.cores();
  return std::max<size_t>(1, static_cast<size_t>(std::ceil(cores)));
}

std::unique_ptr<Reporter> make_reporter(const NodeOptions& options) {
  if (options.controllers.empty())
    throw Error(ErrorCode::kInvalidConfig, "node '" + options.name + "' knows no controller",
                "name one under 'controllers', or run one inside the node");
  return std::make_unique<HttpReporter>(HttpReporterOptions{
      .node = options.name, .controllers = options.controllers, .token_file = options.token_file, .tls = options.tls});
}

RunnerOptions runner_options(const NodeOptions& options, const std::string& version) {
  RunnerOptions runner;
  runner.name = options.name;
  runner.version = version;
  for (const auto& [key, value] : options.labels) runner.labels[key] = value;
  runner.cores = options.cores;
  runner.speed = measure_core_speed();
  runner.interval = from_seconds(options.report_seconds);
  runner.move_limit = from_seconds(options.move_seconds);
  runner.drain_limit = from_seconds(options.drain_seconds);
  return runner;
}

/// The executor and the links.
class LocalHost final : public Host {
 public:
  LocalHost(const NodeOptions& options, const std::string& version, const Machine& machine)
      : endpoint_(endpoint_options(options, version, traces_)),
        exchange_(endpoint_, options.link, from_seconds(options.drain_seconds)),
        executor_({.threads = workers(options, machine),
                   .node = options.name,
                   .drain_limit = from_seconds(options.drain_seconds),
                   .traces = &traces_,
                   .traces_per_second = options.traces_per_second}) {
    executor_.connect(exchange_);
  }

  void apply(const plan::NodePlan& plan) override { executor_.apply(plan); }
  void drain(Duration limit) override {
    const auto deadline = Clock::system().monotonic() + limit;
    executor_.drain(limit);
    exchange_.wait_left(std::max(Duration{0}, deadline - Clock::system().monotonic()));
  }
  NodeStatus status() override {
    exchange_.tidy();
    return {executor_.status(), executor_.streams(), executor_.modules(), endpoint_.status()};
  }
  std::vector<TraceSpan> spans() override { return traces_.take(); }
  std::vector<std::string> link_addresses() const override { return endpoint_.addresses(); }

  graph::Executor& executor() { return executor_; }
  const link::Endpoint& endpoint() const { return endpoint_; }

 private:
  TraceBuffer traces_;
  link::Endpoint endpoint_;
  LinkExchange exchange_;
  graph::Executor executor_;
};

}  // namespace

struct Node::Parts {
  Parts(NodeOptions given, const std::string& version, std::unique_ptr<Reporter> reporting)
      : options(std::move(given)),
        reporter(reporting ? std::move(reporting) : make_reporter(options)),
        memory(options.state, options.name),
        host(options, version, machine),
        runner(runner_options(options, version), host, *reporter, memory, machine) {}

  const NodeOptions options;
  const std::unique_ptr<Reporter> reporter;
  Memory memory;
  Machine machine;
  LocalHost host;
  Runner runner;
};

Node::Node(NodeOptions options, const std::string& version, std::unique_ptr<Reporter> reporter)
    : parts_(std::make_unique<Parts>(std::move(options), version, std::move(reporter))) {}
Node::~Node() = default;

void Node::set_console(std::string url) { parts_->runner.set_console(std::move(url)); }
void Node::start() { parts_->runner.start(); }
void Node::drain(const std::stop_token& at_once) { parts_->runner.drain(at_once); }
void Node::stop() {
  parts_->runner.stop();
  parts_->host.drain(Duration{0});
}

graph::Executor& Node::executor() { return parts_->host.executor(); }
const NodeOptions& Node::options() const { return parts_->options; }
std::vector<std::string> Node::unready_reasons() const { return parts_->runner.unready_reasons(); }
bool Node::connected() const { return parts_->runner.connected(); }
plan::NodeReport Node::report() const { return parts_->runner.last_report(); }
link::EndpointStatus Node::links() const { return parts_->host.endpoint().status(); }
std::string Node::metrics() const {
  return metrics_text(parts_->runner.last_report(), links(), parts_->runner.connected());
}

}  // namespace vedette::node
