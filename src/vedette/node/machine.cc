#include "vedette/node/machine.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <limits>
#include <sstream>
#include <vector>

namespace vedette::node {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();
constexpr double kLargestLimit = 0x1p60;  // cgroup v1 writes "no limit" as a number near 2^63

/// First number of a text; `otherwise` when it begins with none ("max").
double number(const std::string& text, double otherwise) {
  std::istringstream in(text);
  double value = 0;
  return in >> value ? value : otherwise;
}

double affinity_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));
  return CPU_COUNT(&set);
}

// A debug build measures the same machine, not its own slowness.
#if defined(__GNUC__) && !defined(__clang__)
#define VEDETTE_ALWAYS_OPTIMISED __attribute__((optimize("O2")))
#else
#define VEDETTE_ALWAYS_OPTIMISED
#endif

/// A fixed amount of work; what comes out depends on all of it.
VEDETTE_ALWAYS_OPTIMISED uint64_t loop() {
  constexpr size_t kFloats = 1024, kRounds = 15000;
  float values[kFloats];
  for (size_t i = 0; i < kFloats; ++i) values[i] = static_cast<float>(i % 17) * 0.01f;
  uint64_t mixed = 0x9e3779b97f4a7c15u;
  for (size_t round = 0; round < kRounds; ++round) {
    const float scale = 0.5f + static_cast<float>(mixed & 0xff) * 0x1p-10f;
    for (float& value : values) value = value * scale + 0.25f;
    for (size_t i = 0; i < 64; ++i) {
      mixed ^= mixed >> 30;
      mixed *= 0xbf58476d1ce4e5b9u;
      mixed ^= mixed >> 27;
    }
    mixed += static_cast<uint64_t>(values[round % kFloats] * 1000.0f);
  }
  return mixed;
}

struct Group {
  std::string controllers;  // empty: v2
  std::string path;
};

std::vector<Group> groups_of(const std::string& proc_cgroup) {
  std::vector<Group> groups;
  std::istringstream in(proc_cgroup);
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    Group group{line.substr(first + 1, second - first - 1), line.substr(second + 1)};
    if (group.path.starts_with('/')) groups.push_back(std::move(group));
  }
  return groups;
}

bool lists(std::string_view controllers, std::string_view one) {
  for (size_t at = 0; at <= controllers.size();) {
    const auto comma = std::min(controllers.find(',', at), controllers.size());
    if (controllers.substr(at, comma - at) == one) return true;
    at = comma + 1;
  }
  return false;
}

}  // namespace

double measure_core_speed() {
  volatile uint64_t sink = 0;
  double best = kNoLimit;
  for (int i = 0; i < 5; ++i) {
    const Duration before = thread_cpu_time();
    sink = sink + loop();
    best = std::min(best, to_seconds(thread_cpu_time() - before));
  }
  return kReferenceLoopSeconds / std::max(best, 1e-6);
}

double busy_seconds(std::string_view proc_stat, double ticks_per_second) {
  std::istringstream in{std::string(proc_stat.substr(0, proc_stat.find('\n')))};
  std::string name;
  in >> name;
  if (name != "cpu") return 0;
  // user nice system idle iowait irq softirq steal; guests are in user already (proc(5)).
  std::array<double, 8> ticks{};
  for (auto& t : ticks)
    if (!(in >> t)) t = 0;
  return (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7]) / ticks_per_second;
}

Machine::Machine(std::string root) : root_(std::move(root)) {
  cores_ = affinity_cores();
  const auto quota = least("cpu", [](const Machine& self, const std::string& folder) {
    const std::string v2 = self.read(folder + "/cpu.max");
    std::istringstream in(v2);
    double most = 0, period = 0;
    if (in >> most >> period && period > 0) return most / period;
    most = number(self.read(folder + "/cpu.cfs_quota_us"), -1);
    period = number(self.read(folder + "/cpu.cfs_period_us"), 0);
    return most > 0 && period > 0 ? most / period : kNoLimit;
  });
  if (quota) cores_ = std::min(cores_, *quota);

  std::istringstream meminfo(read("/proc/meminfo"));
  for (std::string key, unit; meminfo >> key;) {
    double kilobytes = 0;
    meminfo >> kilobytes;
    std::getline(meminfo, unit);
    if (key == "MemTotal:") memory_bytes_ = kilobytes * 1024;
  }
  const auto limit = least("memory", [](const Machine& self, const std::string& folder) {
    const double bytes = std::min(number(self.read(folder + "/memory.max"), kNoLimit),
                                  number(self.read(folder + "/memory.limit_in_bytes"), kNoLimit));
    return bytes < kLargestLimit ? bytes : kNoLimit;
  });
  if (limit && (memory_bytes_ == 0 || *limit < memory_bytes_)) memory_bytes_ = *limit;
}

std::optional<double> Machine::least(std::string_view controller,
                                     double (*value)(const Machine&, const std::string& folder)) {
  double least = kNoLimit;
  for (const auto& group : groups_of(read("/proc/self/cgroup"))) {
    const bool v2 = group.controllers.empty();
    if (!v2 && !lists(group.controllers, controller)) continue;
    const std::string mount = v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/" + std::string(controller);
    // In a container the path may be one of the host's, which is not to be seen here; what is seen then is the mount.
    for (std::string path = group.path; !path.empty() && path != "/"; path.resize(path.rfind('/')))
      least = std::min(least, value(*this, mount + path));
    least = std::min(least, value(*this, mount));
  }
  return std::isfinite(least) ? std::optional(least) : std::nullopt;
}

std::string Machine::read(const std::string& path) const {
  std::ifstream file(root_ + path);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  return text;
}

Machine::Load Machine::load(MonotonicTime now) {
  timespec spent{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  const double process = static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
  const double machine = busy_seconds(read("/proc/stat"), static_cast<double>(::sysconf(_SC_CLK_TCK)));
  Load load;
  if (last_ && now > *last_) {
    const double elapsed = to_seconds(now - *last_);
    load.cpu = std::max(0.0, process - last_process_seconds_) / elapsed;
    load.machine_cpu = std::max(0.0, machine - last_machine_seconds_) / elapsed;
  }
  last_ = now;
  last_process_seconds_ = process;
  last_machine_seconds_ = machine;
  std::istringstream statm(read("/proc/self/statm"));
  double pages = 0, resident = 0;
  if (statm >> pages >> resident) load.memory_used_bytes = resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
  return load;
}

}  // namespace vedette::node
