#include "vedette/sim/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "vedette/base/error.h"
#include "vedette/plan/supervisor.h"
#include "vedette/sim/data_files.h"

namespace vedette::sim {
namespace {

constexpr double kMebibyte = 1e6;

std::map<std::string, std::string> as_map(const Pairs& pairs) { return {pairs.begin(), pairs.end()}; }

/// JSON with sorted keys; everything that decides what comes out, so that what is equal runs once.
std::string settings_of(const ModuleOf& module) {
  const std::string model = module.model.empty() ? "" : fmt::format(R"("model":"{}",)", module.model);
  return fmt::format(R"({{"cost_ms":{},{}"passes":{},"per_object_ms":{},"queue":{},"when_full":{}}})", module.cost_ms,
                     model, module.passes, module.per_object_ms, module.queue, static_cast<int>(module.when_full));
}

std::string key_of(const std::string& type, const std::string& settings) { return type + '\n' + settings; }

}  // namespace

double Trace::at(double seconds) const {
  if (steps.empty()) return 0;
  const double within = duration_s > 0 ? std::fmod(seconds, duration_s) : 0;
  const auto after = std::upper_bound(steps.begin(), steps.end(), within,
                                      [](double time, const auto& step) { return time < step.first; });
  return after == steps.begin() ? after->second : std::prev(after)->second;
}

World::World(FleetFile file) : file_(std::move(file)) {
  for (const auto& group : file_.nodes) {
    for (const auto& name : names_of(group.name, group.count)) {
      NodeSpec node;
      node.view.name = name;
      node.view.labels = as_map(group.labels);
      node.view.cores = group.cores;
      node.view.speed = group.speed;
      node.view.memory_bytes = group.memory_gb * 1e9;
      node.joins_s = group.joins_at_s;
      nodes_.push_back(std::move(node));
    }
  }
  for (const auto& link : file_.links) {
    const LinkRule rule{link.from,           link.to, link.mbps * 125e3, link.rtt_ms * 1e-3, link.jitter_ms * 1e-3,
                        trace_of(link.trace)};
    links_.push_back(rule);
  }
  for (const auto& group : file_.cameras) {
    std::vector<std::string> hosts;
    for (const auto& node : nodes_)
      if (!group.on.empty() && matches(group.on, node.view.name)) hosts.push_back(node.view.name);
    const auto names = camera_names(group, hosts);
    if (hosts.empty()) hosts.emplace_back();
    for (size_t h = 0, at = 0; h < hosts.size(); ++h) {
      const std::string& host = hosts[h];
      for (int i = 0; i < group.count; ++i) {
        const std::string& name = names[at++];
        CameraSpec camera;
        camera.wish.name = name;
        camera.wish.settings = fmt::format(R"({{"url":"sim://{}"}})", name);
        camera.wish.pin.node = host;
        camera.wish.fps = group.fps;
        camera.key = plan::stream_key(camera.wish);
        camera.jitter_s = group.jitter_ms * 1e-3;
        camera.picture_bytes = group.picture_kb * 1e3;
        camera.decode_s = group.decode_ms * 1e-3;
        camera.scene = scene_of(group.objects, cameras_.size());
        camera.mean_objects = group.mean_objects;
        camera.outage_every_s = group.outage_every_s;
        camera.outage_s = group.outage_s;
        cameras_.push_back(std::move(camera));
        camera_node_.push_back(host);
      }
    }
  }
  for (int i = 0; const auto& application : file_.applications) add_application(application, i++);
  for (const auto& each : applications_) know(each.wish);
}

int World::trace_of(const std::string& name) {
  if (name.empty()) return -1;
  const auto [entry, added] = trace_index_.try_emplace(name, static_cast<int>(traces_.size()));
  if (added) traces_.push_back(load_trace((std::filesystem::path(file_.data) / name).string()));
  return entry->second;
}

int World::scene_of(const std::string& text, size_t camera) {
  if (text.empty()) return -1;
  const auto [entry, added] = scene_index_.try_emplace(text);
  if (added) {
    const size_t hash = text.find('#');
    const std::string path = (std::filesystem::path(file_.data) / text.substr(0, hash)).string();
    for (auto& scene : load_scenes(path, hash == std::string::npos ? "" : text.substr(hash + 1))) {
      entry->second.push_back(static_cast<int>(scenes_.size()));
      scenes_.push_back(std::move(scene));
    }
  }
  return entry->second[camera % entry->second.size()];
}

void World::add_application(const ApplicationsOf& from, int index) {
  plan::ApplicationWish wish;
  wish.tenant = from.tenant;
  wish.version = 1;
  wish.priority = from.priority;
  wish.share = from.share;
  wish.objective = {.latency_p95_ms = from.latency_p95_ms, .min_fps = from.min_fps};
  for (const auto& fps : from.lower_fps) wish.allowance.fps.push_back(std::stod(fps));
  for (const auto& module : from.modules) {
    plan::ModuleWish out;
    out.name = module.name;
    out.type = module.type;
    out.settings = settings_of(module);
    out.inputs = module.inputs;
    out.scope = static_cast<plan::Scope>(module.scope);
    out.sink = module.sink;
    out.reads_pixels = module.reads == 2;
    out.reads_crops = module.reads >= 1;
    out.pin = {.node = module.node, .labels = as_map(module.labels)};
    wish.modules.push_back(std::move(out));
    for (const auto& cheaper : module.cheaper) wish.allowance.models[module.name].push_back(cheaper.model);
  }
  std::vector<std::pair<std::string, std::vector<const CameraSpec*>>> copies;  // name, cameras
  std::map<std::string, size_t> of_node;
  for (size_t i = 0; i < cameras_.size(); ++i) {
    const auto& camera = cameras_[i];
    const auto wanted = [&](const std::string& pattern) { return matches(pattern, camera.wish.name); };
    if (std::none_of(from.cameras.begin(), from.cameras.end(), wanted)) continue;
    const std::string& node = camera_node_[i];
    std::string name = from.name;
    if (from.each_camera) name += "@" + camera.wish.name;
    if (from.each_node) name += "@" + (node.empty() ? "network" : node);
    const auto [entry, added] = of_node.try_emplace(name, copies.size());
    if (added) copies.emplace_back(name, std::vector<const CameraSpec*>());
    copies[entry->second].second.push_back(&camera);
  }
  if (copies.empty())
    throw Error(ErrorCode::kInvalidConfig, fmt::format("application '{}' has no cameras", from.name),
                "name some that the file has: cameras: ['*']");
  for (auto& [name, cameras] : copies) {
    wish.name = name;
    wish.sources.clear();
    for (const auto* camera : cameras) wish.sources.push_back(camera->wish);
    template_of_.emplace(name, index);
    applications_.push_back({wish, index, from.starts});
  }
}

plan::ApplicationWish World::changed(const plan::ApplicationWish& wish) const {
  plan::ApplicationWish out = wish;
  ++out.version;
  std::string& settings = out.modules.front().settings;
  if (const size_t old = settings.find(",\"zz_change\""); old != std::string::npos)
    settings.erase(old, settings.size() - 1 - old);
  settings.insert(settings.size() - 1, fmt::format(",\"zz_change\":{}", out.version));
  return out;
}

void World::know(const plan::ApplicationWish& wish) {
  const auto& of = file_.applications[static_cast<size_t>(template_of_.at(wish.name))];
  for (int level = 0; level <= plan::lowest_level(wish); ++level) {
    const plan::ApplicationWish lowered = level == 0 ? wish : plan::at_level(wish, level);
    for (const auto& module : lowered.modules) {
      const auto [entry, added] = costs_.try_emplace(key_of(module.type, module.settings));
      if (!added) continue;
      ModuleCost& cost = entry->second;
      const auto known =
          std::find_if(of.modules.begin(), of.modules.end(), [&](const auto& m) { return m.name == module.name; });
      if (known == of.modules.end()) {  // the supervisor's own
        const plan::StageCost guess = plan::guess(module.type, module.settings);
        cost.seconds = guess.seconds;
        cost.bytes_out = guess.bytes_out;
        cost.memory_bytes = guess.memory_bytes;
        cost.rate = plan::rate_limit(module.type, module.settings);
        continue;
      }
      cost.seconds = known->cost_ms * 1e-3;
      const std::string model = plan::model_of(module.settings);
      for (const auto& cheaper : known->cheaper)
        if (cheaper.model == model) cost.seconds = cheaper.cost_ms * 1e-3;
      cost.per_object_s = known->per_object_ms * 1e-3;
      cost.variation = known->spread;
      cost.bytes_out = known->bytes_out;
      cost.memory_bytes = known->memory_mb * kMebibyte;
      cost.passes = known->passes;
      cost.queue = known->when_full == WhenFull::kLatest ? 1 : known->queue;
      cost.when_full = known->when_full;
      cost.rate = plan::rate_limit(module.type, module.settings);
    }
  }
}

const ModuleCost& World::cost(const std::string& type, const std::string& settings) const {
  const auto found = costs_.find(key_of(type, settings));
  VEDETTE_ASSERT(found != costs_.end());  // know() was told of it
  return found->second;
}

void World::teach(plan::Profiles& profiles, const plan::Shared& shared) const {
  plan::NodeReport report;
  std::map<std::string, bool> told;
  for (const auto& stage : shared.stages) {
    if (!told.emplace(key_of(stage.type, stage.settings), true).second) continue;
    const ModuleCost& cost = this->cost(stage.type, stage.settings);
    double objects = 0;
    if (cost.per_object_s > 0 && !cameras_.empty()) {
      for (const auto& camera : cameras_) {
        const Scene* scene = camera.scene < 0 ? nullptr : &scenes_[static_cast<size_t>(camera.scene)];
        double sum = 0;
        if (scene)
          for (const float count : *scene) sum += static_cast<double>(count);
        objects += scene ? sum / static_cast<double>(scene->size()) : camera.mean_objects;
      }
      objects /= static_cast<double>(cameras_.size());
    }
    plan::StageReport line;
    line.key = stage.key;
    line.processed = 1'000'000;
    line.emitted = static_cast<uint64_t>(1e6 * cost.passes);
    line.execution.count = 1'000;
    line.execution.mean = std::max(1e-6, cost.seconds + cost.per_object_s * objects);
    line.bytes_out = cost.bytes_out;
    report.stages.push_back(std::move(line));
  }
  for (const auto& camera : cameras_) {
    if (!shared.find_stream(camera.key)) continue;
    plan::StreamReport line;
    line.key = camera.key;
    // plan/profile.cc reckons 0.13 bytes of JPEG a pixel.
    line.height = 1;
    line.width = static_cast<int>(std::clamp(camera.picture_bytes / 0.13, 1.0, 32'768.0));
    line.height = static_cast<int>(std::clamp(camera.picture_bytes / 0.13 / line.width, 1.0, 32'768.0));
    report.streams.push_back(std::move(line));
  }
  profiles.learn(report, shared);
}

}  // namespace vedette::sim
