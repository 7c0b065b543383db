#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vedette/base/time.h"

namespace vedette::node {

/// What a core of speed 1 takes for the loop of measure_core_speed(), in seconds: one core of the machine on which the
/// figures of docs/benchmarks.md were made.
inline constexpr double kReferenceLoopSeconds = 3.0e-3;

/// How fast one core is against the reference: the best of five runs of a fixed loop of integer mixing and of
/// multiply-adds on vectors, some 20 ms in all. CPU time of the thread is measured, so that a busy machine or a quota
/// changes little.
double measure_core_speed();

/// The machine as this process may use it: cores by affinity and cgroup quota (v1 and v2, of the process's own group
/// and those above), memory by cgroup limit. Not thread-safe.
class Machine {
 public:
  struct Load {
    double cpu = 0;          ///< cores in use by this process, since the last call
    double machine_cpu = 0;  ///< … by everything on the machine, what other guests steal included
    double memory_used_bytes = 0;  ///< resident, of this process
  };

  /// `root` stands for "/" where /proc and /sys are looked for.
  explicit Machine(std::string root = "");
  double cores() const { return cores_; }
  double memory_bytes() const { return memory_bytes_; }
  /// Zero CPU at the first call.
  Load load(MonotonicTime now);

 private:
  std::string read(const std::string& path) const;
  /// The least value that the files `name` of a controller's groups give.
  std::optional<double> least(std::string_view controller, double (*value)(const Machine&, const std::string& folder));

  const std::string root_;
  double cores_ = 1;
  double memory_bytes_ = 0;
  std::optional<MonotonicTime> last_;
  double last_process_seconds_ = 0;
  double last_machine_seconds_ = 0;
};

/// Seconds of CPU time that a /proc/stat says were not idle, over all cores.
double busy_seconds(std::string_view proc_stat, double ticks_per_second);

}  // namespace vedette::node
