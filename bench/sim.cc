#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "vedette/base/time.h"
#include "vedette/sim/simulation.h"

/// The promise: 1,000 nodes × 10 cameras × 3 applications simulate ten minutes in under a minute, on one core. Besides
/// it, what frame by frame costs, for 500 cameras. `--seconds N` simulates another time than ten minutes.
namespace {

namespace sim = vedette::sim;

struct Run {
  const char* name;
  const char* yaml;
};

constexpr const char* kApplications = R"(
applications:
  - name: people
    each_node: true
    latency_p95_ms: 300
    min_fps: 12
    lower_fps: [12, 8]
    modules:
      - {name: detect, cost_ms: 25, reads: picture, model: nanodet-g-320}
      - {name: track, inputs: [detect], cost_ms: 0.4, per_object_ms: 0.05, scope: per_stream}
      - {name: out, type: jsonl, inputs: [track], cost_ms: 0.1, scope: global, sink: true}
  - name: count
    each_node: true
    modules:
      - {name: detect, cost_ms: 25, reads: picture, model: nanodet-g-320}
      - {name: zones, inputs: [detect], cost_ms: 0.1, scope: per_stream}
      - {name: out, type: mqtt, inputs: [zones], cost_ms: 0.1, scope: global, sink: true}
  - name: alarm
    each_node: true
    priority: 80
    latency_p95_ms: 200
    modules:
      - {name: motion, cost_ms: 1, reads: picture, scope: per_stream}
      - {name: out, type: webhook, inputs: [motion], cost_ms: 0.1, scope: global, sink: true}
events:
  - {every_s: 150, what: kill_node, for_s: 60}
controller: {report_s: 1, supervise_s: 5}
)";

constexpr Run kRuns[] = {
    {"1,000 nodes × 10 cameras × 3 applications, slots",
     "nodes: [{name: box, count: 1000, cores: 8}]\ncameras: [{name: cam, count: 10, on: box-*}]\n"},
    {"50 nodes × 10 cameras × 3 applications, frames",
     "nodes: [{name: box, count: 50, cores: 8}]\ncameras: [{name: cam, count: 10, on: box-*}]\n"},
    {"50 nodes × 10 cameras × 3 applications, slots",
     "mode: slots\nnodes: [{name: box, count: 50, cores: 8}]\ncameras: [{name: cam, count: 10, on: box-*}]\n"},
};

}  // namespace

int main(int argc, char** argv) {
  double seconds = 600;
  std::string json_path;
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::string(argv[i]) == "--seconds") seconds = std::stod(argv[i + 1]);
    if (std::string(argv[i]) == "--json") json_path = argv[i + 1];
  }
  nlohmann::ordered_json json;
  std::printf("%-52s %10s %10s %12s %12s\n", "fleet", "simulated", "CPU s", "× real time", "frames/s");
  for (const auto& run : kRuns) {
    sim::FleetFile file = sim::read_fleet(vedette::parse_config(std::string(run.yaml) + kApplications, "bench"), ".");
    file.duration_s = seconds;
    const vedette::Duration before = vedette::thread_cpu_time();
    const sim::Result result = sim::Simulation(std::move(file)).run();
    const double cpu = vedette::to_seconds(vedette::thread_cpu_time() - before);
    std::printf("%-52s %8.0f s %10.1f %12.1f %12.0f\n", run.name, result.seconds, cpu, result.seconds / cpu,
                result.frames / cpu);
    json[run.name] = {{"simulated_s", result.seconds},
                      {"cpu_s", cpu},
                      {"times_real", result.seconds / cpu},
                      {"frames", result.frames},
                      {"p95_ms", result.p95_ms},
                      {"violations", result.violations.size()}};
    for (const auto& violation : result.violations) std::printf("  broken: %s\n", violation.c_str());
  }
  if (!json_path.empty()) std::ofstream(json_path) << json.dump(2) << "\n";
}
