#include <fmt/format.h>

#include <set>
#include <unordered_map>

#include "vedette/base/error.h"
#include "vedette/plan/json_walk.h"
#include "vedette/plan/node_plan.h"

namespace vedette::plan {

static void walk(JsonWalk& w, Pin& pin) {
  w.member("node", pin.node);
  w.member("labels", pin.labels);
}

static void walk(JsonWalk& w, Stream& stream) {
  w.member("key", stream.key);
  w.member("name", stream.name);
  w.member("settings", stream.settings);
  w.group("pin", stream.pin);
  w.member("fps", stream.fps);
  w.member("users", stream.users);
}

static void walk(JsonWalk& w, User& user) {
  w.member("application", user.application);
  w.member("module", user.module);
}

static void walk(JsonWalk& w, Stage& stage) {
  w.member("key", stage.key);
  w.member("name", stage.name);
  w.member("type", stage.type);
  w.member("settings", stage.settings);
  w.choice("scope", stage.scope, {"stateless", "per_stream", "global"});
  w.member("sink", stage.sink);
  w.member("reads_pixels", stage.reads_pixels);
  w.member("reads_crops", stage.reads_crops);
  w.group("pin", stage.pin);
  w.member("inputs", stage.inputs);
  w.member("streams", stage.streams);
  w.list("users", stage.users);
}

static void walk(JsonWalk& w, Channel& channel) {
  w.member("producer", channel.producer);
  w.member("stream", channel.stream);
  w.member("node", channel.node);
  w.member("pixels", channel.pixels);
  w.member("crops", channel.crops);
}

static void walk(JsonWalk& w, Objective& objective) {
  w.member("latency_p95_ms", objective.latency_p95_ms);
  w.member("min_fps", objective.min_fps);
}

static void walk(JsonWalk& w, PlannedApplication::Module& module) {
  w.member("name", module.name);
  w.member("type", module.type);
  w.member("key", module.key);
  w.member("inputs", module.inputs);
}

static void walk(JsonWalk& w, PlannedApplication& application) {
  w.member("name", application.name);
  w.member("tenant", application.tenant);
  w.member("version", application.version);
  w.group("objective", application.objective);
  w.member("streams", application.streams);
  w.list("modules", application.modules);
}

static void walk(JsonWalk& w, NodePlan& plan) {
  w.member("version", plan.version);
  w.member("node", plan.node);
  w.list("streams", plan.streams);
  w.member("sources", plan.sources);
  w.list("stages", plan.stages);
  w.list("imports", plan.imports);
  w.list("exports", plan.exports);
  w.list("applications", plan.applications);
  w.member("peers", plan.peers);
}

namespace {

[[noreturn]] void fail(const std::string& what) { throw Error(ErrorCode::kInvalidData, "node plan: " + what); }

std::string shown(std::string_view text) { return fmt::format("'{}'", text.substr(0, 60)); }

using Keys = std::set<std::string_view>;

void know(const Keys& keys, const std::string& key, std::string_view what) {
  if (!keys.contains(key)) fail(fmt::format("{} names {}, which the plan does not have", what, shown(key)));
}

void add_once(Keys& keys, const std::string& key, std::string_view what) {
  if (key.empty()) fail(fmt::format("{} without a name", what));
  if (!keys.insert(key).second) fail(fmt::format("{} {} stands there twice", what, shown(key)));
}

void check_applications(const NodePlan& plan, const Keys& streams) {
  Keys applications;
  for (const auto& application : plan.applications) {
    add_once(applications, application.name, "application");
    for (const auto& stream : application.streams) know(streams, stream, "application " + shown(application.name));
    Keys modules{kSource};
    for (const auto& module : application.modules) add_once(modules, module.name, "module");
    for (const auto& module : application.modules)
      for (const auto& input : module.inputs) know(modules, input, "module " + shown(module.name));
  }
  for (const auto& stage : plan.stages)
    for (const auto& user : stage.users) know(applications, user.application, "stage " + shown(stage.key));
}

/// That the plan holds together, so that nobody who carries it out has to ask.
void check(const NodePlan& plan) {
  if (plan.node.empty()) fail("it is for no node");
  Keys streams;
  for (const auto& stream : plan.streams) add_once(streams, stream.key, "stream");
  Keys sources;
  for (const auto& key : plan.sources) {
    add_once(sources, key, "source");
    know(streams, key, "a source");
  }
  std::unordered_map<std::string_view, Keys> made{{kSource, sources}};  // producer → streams, here or from elsewhere
  std::set<const Channel*> seen;
  for (const auto& channel : plan.imports) {
    if (channel.node.empty() || channel.node == plan.node) fail("an import must come from another node");
    know(streams, channel.stream, "an import");
    add_once(made[channel.producer], channel.stream, "what " + shown(channel.producer) + " makes of");
  }
  Keys stages;
  for (const auto& stage : plan.stages) {
    if (stage.key == kSource) fail("a stage cannot be called 'source'");
    add_once(stages, stage.key, "stage");
    auto& out = made[stage.key];
    for (const auto& stream : stage.streams) {
      know(streams, stream, "stage " + shown(stage.key));
      add_once(out, stream, "what " + shown(stage.key) + " makes of");
    }
    for (const auto& input : stage.inputs) {
      const auto found = made.find(input);  // of what stands above: from sources to sinks
      for (const auto& stream : stage.streams)
        if (found == made.end() || input == stage.key || !found->second.contains(stream))
          fail(fmt::format("stage {} reads {} of stream {}, which is neither made above it nor imported",
                           shown(stage.key), shown(input), shown(stream)));
    }
  }
  std::set<Channel> exports;
  for (const auto& channel : plan.exports) {
    if (channel.node.empty() || channel.node == plan.node) fail("an export must go to another node");
    const bool source = channel.producer == kSource;
    if (!source) know(stages, channel.producer, "an export");
    if (source ? !sources.contains(channel.stream) : !made[channel.producer].contains(channel.stream))
      fail(fmt::format("an export of {} names stream {}, which it does not have", shown(channel.producer),
                       shown(channel.stream)));
    if (!exports.insert({channel.producer, channel.stream, channel.node}).second)
      fail(fmt::format("{} of stream {} goes to {} twice", shown(channel.producer), shown(channel.stream),
                       shown(channel.node)));
  }
  check_applications(plan, streams);
}

}  // namespace

std::string to_json(const NodePlan& plan) {
  NodePlan copy = plan;  // a walk may write as well
  return write_json([&](JsonWalk& w) { walk(w, copy); });
}

NodePlan node_plan_from_json(const std::string& text) {
  NodePlan plan;
  read_json(text, "node plan", [&](JsonWalk& w) { walk(w, plan); });
  check(plan);
  return plan;
}

}  // namespace vedette::plan
