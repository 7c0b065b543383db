#include "vedette/sim/data_files.h"

#include <fmt/format.h>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"

namespace vedette::sim {
namespace {

[[noreturn]] void wrong(const ConfigNode& at, const std::string& what) {
  throw Error(ErrorCode::kInvalidConfig, at.where() + ": " + what);
}

}  // namespace

// JSON is YAML, so the reader of configuration reads it, with its limits.
Trace load_trace(const std::string& path) {
  const ConfigNode root = load_config(path);
  const ConfigNode* limits = root.is_map() ? root.find("bandwidth_limits") : nullptr;
  if (!limits || !limits->is_list() || limits->items().empty())
    wrong(root, "a trace is {bandwidth_limits: [{time, mbps}, …]}");
  Trace out;
  for (const auto& item : limits->items()) {
    const ConfigNode* time = item.is_map() ? item.find("time") : nullptr;
    const ConfigNode* mbps = item.is_map() ? item.find("mbps") : nullptr;
    if (!time || !mbps) wrong(item, "expected time and mbps");
    const double at = time->as_float(), rate = mbps->as_float();
    if (!(at >= 0) || (!out.steps.empty() && at <= out.steps.back().first)) wrong(item, "times must rise");
    if (!(rate > 0 && rate < 1e7)) wrong(item, "a bandwidth must be above 0");
    out.steps.emplace_back(at, rate * 125e3);
  }
  // The last step lasts as long as the steps do at the mean.
  const double last = out.steps.back().first;
  out.duration_s = last + (out.steps.size() > 1 ? last / static_cast<double>(out.steps.size() - 1) : 1);
  return out;
}

std::vector<Scene> load_scenes(const std::string& path, const std::string& name) {
  const ConfigNode root = load_config(path);
  if (!root.is_map() || root.entries().empty()) wrong(root, "a file of counts is {scene: {class: [count, …]}}");
  std::vector<Scene> out;
  std::vector<std::string> known;
  for (const auto& [scene, classes] : root.entries()) {
    known.push_back(scene);
    if (!name.empty() && scene != name) continue;
    if (!classes.is_map()) wrong(classes, "expected {class: [count, …]}");
    Scene counts;
    for (const auto& [label, list] : classes.entries()) {
      if (!list.is_list()) wrong(list, fmt::format("'{}' must be a list of counts", label));
      counts.resize(std::max(counts.size(), list.items().size()), 0);
      for (size_t i = 0; i < list.items().size(); ++i) {
        const double count = list.items()[i].as_float();
        if (!(count >= 0 && count <= 1e5)) wrong(list.items()[i], "a count is not below 0");
        counts[i] += static_cast<float>(count);
      }
    }
    if (counts.empty()) wrong(classes, fmt::format("scene '{}' has no counts", scene));
    out.push_back(std::move(counts));
  }
  if (out.empty())
    throw Error(ErrorCode::kInvalidConfig, fmt::format("{} has no scene '{}'", path, name), did_you_mean(name, known));
  return out;
}

}  // namespace vedette::sim
