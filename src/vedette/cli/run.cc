#include "vedette/cli/run.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <optional>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/broker/broker_source.h"
#include "vedette/cli/signals.h"
#include "vedette/console/server.h"
#include "vedette/framelog/log_source.h"
#include "vedette/framelog/shelf.h"
#include "vedette/graph/executor.h"
#include "vedette/live/hub.h"

namespace vedette::cli {
namespace {

constexpr Duration kDrainLimit = std::chrono::seconds(5);

struct RunArguments {
  std::vector<std::string> applications;
  std::vector<std::string> sources;
  std::vector<std::string> sinks;
  std::vector<std::string> settings;
  bool fast = false;
  bool realtime = false;
  bool loop = false;
  std::string console = "8080";
  int threads = 0;
};

std::optional<int> console_port(const std::string& text) {
  if (text == "off") return std::nullopt;
  int port = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port < 0 || port > 65535)
    throw Error(ErrorCode::kUsage, "--console " + text + ": expected a port or 'off'");
  return port;
}

graph::Application prepare(const std::string& path, const RunArguments& arguments) {
  ConfigNode root = load_config(path);
  graph::replace_sources(root, arguments.sources);
  for (const auto& sink : arguments.sinks) graph::append_sink(root, sink);
  for (const auto& setting : arguments.settings) graph::set_override(root, setting);
  if (arguments.fast) graph::set_for_sources(root, "pacing", "fast");
  if (arguments.realtime) graph::set_for_sources(root, "pacing", "realtime");
  if (arguments.loop) graph::set_for_sources(root, "loop", "true");
  auto application = graph::parse_application(root);
  if (application.sources.empty()) {
    throw Error(ErrorCode::kUsage, path + " names no sources",
                "add --source FILE, rtsp://…, a folder of pictures or /dev/videoN");
  }
  return application;
}

/// One line for a person, and the exit status: that of the first stream that failed, else of the first module that did.
int report(const std::vector<graph::ApplicationStatus>& applications, Duration elapsed) {
  std::optional<ErrorCode> failure;
  for (const auto& application : applications) {
    uint64_t frames = 0, dropped = 0, errors = 0;
    for (const auto& stream : application.streams) {
      frames += stream.frames;
      for (const auto& [reason, count] : stream.dropped) dropped += count;
      if (!failure) failure = stream.failure;
    }
    for (const auto& module : application.modules) {
      errors += module.errors;
      for (const auto& [reason, count] : module.dropped)
        if (reason == "queue_full" || reason == "superseded" || reason == "stopped") dropped += count;
    }
    for (const auto& module : application.modules)
      if (!failure) failure = module.failure;
    log::info("{}: {} frames of {} stream{} in {:.1f} s, {} dropped, {} errors, latency p50 {:.0f} ms p95 {:.0f} ms",
              application.name, frames, application.streams.size(), application.streams.size() == 1 ? "" : "s",
              to_seconds(elapsed), dropped, errors, application.latency.quantile(0.5) * 1e3,
              application.latency.quantile(0.95) * 1e3);
  }
  return failure ? exit_status(*failure) : 0;
}

int run(const RunArguments& arguments) {
  const Signals signals;  // before any thread is made
  const auto port = console_port(arguments.console);
  std::vector<graph::Application> applications;
  for (const auto& path : arguments.applications) applications.push_back(prepare(path, arguments));

  live::Hub hub;
  framelog::Shelf logs;
  const char* token = std::getenv("VEDETTE_TOKEN");
  const framelog::LogScheme log_urls(logs, broker::remote_logs({.token = token ? token : "", .tls = {}}));
  graph::Executor executor({.threads = static_cast<size_t>(arguments.threads)});
  executor.offer(logs);
  if (port) executor.offer(hub);
  std::unique_ptr<console::Server> server;
  if (port) {
    server = std::make_unique<console::Server>(console::ServerOptions{.port = *port, .logs = &logs}, hub,
                                               [&] { return executor.status(); });
    server->start();
    log::info("console on {}", server->url());
  }

  const MonotonicTime began = Clock::system().monotonic();
  executor.start(applications);
  if (!executor.wait_finished(signals.token())) {
    log::info("stopping; once more to stop at once");
    executor.drain(kDrainLimit);
  }
  const int status = report(executor.status(), Clock::system().monotonic() - began);
  if (server) server->stop();
  return status;
}

}  // namespace

void add_run_command(CLI::App& parent) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = parent.add_subcommand("run", "Run applications on this machine");
  command->add_option("application", arguments->applications, "Application files (YAML)")->required();
  command
      ->add_option(
          "--source", arguments->sources,
          "FILE, rtsp://…, a folder of pictures or /dev/videoN, in place of the file's sources; may be repeated")
      ->expected(1)
      ->take_all();
  command
      ->add_option("--sink", arguments->sinks,
                   "mot:FILE, jsonl:FILE, video:FILE.mp4 or webhook:URL besides the file's sinks; may be repeated")
      ->expected(1)
      ->take_all();
  command->add_option("--set", arguments->settings, "module.key=value, in place of the file's setting; may be repeated")
      ->expected(1)
      ->take_all();
  auto* fast = command->add_flag("--fast", arguments->fast, "Files as fast as possible");
  command->add_flag("--realtime", arguments->realtime, "Files at their own speed (the default)")->excludes(fast);
  command->add_flag("--loop", arguments->loop, "Start files again at their end");
  command->add_option("--console", arguments->console, "Port of the web console, or off")->capture_default_str();
  command->add_option("--threads", arguments->threads, "Worker threads; 0: one a core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->final_callback([arguments] {
    if (const int status = run(*arguments); status != 0) throw CLI::RuntimeError(status);
  });
}

}  // namespace vedette::cli
