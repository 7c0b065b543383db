#include "vedette/sim/engine.h"

namespace vedette::sim {

const char* name_of(Drop drop) {
  static constexpr std::array<const char*, kDrops> kNames = {"superseded", "queue_full", "no_room",   "gated",
                                                             "rate",       "stopped",    "node_died", "link_full",
                                                             "link_lost",  "no_reader"};
  return kNames[static_cast<size_t>(drop)];
}

Engine::Engine(const World& world, Environment& environment, const Wiring& wiring)
    : world_(world), environment_(environment), wiring_(wiring) {
  alive_.assign(world.nodes().size(), 0);
  node_stats_.resize(world.nodes().size());
  stream_stats_.resize(world.cameras().size());
}

const LinkStats& Engine::link(int i) const {
  static const LinkStats kNothing;
  return static_cast<size_t>(i) < link_stats_.size() ? link_stats_[static_cast<size_t>(i)] : kNothing;
}

void Engine::rewire_stats() {
  std::vector<LaneStats> lanes(wiring_.lanes().size());
  for (size_t i = 0; i < lanes.size(); ++i)
    if (const int old = wiring_.lane_was()[i]; old != kNone) lanes[i] = lane_stats_[static_cast<size_t>(old)];
  lane_stats_ = std::move(lanes);
  link_stats_.resize(environment_.links().size());
  application_stats_.resize(wiring_.applications().size());
}

}  // namespace vedette::sim
