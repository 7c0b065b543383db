#include "vedette/cli/node.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/broker/broker_source.h"
#include "vedette/cli/control_service.h"
#include "vedette/cli/local_reporter.h"
#include "vedette/cli/signals.h"
#include "vedette/framelog/log_source.h"
#include "vedette/framelog/shelf.h"
#include "vedette/live/hub.h"
#include "vedette/net/secret.h"
#include "vedette/node/node.h"

namespace vedette::cli {
namespace {

struct NodeArguments {
  std::string config;
  std::vector<std::string> settings;
};

/// node.yaml: what the node reads, where it listens, and the controller inside of it.
struct NodeSettings {
  Serving serving;
  node::NodeOptions node;
  fleet::ControllerOptions controller;

  NodeSettings() {
    controller.name.clear();         // the node's
    controller.store.store.clear();  // in the node's state folder
  }
  bool has_controller() const { return node.controllers.empty(); }
  void fields(Fields& f) {
    serving.fields(f);
    node.fields(f);
    f.group("controller", controller, "of the controller inside, which a node without 'controllers' has");
  }
};

NodeSettings read(const NodeArguments& arguments) {
  const ConfigNode root = load_settings(arguments.config, arguments.settings);
  Faults faults;
  auto settings = read_settings<NodeSettings>(root, faults);
  node::complete(settings.node, faults);
  if (const ConfigNode* controller = root.find("controller"); controller && !settings.has_controller())
    faults.add(*controller, "a node with 'controllers' has none inside", "take 'controller' or 'controllers' out");
  faults.throw_if_any();
  auto& controller = settings.controller;
  if (controller.name.empty()) controller.name = settings.node.name;
  if (controller.store.store.empty()) controller.store.store = settings.node.state + "/controller.db";
  if (controller.url.empty()) controller.url = settings.serving.url(settings.node.tls);
  return settings;
}

std::unique_ptr<ControlService> make_controller(const NodeSettings& settings,
                                                const std::shared_ptr<const net::Authority>& authority,
                                                const std::string& version) {
  if (!settings.has_controller()) {
    if (!settings.serving.grpc.empty())
      throw Error(ErrorCode::kInvalidConfig, "'grpc' is the controller's, and this node has none inside");
    return nullptr;
  }
  std::error_code error;
  namespace fs = std::filesystem;
  if (fs::create_directories(settings.node.state, error))
    fs::permissions(settings.node.state, fs::perms::owner_all, error);
  if (error) throw_errno(error.value(), "cannot make the state folder " + settings.node.state);
  return std::make_unique<ControlService>(settings.controller, settings.serving, settings.node.tls, authority, version);
}

/// What a node that has no controller inside answers to calls of the fleet's interface.
net::Routes elsewhere(const node::NodeOptions& options) {
  net::Routes routes;
  const auto refuse = [name = options.name, url = options.controllers.front()](const net::Request&,
                                                                               net::Response& response) {
    net::answer_error(response, Error(ErrorCode::kUnavailable, fmt::format("{} does not control the fleet", name),
                                      "ask its controller at " + url));
    response.set_header("Vedette-Leader", url);
  };
  for (const char* method : {"GET", "PUT", "POST", "PATCH", "DELETE"})
    for (const char* path : {"/api/fleet", "/api/fleet/{rest*}"}) routes.add(method, path, net::Role::kViewer, refuse);
  return routes;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& one : texts) out += (out.empty() ? "" : ", ") + one;
  return out;
}

void run(const NodeArguments& arguments, const std::string& version) {
  const Signals signals;  // before any thread is made
  const NodeSettings settings = read(arguments);
  const auto authority = settings.serving.authority();
  const auto control = make_controller(settings, authority, version);

  live::Hub hub;
  framelog::Shelf logs;
  const std::string& token = settings.node.token_file;
  const framelog::LogScheme log_urls(
      logs, broker::remote_logs({.token = token.empty() ? "" : net::read_secret(token), .tls = settings.node.tls}));
  node::Node node(settings.node, version, control ? std::make_unique<LocalReporter>(control->controller()) : nullptr);
  node.offer(hub);
  node.offer(logs);

  auto options = settings.serving.console(settings.node.tls, authority, version, arguments.config);
  options.logs = &logs;
  options.more_metrics = [&] { return node.metrics(); };
  options.unready = [&] {
    auto reasons = node.unready_reasons();
    if (control)
      for (auto& reason : control->unready_reasons()) reasons.push_back(std::move(reason));
    return reasons;
  };
  console::Server server(
      std::move(options), hub, [&] { return node.executor().status(); },
      control ? control->routes() : elsewhere(settings.node));
  server.start();
  node.set_console(server.url());
  node.start();
  log::info("node {} is up: console {}{}{}, {}", settings.node.name, control ? "and interface on " : "on ",
            server.url(), control ? control->grpc_text() : "",
            control ? "controller inside" : "controlled from " + joined(settings.node.controllers));
  {
    std::mutex mutex;
    std::condition_variable_any ended;
    std::unique_lock lock(mutex);
    ended.wait(lock, signals.token(), [] { return false; });
  }
  log::info("draining; once more to stop at once");
  node.drain();
  node.stop();
  if (control) control->stop();
  server.stop();
  log::info("node {} has ended", settings.node.name);
}

}  // namespace

void add_node_command(CLI::App& parent, const std::string& version) {
  auto arguments = std::make_shared<NodeArguments>();
  CLI::App* command = parent.add_subcommand("node", "Be a node of a fleet: host modules of its applications");
  command->add_option("-c,--config", arguments->config, "Settings (YAML), as in apps/fleet/node.yaml");
  command->add_option("--set", arguments->settings, "KEY=VALUE, in place of the file's; may be repeated")
      ->expected(1)
      ->take_all();
  command->final_callback([arguments, version] { run(*arguments, version); });
}

}  // namespace vedette::cli
