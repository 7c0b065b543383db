#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "vedette/framelog/bounds.h"
#include "vedette/framelog/bounds_pi.h"
#include "vedette/framelog/channel_share.h"

/// A wireless channel that cameras share, in simulated time, and the cameras on it. Every random thing is drawn by the
/// scenario's seed and the frame's number alone, so that all policies meet the same frames, fades and stalls.
namespace bench_bounds {

namespace fl = vedette::framelog;

struct Camera {
  std::shared_ptr<const fl::KnobTable> table;
  std::string table_name;
};

struct Scenario {
  std::string name;
  std::vector<Camera> cameras;
  double fps = 10;
  double seconds = 60;
  double accuracy = 0.95;
  double bound_ms = 100;
  std::function<double(double)> mbps;  ///< the channel's rate at a time, were one camera to send
  double contention = 0.175;           ///< n senders at once carry rate / (1 + contention · (n − 1)) in all
  double base_ms = 2;
  double jitter_ms = 1.5;       ///< mean of an exponential
  double stalls = 0.003;        ///< share of frames that wait 10-25 ms more (retries)
  double fading = 0.1;          ///< sd of log rate, correlated over 0.2 s
  double frame_loss = 0;        ///< frames that are sent whole and never come
  double feedback_loss = 0;
  double feedback_ms = 3;
  double size_sd = 0.08;        ///< of log size within a scene, AR(1) with 0.9
  std::function<double(double)> scene;  ///< factor on all sizes; null: 1
  bool compute = false;         ///< inference and knobs take the table's times, and count
  uint64_t seed = 1;
  std::vector<double> steps_s;  ///< when `mbps` or `scene` step; for "steady" counts
  bool promised = true;         ///< counts for the promise
};

/// What stands at the sender: a policy, or a fixed budget of bytes a frame.
struct Contender {
  std::string name;
  std::string policy;              ///< for make_bounds_policy; empty: fixed
  bool share = false;              ///< with a ChannelShare at the server
  bool can_abandon = false;
  double budget_bytes = 0;         ///< fixed: the best F1 within the accuracy whose mean is at most this
  fl::PiBounds::Settings pi;
};

struct FrameRecord {
  double captured_s = 0;
  double latency_ms = std::numeric_limits<double>::infinity();  ///< infinite: dropped, skipped, lost, abandoned
  double f1 = 0;
  uint32_t combination = 0;
  bool sent = false;  ///< the policy wanted it sent
};
struct Report {
  double at_s = 0;
  bool feasible = true;
};
struct CameraRun {
  std::vector<FrameRecord> frames;
  std::vector<Report> reports;  ///< changes of Decision::feasible
  bool below_accuracy = false;  ///< a combination below the accuracy bound was chosen though others exist
};

/// A camera with one of Mez's tables ("jaad_simple", …), from ../shared or $VEDETTE_SHARED, or with "vtest", our own
/// profile of vtest.avi (bench/data/vtest.csv says by which command it was made).
Camera camera(const std::string& table);
/// The file of such a table.
std::string table_path(const std::string& table);

/// The cases of the benchmark; `scale` shortens them.
std::vector<Scenario> scenarios(double scale);

std::vector<CameraRun> simulate(const Scenario& scenario, const Contender& contender);

}  // namespace bench_bounds
