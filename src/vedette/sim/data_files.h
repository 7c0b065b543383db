#pragma once

#include <string>
#include <vector>

#include "vedette/sim/world.h"

namespace vedette::sim {

/// {"bandwidth_limits": [{"time": seconds, "mbps": …}, …]}, times rising. Throws Error(kNotFound | kInvalidConfig).
Trace load_trace(const std::string& path);

/// {scene: {class: [count, …], …}, …}: of one scene, or of all when `name` is empty, the counts of all classes
/// together. Throws Error(kNotFound | kInvalidConfig), for an unknown scene with the nearest one.
std::vector<Scene> load_scenes(const std::string& path, const std::string& name);

}  // namespace vedette::sim
