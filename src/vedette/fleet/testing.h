#pragma once

#include <fmt/format.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/fleet/controller_core.h"
#include "vedette/fleet/definition.h"
#include "vedette/graph/test_modules.h"

namespace vedette::fleet::testing {

using namespace std::chrono_literals;

/// decode → detect → track → jsonl over these cameras.
inline std::string app_yaml(const std::string& name, const std::vector<std::string>& cameras,
                            const std::string& more = "", double score = 0.5, const std::string& tenant = "desk") {
  std::string yaml = fmt::format("application: {}\ntenant: {}\n{}sources:\n", name, tenant, more);
  for (const auto& camera : cameras)
    yaml += fmt::format("  - {{name: {0}, url: \"rtsp://u:secret@{0}/main\"}}\n", camera);
  return yaml + fmt::format(
                    "modules:\n  - type: t_decode\n  - {{type: t_detect, score: {}}}\n  - type: t_track\n"
                    "  - {{type: jsonl, path: {}.jsonl}}\n",
                    score, name);
}

inline Application application(const std::string& yaml, uint64_t version = 1) {
  Definition definition = read_definition(yaml, "test");
  Application out;
  out.record.name = definition.application.name;
  out.record.tenant = definition.application.tenant;
  out.record.yaml = yaml;
  out.record.version = version;
  out.record.remember("test", "test");
  out.wish = definition.wish;
  out.wish.version = version;
  return out;
}

/// A node that does what it is told, or says that it cannot.
struct FakeNode {
  explicit FakeNode(std::string name, double cores = 4) {
    report.node = std::move(name);
    report.epoch = report.node + "-1";
    report.version = "test";
    report.cores = cores;
    report.memory_bytes = 4e9;
    report.link_addresses = {"tcp://" + report.node + ":7400"};
    report.ready = true;
    report.plan_state = "running";
  }

  /// As if it had started what it was sent: every stage runs, every application delivers 15 frames a second.
  void take(const plan::NodePlan& sent) {
    plan = sent;
    report.plan_version = sent.version;
    report.streams.clear();
    report.stages.clear();
    report.applications.clear();
    for (const auto& key : sent.sources) {
      plan::StreamReport stream;
      stream.key = stream.name = key;
      stream.state = "streaming";
      stream.fps = 15;
      report.streams.push_back(stream);
    }
    for (const auto& stage : sent.stages) {
      plan::StageReport one;
      one.key = stage.key;
      one.name = stage.name;
      one.type = stage.type;
      one.streams = stage.streams;
      one.fps = 15;
      one.processed = one.emitted = 100;
      report.stages.push_back(one);
      if (!stage.sink) continue;
      for (const auto& user : stage.users) {
        plan::ApplicationReport app;
        app.name = user.application;
        app.state = "running";
        app.latency = {100, 0.02, 0.03, 0.04, 0.02};
        app.fps = 15;
        app.delivered = 100;
        report.applications.push_back(app);
      }
    }
    bool fails = false;
    report.plan_failed.clear();
    for (const auto& one : sent.applications)
      if (cannot.contains(one.name) && (cannot[one.name] == 0 || cannot[one.name] == one.version)) {
        report.plan_failed.push_back(one.name);
        fails = true;
      }
    report.plan_state = fails ? "failed" : "running";
    report.plan_error = fails ? "no model is named 'missing'" : "";
  }

  plan::NodeReport report;
  std::optional<plan::NodePlan> plan;
  std::map<std::string, uint64_t> cannot;  ///< application → version that it cannot start; 0: none
};

/// A controller's core and its nodes on a clock that is moved by hand.
class Rig {
 public:
  Rig() : Rig(default_options()) {}
  explicit Rig(ControllerCore::Options options) : core(std::move(options)) {}

  static ControllerCore::Options default_options() {
    graph::testing::register_test_modules();
    ControllerCore::Options options;
    options.version = "test";
    options.read = [](const std::string& yaml) { return read_definition(yaml, "stored").wish; };
    return options;
  }

  Instant now() const { return Instant::now(clock); }
  FakeNode& add(const std::string& name, double cores = 4) {
    return nodes.emplace(name, FakeNode(name, cores)).first->second;
  }
  void report(FakeNode& node) {
    const auto answer = core.on_report(node.report, now());
    if (answer.plan) node.take(*answer.plan);
  }
  /// One round: everybody who is up reports, the controller thinks.
  void round(Duration by = 100ms) {
    clock.advance(by);
    for (auto& [name, node] : nodes)
      if (!down.contains(name)) report(node);
    step();
  }
  void rounds(int count) {
    for (int i = 0; i < count; ++i) round();
  }
  /// As the program does, with the store's part.
  void step() {
    core.tick(now());
    if (const auto request = core.begin(now())) {
      core.finish(*request, make_plan(*request, core.supervisor(), now().mono), now());
    }
    for (const auto& write : core.take_unsaved().writes) {
      if (write.value) {
        stored[write.key] = *write.value;
      } else {
        stored.erase(write.key);
      }
    }
    core.publish();
    for (auto& line : core.take_log()) log.push_back(line.line);
  }
  void put(const std::string& yaml, uint64_t version = 1) {
    Application next = application(yaml, version);
    if (const auto before = core.find(next.record.name)) {
      next.record.good_version = before->record.good_version;
      next.record.versions = before->record.versions;
      next.record.remember("test", "test");
    }
    stored["app/" + next.record.name] = to_json(next.record);
    core.put(std::move(next), "test");
  }
  std::vector<Store::Entry> entries() const {
    std::vector<Store::Entry> out;
    for (const auto& [key, value] : stored) out.push_back({key, value, 1});
    return out;
  }
  std::string log_text() const {
    std::string text;
    for (const auto& line : log) text += line.level + " " + line.application + ": " + line.text + "\n";
    return text;
  }
  std::vector<std::string> nodes_of(const std::string& application) const {
    const auto planned = core.snapshot(now()).planned;
    const auto found = planned->nodes.find(application);
    return found == planned->nodes.end() ? std::vector<std::string>{} : found->second;
  }

  ManualClock clock{Timestamp(std::chrono::hours(24 * 365 * 50))};
  ControllerCore core;
  std::map<std::string, FakeNode> nodes;
  std::set<std::string> down;
  std::map<std::string, std::string> stored;
  std::vector<plan::LogLine> log;
};

}  // namespace vedette::fleet::testing
