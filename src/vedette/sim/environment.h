#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "vedette/sim/event_queue.h"
#include "vedette/sim/world.h"

namespace vedette::sim {

struct LinkState {
  int from = 0, to = 0;       ///< nodes
  double bytes_per_second = 0;
  double rtt_s = 0;
  double jitter_s = 0;
  int rule = -1;              ///< index into World::links; -1: none fits
};

/// What no program decides: how many objects are before a camera, whether it gives pictures, what links can carry.
/// Looked at once a simulated second.
class Environment {
 public:
  Environment(const World& world, uint64_t seed);

  void update(Nanos now);
  /// Objects in a frame of a camera, and whether it gives any.
  const std::vector<float>& objects() const { return objects_; }
  bool off(int camera) const { return off_until_[static_cast<size_t>(camera)] > now_; }
  int camera(const std::string& key) const { return camera_index_.at(key); }

  int link(int from, int to);  ///< its number; made when it is first asked for
  const std::vector<LinkState>& links() const { return links_; }

  void crowd(int camera, double factor) { crowd_[static_cast<size_t>(camera)] = factor; }
  void outage(int camera, Nanos until) { off_until_[static_cast<size_t>(camera)] = until; }
  /// Bandwidth between nodes of these names, both ways, is multiplied; until it is multiplied by 1 again.
  void slow(const std::string& a, const std::string& b, double factor);
  bool slowed() const { return !slow_.empty(); }

 private:
  void refresh(LinkState& link) const;

  const World& world_;
  Nanos now_ = 0;
  std::vector<float> objects_;
  std::vector<double> crowd_;
  std::vector<Nanos> off_until_;
  std::vector<Random> random_;
  std::unordered_map<std::string, int> camera_index_;
  std::vector<LinkState> links_;
  std::unordered_map<uint64_t, int> link_index_;
  struct Slow {
    std::string a, b;
    double factor = 1;
  };
  std::vector<Slow> slow_;
};

}  // namespace vedette::sim
