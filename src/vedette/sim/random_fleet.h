#pragma once

#include <fmt/format.h>

#include <string>

#include "vedette/plan/wish.h"
#include "vedette/sim/fleet_file.h"
#include "vedette/sim/random.h"

namespace vedette::sim {

/// A small fleet with everything that may happen to one, made from a seed: for tests that look for what must never be.
inline FleetFile random_fleet(uint64_t seed) {
  Random dice(seed, 100);
  FleetFile file;
  file.name = fmt::format("random-{}", seed);
  file.seed = seed;
  file.duration_s = dice.between(30, 90);
  file.mode = dice.chance(0.3) ? Mode::kSlots : Mode::kFrames;
  const int nodes = 1 + static_cast<int>(dice.below(6));
  file.nodes.push_back({.name = "box",
                        .count = nodes,
                        .cores = dice.between(0.5, 6),
                        .speed = dice.between(0.4, 2),
                        .memory_gb = 8,
                        .joins_at_s = 0,
                        .labels = {}});
  if (dice.chance(0.3))
    file.nodes.push_back({.name = "late",
                          .count = 1,
                          .cores = 4,
                          .speed = 1,
                          .memory_gb = 8,
                          .joins_at_s = dice.between(5, 20),
                          .labels = {}});
  LinksOf links;
  links.mbps = dice.chance(0.3) ? dice.between(5, 50) : 1000;
  links.rtt_ms = dice.between(0.1, 30);
  links.jitter_ms = dice.chance(0.5) ? dice.between(0, 3) : 0;
  file.links.push_back(links);
  CamerasOf cameras;
  cameras.name = "cam";
  cameras.count = 1 + static_cast<int>(dice.below(8));
  cameras.fps = dice.between(4, 25);
  cameras.jitter_ms = dice.between(0, 5);
  cameras.mean_objects = dice.between(0, 8);
  if (dice.chance(0.3)) cameras.on = "box*";
  if (!cameras.on.empty()) cameras.count = 1 + static_cast<int>(dice.below(3));
  if (dice.chance(0.2)) cameras.outage_every_s = 30;
  file.cameras.push_back(cameras);
  const size_t applications = 1 + dice.below(4);
  for (size_t a = 0; a < applications; ++a) {
    ApplicationsOf application;
    application.name = fmt::format("app{}", a);
    application.each_camera = dice.chance(0.3);
    application.tenant = dice.chance(0.5) ? "north" : "south";
    application.priority = static_cast<int>(dice.below(4)) * 25;
    application.share = dice.chance(0.8);
    application.starts = a == 0 || dice.chance(0.8);
    if (dice.chance(0.7)) application.latency_p95_ms = dice.between(60, 800);
    if (dice.chance(0.5)) application.min_fps = cameras.fps * dice.between(0.3, 1);
    if (dice.chance(0.5))
      application.lower_fps = {fmt::format("{:.1f}", cameras.fps * 0.6), fmt::format("{:.1f}", cameras.fps * 0.3)};
    const size_t modules = 1 + dice.below(4);
    std::vector<std::string> before{plan::kSource};
    for (size_t m = 0; m < modules; ++m) {
      ModuleOf module;
      module.name = fmt::format("m{}", m);
      module.type = m == 0 ? "detect" : dice.chance(0.5) ? "track" : "roi";
      module.inputs = {before[dice.chance(0.7) ? before.size() - 1 : dice.below(before.size())]};
      if (before.size() > 2 && dice.chance(0.2))
        module.inputs.push_back(before[1] == module.inputs[0] ? before[2] : before[1]);
      module.cost_ms = m == 0 ? 20 : dice.between(0.1, 8);
      module.per_object_ms = dice.chance(0.3) ? dice.between(0, 1) : 0;
      module.scope = m == 0 ? 0 : static_cast<int>(dice.below(3));
      module.reads = m == 0 ? 2 : static_cast<int>(dice.below(3));
      module.passes = dice.chance(0.15) ? 0.7 : 1;
      module.queue = 1 + static_cast<int>(dice.below(8));
      module.when_full = static_cast<WhenFull>(dice.below(3));
      if (m == 0) {
        module.model = "big";
        module.when_full = WhenFull::kLatest;
        module.passes = 1;
        if (dice.chance(0.4)) module.cheaper = {{.model = "small", .cost_ms = 8}};
      }
      before.push_back(module.name);
      application.modules.push_back(module);
    }
    ModuleOf out;
    out.name = "out";
    out.type = "jsonl";
    out.inputs = {before.back()};
    out.cost_ms = 0.1;
    out.scope = 2;
    out.sink = true;
    out.queue = 32;
    out.when_full = dice.chance(0.5) ? WhenFull::kBlock : WhenFull::kDropOldest;
    application.modules.push_back(out);
    file.applications.push_back(application);
  }
  static constexpr Happening kKinds[] = {Happening::kKillNode,          Happening::kDrainNode,
                                         Happening::kKillController,    Happening::kAddApplication,
                                         Happening::kRemoveApplication, Happening::kChangeApplication,
                                         Happening::kSlowLink,          Happening::kCrowd,
                                         Happening::kCameraOutage};
  file.controller.effort = 20'000;  // what is looked for here is not the best placement
  const size_t events = dice.below(5);
  for (size_t e = 0; e < events; ++e) {
    EventOf event;
    event.what = kKinds[dice.below(std::size(kKinds))];
    if (dice.chance(0.5))
      event.every_s = dice.between(5, 30);
    else
      event.at_s = dice.between(5, file.duration_s);
    if (dice.chance(0.7)) event.for_s = dice.between(1, 20);
    event.factor = event.what == Happening::kSlowLink ? dice.between(0.01, 0.5) : dice.between(1, 5);
    file.events.push_back(event);
  }
  return file;
}

}  // namespace vedette::sim
