#include "vedette/cli/controller.h"

#include <CLI/CLI.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "vedette/base/log.h"
#include "vedette/cli/control_service.h"
#include "vedette/cli/signals.h"
#include "vedette/live/hub.h"

namespace vedette::cli {
namespace {

struct ControllerArguments {
  std::string config;
  std::vector<std::string> settings;
};

/// controller.yaml.
struct ControllerSettings {
  Serving serving;
  net::TlsFiles tls;
  fleet::ControllerOptions controller;

  void fields(Fields& f) {
    serving.fields(f);
    f.group("tls", tls, "PEM files of the console and the interfaces");
    controller.fields(f);
  }
};

void run(const ControllerArguments& arguments, const std::string& version) {
  const Signals signals;  // before any thread is made
  Faults faults;
  auto settings = read_settings<ControllerSettings>(load_settings(arguments.config, arguments.settings), faults);
  faults.throw_if_any();
  if (settings.controller.url.empty()) settings.controller.url = settings.serving.url(settings.tls);
  const std::string store = settings.controller.store.store, name = settings.controller.name;
  const auto authority = settings.serving.authority();
  ControlService control(settings.controller, settings.serving, settings.tls, authority, version);

  live::Hub hub;  // nothing runs here, so nothing is ever in it
  auto options = settings.serving.console(settings.tls, authority, version, arguments.config);
  options.unready = [&] { return control.unready_reasons(); };
  console::Server server(
      std::move(options), hub, [] { return std::vector<graph::ApplicationStatus>{}; }, control.routes());
  server.start();
  log::info("controller {} is up: console and interface on {}{}, its state in {}", name, server.url(),
            control.grpc_text(), store);
  std::mutex mutex;
  std::condition_variable_any ended;
  std::unique_lock lock(mutex);
  ended.wait(lock, signals.token(), [] { return false; });
  log::info("controller {} ends; the nodes go on", name);
  control.stop();
  server.stop();
}

}  // namespace

void add_controller_command(CLI::App& parent, const std::string& version) {
  auto arguments = std::make_shared<ControllerArguments>();
  CLI::App* command = parent.add_subcommand("controller", "Control a fleet of nodes from here");
  command->add_option("-c,--config", arguments->config, "Settings (YAML), as in apps/fleet/controller.yaml");
  command->add_option("--set", arguments->settings, "KEY=VALUE, in place of the file's; may be repeated")
      ->expected(1)
      ->take_all();
  command->final_callback([arguments, version] { run(*arguments, version); });
}

}  // namespace vedette::cli
