#include "vedette/sim/environment.h"

#include <algorithm>
#include <cmath>

namespace vedette::sim {
namespace {

uint64_t pair_of(int a, int b) { return static_cast<uint64_t>(a) << 32 | static_cast<uint32_t>(b); }

constexpr double kUnknownBandwidth = 125e6;  // a rule is there for every pair, mostly
constexpr double kUnknownRtt = 0.001;

}  // namespace

Environment::Environment(const World& world, uint64_t seed) : world_(world) {
  const size_t cameras = world.cameras().size();
  objects_.assign(cameras, 0);
  crowd_.assign(cameras, 1);
  off_until_.assign(cameras, 0);
  for (size_t i = 0; i < cameras; ++i) {
    random_.emplace_back(seed, 1, i);
    camera_index_.emplace(world.cameras()[i].key, static_cast<int>(i));
  }
  update(0);
}

void Environment::update(Nanos now) {
  now_ = now;
  const double seconds = seconds_of(now);
  for (size_t i = 0; i < objects_.size(); ++i) {
    const CameraSpec& camera = world_.cameras()[i];
    if (camera.scene >= 0) {
      const Scene& scene = world_.scenes()[static_cast<size_t>(camera.scene)];
      // Cameras of one scene see it at different times.
      objects_[i] = scene[(static_cast<size_t>(seconds) + i * 97) % scene.size()];
    } else {
      objects_[i] = static_cast<float>(camera.mean_objects * random_[i].between(0.5, 1.5));
    }
    objects_[i] *= static_cast<float>(crowd_[i]);
    if (camera.outage_every_s > 0 && off_until_[i] <= now && random_[i].chance(1 / camera.outage_every_s))
      off_until_[i] = now + to_nanos(camera.outage_s);
  }
  for (auto& link : links_) refresh(link);
}

void Environment::refresh(LinkState& link) const {
  link.bytes_per_second = kUnknownBandwidth;
  link.rtt_s = kUnknownRtt;
  if (link.rule >= 0) {
    const LinkRule& rule = world_.links()[static_cast<size_t>(link.rule)];
    link.bytes_per_second =
        rule.trace >= 0 ? world_.traces()[static_cast<size_t>(rule.trace)].at(seconds_of(now_)) : rule.bytes_per_second;
    link.rtt_s = rule.rtt_s;
    link.jitter_s = rule.jitter_s;
  }
  const std::string& from = world_.nodes()[static_cast<size_t>(link.from)].view.name;
  const std::string& to = world_.nodes()[static_cast<size_t>(link.to)].view.name;
  for (const auto& slow : slow_)
    if ((matches(slow.a, from) && matches(slow.b, to)) || (matches(slow.a, to) && matches(slow.b, from)))
      link.bytes_per_second *= slow.factor;
}

int Environment::link(int from, int to) {
  const auto [entry, added] = link_index_.try_emplace(pair_of(from, to), static_cast<int>(links_.size()));
  if (!added) return entry->second;
  LinkState link;
  link.from = from;
  link.to = to;
  const std::string& a = world_.nodes()[static_cast<size_t>(from)].view.name;
  const std::string& b = world_.nodes()[static_cast<size_t>(to)].view.name;
  for (int i = 0; const auto& rule : world_.links()) {
    if ((matches(rule.from, a) && matches(rule.to, b)) || (matches(rule.from, b) && matches(rule.to, a))) link.rule = i;
    ++i;
  }
  refresh(link);
  links_.push_back(link);
  return entry->second;
}

void Environment::slow(const std::string& a, const std::string& b, double factor) {
  std::erase_if(slow_, [&](const Slow& each) { return each.a == a && each.b == b; });
  if (factor != 1) slow_.push_back({a, b, factor});
  for (auto& link : links_) refresh(link);
}

}  // namespace vedette::sim
