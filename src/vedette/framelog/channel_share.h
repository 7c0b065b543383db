#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "vedette/framelog/bounds.h"
#include "vedette/framelog/latency_model.h"

namespace vedette::framelog {

/// Divides one wireless channel between the cameras that send over it; lives at the server, which hears all of them.
/// Cameras that decide alone each see a channel that the others change, go up together and come down together. The
/// share lets them go up in turn: from what each needs (bytes a frame, frames a second) and how fast its frames come,
/// it predicts every camera's latency for a division of the channel, and takes the division with the least loss of F1
/// in all, found by giving up, step by step, the quality that costs least F1 for the bytes it saves (water-filling over
/// the concave hull of each table), until every camera fits. A camera's own policy stays in charge below its limit, so
/// a lost limit or a dead server costs quality or smoothness, never the bound.
///
/// The channel is taken as shared in turn (processor sharing): a camera's rate is what the channel carries less what
/// the others put on it, 1 / per_byte = capacity − Σ others' load.
///
/// Pure; calls from one thread, times do not go backwards.
class ChannelShare {
 public:
  static constexpr size_t kMostCameras = 256;

  struct Arrival {
    uint64_t camera = 0;
    uint32_t combination = 0;
    size_t bytes = 0;
    MonotonicTime at;      ///< when the frame was whole, the server's clock
    Duration network{};    ///< as in Feedback
    Duration compute{};    ///< as in Feedback
  };
  struct Limit {
    uint64_t camera = 0;
    double bytes = 0;  ///< for BoundsPolicy::limit; 0: none
  };

  /// A camera whose frames come over this channel; replaces one of the same number. Throws Error (kExhausted) beyond
  /// kMostCameras, and as check() does.
  void add(uint64_t camera, std::shared_ptr<const KnobTable> table, const Bounds& bounds);
  void remove(uint64_t camera) { cameras_.erase(camera); }
  void arrived(const Arrival& arrival);
  /// The limits as of now, one a camera. Computed anew at most each 250 ms; cheap otherwise. Alone, a camera has none.
  std::vector<Limit> limits(MonotonicTime now);

 private:
  struct Camera {
    std::shared_ptr<const KnobTable> table;
    Bounds bounds;
    std::vector<size_t> hull;  // rows within the accuracy on the concave hull of (load, F1), by rising load
    size_t step = 0;           // of the hull: what it is allowed
    size_t row = 0;            // what it sends
    LatencyModel link;
    ScaleModel sizes;
    LastValues<32> gaps_ms;
    double compute_ms = 0;
    MonotonicTime last_sent;
    MonotonicTime last_at;
    bool active = false;
  };
  using Division = std::map<uint64_t, size_t>;  // camera → step of its hull
  struct Plan {
    Division division;
    Division before_last_step;  // the next better one that does not fit
    double f1 = 0;
  };

  static double bytes_at(const Camera& camera, size_t step);
  static double load_at(const Camera& camera, size_t step);  // bytes a ms
  double load_now(const Camera& camera) const;
  double load_of(const Division& division) const;
  bool fits(const Camera& camera, size_t step, double others_more, double within) const;
  Plan plan(double within) const;
  bool all_fit(const Division& division, double within) const;
  void adopt(const Division& division, MonotonicTime now, bool exploring);

  std::map<uint64_t, Camera> cameras_;
  MonotonicTime computed_;
  MonotonicTime changed_;
  MonotonicTime links_change_;
  bool went_up_ = false;
  bool exploring_ = false;
  double held_load_ = 0;  // divisions of at least this load failed lately
  MonotonicTime held_until_;
  Duration hold_{};
  Duration explore_after_ = std::chrono::seconds(5);
};

}  // namespace vedette::framelog
