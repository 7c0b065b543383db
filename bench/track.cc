#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "vedette/track/tracker.h"

/// Microseconds of one Tracker::update with 50 objects in the frame, for every algorithm. Not one of the promises: it
/// shows that tracking costs next to nothing beside detection.
namespace {

namespace track = vedette::track;
using vedette::Box;
using vedette::Duration;
using vedette::Object;
using vedette::Point;
using vedette::thread_cpu_time;
using vedette::to_seconds;

constexpr size_t kObjects = 50;
constexpr int kFrames = 2000;

/// Objects that walk about and bounce off the frame's edges; one in ten is not detected, boxes and scores are noisy.
std::vector<std::vector<Object>> walk() {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> place(0, 1), noise(-1, 1);
  std::vector<Box> boxes;
  std::vector<Point> speeds;
  for (size_t i = 0; i < kObjects; ++i) {
    boxes.push_back({place(random) * 1880, place(random) * 980, 40, 100});
    speeds.push_back({noise(random) * 4, noise(random) * 4});
  }
  std::vector<std::vector<Object>> frames(kFrames);
  for (auto& frame : frames) {
    for (size_t i = 0; i < kObjects; ++i) {
      Box& b = boxes[i];
      if (b.x + speeds[i].x < 0 || b.x + speeds[i].x > 1880) speeds[i].x = -speeds[i].x;
      if (b.y + speeds[i].y < 0 || b.y + speeds[i].y > 980) speeds[i].y = -speeds[i].y;
      b.x += speeds[i].x;
      b.y += speeds[i].y;
      if (place(random) < 0.1f) continue;
      Object o;
      o.box = {b.x + noise(random), b.y + noise(random), b.width + noise(random), b.height + noise(random)};
      o.score = 0.2f + 0.8f * place(random);
      frame.push_back(o);
    }
  }
  return frames;
}

}  // namespace

int main(int argc, char** argv) {
  const auto frames = walk();
  nlohmann::ordered_json json;
  std::printf("%-16s %12s\n", "algorithm", "us/update");
  for (const auto& [name, algorithm] :
       std::vector<std::pair<std::string, track::Algorithm>>{{"centroid", track::Algorithm::kCentroid},
                                                             {"centroid_kalman", track::Algorithm::kCentroidKalman},
                                                             {"iou", track::Algorithm::kIou},
                                                             {"sort", track::Algorithm::kSort},
                                                             {"bytetrack", track::Algorithm::kByteTrack},
                                                             {"botsort", track::Algorithm::kBotSort}}) {
    track::TrackerOptions options;
    options.algorithm = algorithm;
    const auto tracker = track::make_tracker(options);
    const Duration before = thread_cpu_time();
    for (const auto& frame : frames) tracker->update(frame, {1920, 1080, 1, {}});
    const double us = to_seconds(thread_cpu_time() - before) * 1e6 / kFrames;
    std::printf("%-16s %12.1f\n", name.c_str(), us);
    json[name + "_us_per_update"] = us;
  }
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::string(argv[i]) == "--json") std::ofstream(argv[i + 1]) << json.dump(2) << "\n";
  }
}
