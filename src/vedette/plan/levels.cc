#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "vedette/plan/supervisor.h"

namespace vedette::plan {
namespace {

using nlohmann::json;

/// One thing that is taken from an application.
struct Step {
  double fps = 0;      // > 0: the frame rate
  std::string module;  // else this module's model
  std::string model;
};

/// Frame rates first, then one module's next model after the other's.
std::vector<Step> steps_of(const ApplicationWish& wish) {
  std::vector<Step> out;
  for (const double fps : wish.allowance.fps)
    if (fps > 0) out.push_back({.fps = fps, .module = {}, .model = {}});
  size_t most = 0;
  for (const auto& [module, models] : wish.allowance.models) most = std::max(most, models.size());
  for (size_t i = 0; i < most; ++i)
    for (const auto& [module, models] : wish.allowance.models)
      if (i < models.size()) out.push_back({.fps = 0, .module = module, .model = models[i]});
  return out;
}

void set_model(ModuleWish& module, const std::string& model) {
  json root = json::parse(module.settings, nullptr, false);
  if (!root.is_object()) return;
  json& holder =
      !root.contains("model") && root.contains("settings") && root["settings"].is_object() ? root["settings"] : root;
  holder["model"] = model;
  module.settings = root.dump();
}

void set_rate(ApplicationWish& wish, double fps) {
  ModuleWish rate;
  rate.name = "rate";
  const auto taken = [&](const ModuleWish& other) { return other.name == rate.name; };
  while (std::any_of(wish.modules.begin(), wish.modules.end(), taken)) rate.name += '-';
  rate.type = "rate";
  rate.settings = fps == std::floor(fps) ? json{{"fps", static_cast<int64_t>(fps)}}.dump() : json{{"fps", fps}}.dump();
  rate.inputs = {kSource};
  rate.scope = Scope::kPerStream;
  for (auto& module : wish.modules)
    for (auto& input : module.inputs)
      if (input == kSource) input = rate.name;
  wish.modules.insert(wish.modules.begin(), std::move(rate));
}

}  // namespace

int lowest_level(const ApplicationWish& wish) { return static_cast<int>(steps_of(wish).size()); }

ApplicationWish at_level(const ApplicationWish& wish, int level) {
  ApplicationWish out = wish;
  const auto steps = steps_of(wish);
  double fps = 0;
  for (size_t i = 0; i < steps.size() && static_cast<int>(i) < level; ++i) {
    if (steps[i].fps > 0) {
      fps = steps[i].fps;
      continue;
    }
    for (auto& module : out.modules)
      if (module.name == steps[i].module) set_model(module, steps[i].model);
  }
  if (fps > 0) set_rate(out, fps);
  return out;
}

std::string describe_level(const ApplicationWish& wish, int level) {
  const auto steps = steps_of(wish);
  if (level <= 0 || steps.empty()) return "as wished";
  const auto at = std::min(static_cast<size_t>(level), steps.size()) - 1;
  const Step& step = steps[at];
  std::string before;
  if (step.fps > 0) {
    double fps = 0;
    for (const auto& source : wish.sources) fps = std::max(fps, source.fps);
    if (at > 0) fps = steps[at - 1].fps;
    return fps > 0 ? fmt::format("frame rate {:g} → {:g}", fps, step.fps) : fmt::format("frame rate → {:g}", step.fps);
  }
  for (const auto& module : wish.modules)
    if (module.name == step.module) before = model_of(module.settings);
  for (size_t i = 0; i < at; ++i)
    if (steps[i].module == step.module) before = steps[i].model;
  return before.empty() ? fmt::format("model of {} → {}", step.module, step.model)
                        : fmt::format("model of {} {} → {}", step.module, before, step.model);
}

}  // namespace vedette::plan
