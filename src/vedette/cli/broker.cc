#include "vedette/cli/broker.h"

#include <CLI/CLI.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "vedette/base/allocation.h"
#include "vedette/base/log.h"
#include "vedette/broker/broker.h"
#include "vedette/cli/serving.h"
#include "vedette/cli/signals.h"

namespace vedette::cli {
namespace {

struct BrokerArguments {
  std::string config;
  std::vector<std::string> settings;
};

void run(const BrokerArguments& arguments) {
  const Signals signals;  // before any thread is made
  Faults faults;
  const auto options =
      read_settings<broker::BrokerOptions>(load_settings(arguments.config, arguments.settings), faults);
  faults.throw_if_any();
  keep_freed_memory();
  const broker::Broker running(options);
  log::info("broker {} is up on {}", options.name, running.address());
  if (!options.metrics.empty()) log::info("metrics on {}/metrics", running.metrics_url());
  std::mutex mutex;
  std::condition_variable_any ended;
  std::unique_lock lock(mutex);
  ended.wait(lock, signals.token(), [] { return false; });
  log::info("broker {} ends", options.name);
}

}  // namespace

void add_broker_command(CLI::App& parent) {
  auto arguments = std::make_shared<BrokerArguments>();
  CLI::App* command = parent.add_subcommand("broker", "Keep frames of cameras, and hand them out within bounds");
  command->add_option("-c,--config", arguments->config, "Settings (YAML), see docs/broker.md");
  command->add_option("--set", arguments->settings, "KEY=VALUE, in place of the file's; may be repeated")
      ->expected(1)
      ->take_all();
  command->final_callback([arguments] { run(*arguments); });
}

}  // namespace vedette::cli
