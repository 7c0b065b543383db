// Which stages run: those that are new are started, those that are not wanted any more taken out, and sinks replaced.
#include <fmt/core.h>

#include "vedette/base/log.h"
#include "vedette/graph/containers.h"
#include "vedette/graph/network.h"

namespace vedette::graph {
namespace {

std::vector<std::string> applications_of(const plan::Stage& stage) {
  std::vector<std::string> names;
  for (const auto& user : stage.users)
    if (!contains(names, user.application)) names.push_back(user.application);
  return names;
}

/// Not in its place any more, and the one that takes its place writes where it wrote.
bool replaces(const plan::Stage& stage, const plan::Stage& old) {
  return stage.sink && old.sink && stage.key != old.key && !stage.users.empty() && !old.users.empty() &&
         stage.users.front() == old.users.front();
}

}  // namespace

void Network::start_new(const plan::NodePlan& plan, std::map<std::string, RunningStage>& stages, Made& made) {
  for (const auto& spec : plan.stages) {
    RunningStage& running = stages[spec.key];
    try {
      start_stage(spec, running, made);
    } catch (const Error& e) {
      throw PlanError(e, applications_of(spec));
    } catch (const std::exception& e) {
      throw PlanError(Error(ErrorCode::kInternal, spec.name + ": " + e.what()), applications_of(spec));
    }
  }
}

void Network::start_stage(const plan::Stage& spec, RunningStage& running, Made& made) {
  running.spec = spec;
  if (!running.stage) {
    const ModuleSpec module = parse_module(spec.type, spec.settings);
    running.queue = module.queue;
    running.stage = make_stage(spec, module);
    running.stage->start();
    made.push_back({.key = spec.key, .stage = running.stage, .lanes = {}, .whole = true});
  }
  for (const auto& stream : spec.streams) {
    auto& lane = running.lanes[stream];
    if (lane) continue;
    const bool behind_camera = live_.at(stream) && contains(spec.inputs, std::string(plan::kSource));
    lane = running.stage->add_stream(infos_.at(stream), running.queue.resolve(behind_camera));
    if (made.empty() || made.back().stage != running.stage)
      made.push_back({.key = spec.key, .stage = running.stage, .lanes = {}, .whole = false});
    made.back().lanes.push_back(lane);
  }
}

std::shared_ptr<Stage> Network::make_stage(const plan::Stage& spec, const ModuleSpec& module) {
  ModuleContext context;
  context.application = spec.users.empty() ? std::string() : spec.users.front().application;
  context.module = spec.name;
  context.pool = buffers_.get();
  context.set_services(services_);
  Stage::Options options{.key = spec.key,
                         .name = spec.name,
                         .traits = module.traits,
                         .factory = module.factory,
                         .parallel = module.parallel,
                         .on_lane_ended = [this] { on_ended(); },
                         .traces = options_.traces};
  return std::make_shared<Stage>(std::move(options), pool_, std::move(context));
}

/// What was made and is not to run after all: no frame has come to it.
void Network::take_back(Made& made) {
  for (const auto& departure : made) janitor_.take_at_once(departure);
  for (const auto& departure : made) janitor_.wait_gone(departure.key);
}

/// Takes out of `stages` what the plan does not have.
std::vector<Janitor::Departure> Network::part_stages(const plan::NodePlan& plan,
                                                     std::map<std::string, RunningStage>& stages) {
  std::vector<Janitor::Departure> leaving;
  std::map<std::string, const plan::Stage*> wanted;
  for (const auto& spec : plan.stages) wanted[spec.key] = &spec;
  take_out(stages, [&](auto& entry) {
    auto& [key, running] = entry;
    const auto found = wanted.find(key);
    Janitor::Departure gone{.key = key, .stage = running.stage, .lanes = {}, .whole = found == wanted.end()};
    take_out(running.lanes, [&](auto& lane) {
      if (!gone.whole && contains(found->second->streams, lane.first)) return false;
      gone.lanes.push_back(std::move(lane.second));
      return true;
    });
    const bool whole = gone.whole;
    if (whole || !gone.lanes.empty()) leaving.push_back(std::move(gone));
    return whole;
  });
  return leaving;
}

/// A sink whose settings changed writes where the old one wrote: the old one must have closed its file before the new
/// one opens it. Returns the old ones.
std::vector<plan::Stage> Network::replace_sinks(const plan::NodePlan& plan) {
  std::vector<plan::Stage> old;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& spec : plan.stages) {
      for (const auto& [key, running] : stages_) {
        if (stages_.contains(spec.key) || !replaces(spec, running.spec)) continue;
        try {  // whether the new settings can be read at all is seen before anything is touched
          parse_module(spec.type, spec.settings);
        } catch (const Error& e) {
          throw PlanError(e, applications_of(spec));
        }
        old.push_back(running.spec);
      }
    }
  }
  for (size_t i = 0; i < old.size(); ++i) {
    if (remove_stage_now(old[i].key)) continue;
    bring_back({old.begin(), old.begin() + static_cast<ptrdiff_t>(i)});
    refuse_left_behind(old[i]);
  }
  return old;
}

void Network::refuse_left_behind(const plan::Stage& spec) {
  throw PlanError(Error(ErrorCode::kTimeout,
                        fmt::format("{}: nothing can take its place while one of its calls does not return", spec.name),
                        "restart the node if it never does"),
                  applications_of(spec));
}

/// The sinks that were to take their place cannot be started.
void Network::bring_back(const std::vector<plan::Stage>& sinks) {
  if (sinks.empty()) return;
  for (const auto& spec : sinks) {
    RunningStage running;
    Made made;
    try {
      start_stage(spec, running, made);
    } catch (const std::exception& e) {
      take_back(made);
      log::error("{}: cannot be started again: {}", spec.name, e.what());
      continue;
    }
    const std::lock_guard lock(mutex_);
    stages_[spec.key] = std::move(running);
  }
  plan::NodePlan plan;
  {
    const std::lock_guard lock(mutex_);
    plan = plan_;
    std::erase_if(plan.stages, [&](const auto& spec) { return !stages_.contains(spec.key); });
  }
  rewire(wanted_edges(plan), {});
}

/// Parts a stage from its producers, lets it come out, and stops it. False when a call does not return.
bool Network::remove_stage_now(const std::string& key) {
  Janitor::Departure gone{.key = key, .stage = nullptr, .lanes = {}, .whole = true};
  std::vector<Ends> parted;
  {
    const std::lock_guard lock(mutex_);
    const auto found = stages_.find(key);
    if (found == stages_.end()) return true;
    gone.stage = found->second.stage;
    for (auto& [stream, lane] : found->second.lanes) gone.lanes.push_back(lane);
    stages_.erase(found);
    take_out(edges_, [&](auto& entry) {
      if (entry.first.reader != key) return false;
      parted.push_back(std::move(entry.second));
      return true;
    });
  }
  for (const auto& edge : parted) edge.outlet->remove_reader(edge.inlet);
  janitor_.take(std::move(gone));
  return janitor_.wait_gone(key);
}

}  // namespace vedette::graph
