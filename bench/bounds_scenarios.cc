#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "bounds_channel.h"
#include "vedette/base/error.h"

namespace bench_bounds {

namespace {

std::string shared_folder() {
  if (const char* set = std::getenv("VEDETTE_SHARED")) return set;
  return "../shared";
}

}  // namespace

std::string table_path(const std::string& table) {
  if (table == "vtest") return "bench/data/vtest.csv";
  return shared_folder() + "/data/knob-tables/mez_" + table + ".csv";
}

Camera camera(const std::string& table) {
  static std::map<std::string, std::shared_ptr<const fl::KnobTable>> loaded;
  auto& at = loaded[table];
  if (!at) at = std::make_shared<fl::KnobTable>(fl::KnobTable::load(table_path(table)));
  return {at, table};
}

namespace {

/// The same with times: knobs and inference as paper 004's Figure 17 shapes them, by resolution (milliseconds assumed).
Camera camera_with_times(const std::string& table) {
  std::vector<fl::Combination> rows;
  for (auto row : camera(table).table->rows()) {
    constexpr double kInfer[] = {45, 45, 25, 12, 8};  // 1080p, 1312×736, 960×528, 640×352, 480×256
    const size_t resolution = std::min<size_t>(row.id / 500, 4);
    row.infer_ms = kInfer[resolution];
    row.cost_ms = 4 + 1.0 * static_cast<double>(resolution);
    rows.push_back(row);
  }
  return {std::make_shared<fl::KnobTable>(std::move(rows)), table + "+times"};
}

const std::vector<std::string> kTables = {"jaad_simple", "duke_complex", "duke_simple",
                                          "jaad_medium", "duke_medium",  "jaad_complex"};

std::vector<Camera> mixed(size_t n) {
  std::vector<Camera> cameras;
  for (size_t i = 0; i < n; ++i) cameras.push_back(camera(kTables[i % kTables.size()]));
  return cameras;
}

std::function<double(double)> constant(double mbps) {
  return [mbps](double /*s*/) { return mbps; };
}

/// (second, Mbit/s) of a link trace.
std::vector<std::pair<double, double>> trace_points(int number) {
  std::ifstream file(shared_folder() + "/data/link-traces/bandwidth_limits" + std::to_string(number) + ".json");
  if (!file) throw vedette::Error(vedette::ErrorCode::kNotFound, "no link traces in " + shared_folder());
  const auto parsed = nlohmann::json::parse(file);
  std::vector<std::pair<double, double>> points;
  for (const auto& at : parsed["bandwidth_limits"]) points.emplace_back(at["time"], at["mbps"]);
  return points;
}

std::function<double(double)> trace(int number) {
  return [points = trace_points(number)](double s) {
    double rate = points.front().second;
    for (const auto& [from, mbps] : points) rate = s >= from ? mbps : rate;
    return rate;
  };
}

std::vector<double> trace_steps(int number) {
  std::vector<double> steps;
  for (const auto& [from, mbps] : trace_points(number)) steps.push_back(from);
  return steps;
}

}  // namespace

std::vector<Scenario> scenarios(double scale) {
  std::vector<Scenario> all;
  const auto add = [&](Scenario scenario) {
    scenario.seconds = std::max(40.0, scenario.seconds * scale);
    scenario.seed = 100 + all.size();
    all.push_back(std::move(scenario));
  };
  for (const auto& table : kTables) {
    Scenario one;
    one.name = "1 camera " + table + ", 45 Mbit/s";
    one.cameras = {camera(table)};
    one.mbps = constant(45);
    one.seconds = 120;
    add(one);
  }
  for (const size_t n : {1, 2, 3, 4, 5}) {
    for (const char* set : {"jaad_complex", "duke_simple"}) {
      Scenario paper;
      paper.name = std::to_string(n) + " cameras " + set + ", 802.11ac, 5 fps";
      paper.cameras.assign(n, camera(set));
      paper.fps = 5;
      paper.mbps = constant(191);  // Table 1: 1.74 MB in 72.72 ms
      paper.seconds = 180;
      add(paper);
    }
  }
  for (const size_t n : {5, 8, 16, 32}) {
    Scenario many;
    many.name = std::to_string(n) + " cameras mixed, " + (n > 5 ? "802.11ax" : "802.11ac") + ", 5 fps";
    many.cameras = mixed(n);
    many.fps = 5;
    many.mbps = constant(n > 5 ? 900 : 191);
    many.contention = n > 5 ? 0.03 : 0.175;
    many.seconds = 120;
    add(many);
  }
  for (int number = 1; number <= 12; ++number) {
    Scenario walk;
    walk.name = "1 camera, link trace " + std::to_string(number);
    walk.cameras = {camera(kTables[static_cast<size_t>(number) % kTables.size()])};
    walk.mbps = trace(number);
    walk.seconds = 900;
    walk.steps_s = trace_steps(number);
    add(walk);
  }
  for (const int number : {6, 9}) {
    Scenario walk;
    walk.name = "5 cameras mixed, link trace " + std::to_string(number);
    walk.cameras = mixed(5);
    walk.fps = 5;
    walk.mbps = trace(number);
    walk.seconds = 600;
    walk.steps_s = trace_steps(number);
    add(walk);
  }
  Scenario scene;
  scene.name = "1 camera, scene grows 1.8 ×";
  scene.cameras = {camera("jaad_simple")};
  scene.mbps = constant(60);
  scene.seconds = 120;
  scene.scene = [](double s) { return std::fmod(s, 40) < 20 ? 1.0 : 1.8; };
  for (int s = 20; s < 120; s += 20) scene.steps_s.push_back(s);
  add(scene);
  Scenario lossy;
  lossy.name = "1 camera, feedback 80 ms late, 20 % lost";
  lossy.cameras = {camera("duke_simple")};
  lossy.mbps = constant(45);
  lossy.seconds = 120;
  lossy.feedback_ms = 80;
  lossy.feedback_loss = 0.2;
  add(lossy);
  Scenario neighbour;
  neighbour.name = "1 camera, 10 × interference each 10 s";
  neighbour.cameras = {camera("jaad_simple")};
  neighbour.mbps = [](double s) { return std::fmod(s, 20) < 10 ? 250.0 : 25.0; };
  neighbour.seconds = 180;
  for (int s = 10; s < 180; s += 10) neighbour.steps_s.push_back(s);
  add(neighbour);
  Scenario compute;
  compute.name = "1 camera, inference counted";
  compute.cameras = {camera_with_times("jaad_simple")};
  compute.mbps = constant(60);
  compute.compute = true;
  compute.seconds = 120;
  add(compute);
  // vtest.avi, 768×576: the smallest of its combinations within the accuracy is 13 times smaller than the largest.
  for (const size_t n : {1, 3, 5}) {
    Scenario yard;
    yard.name = std::to_string(n) + " cameras vtest, 12 Mbit/s";
    yard.cameras.assign(n, camera("vtest"));
    yard.mbps = constant(12);
    yard.seconds = 120;
    add(yard);
  }
  Scenario yard = neighbour;
  yard.name = "1 camera vtest, 10 × interference each 10 s";
  yard.cameras = {camera("vtest")};
  yard.mbps = [](double s) { return std::fmod(s, 20) < 10 ? 20.0 : 2.0; };
  add(yard);
  return all;
}

}  // namespace bench_bounds
