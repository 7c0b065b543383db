#pragma once

#include <vector>

#include "bounds_channel.h"

/// What the figures of docs/bounds.md are: of runs in simulated time and of real ones.
namespace bench_bounds {

/// Share of a camera's frames captured in [from, to) that were in time; negative when there were none.
double in_time(const CameraRun& run, double from, double to, double bound_ms);

/// What is possible, camera by camera and second by second, found by sending at every fixed budget of bytes.
struct Oracle {
  std::vector<std::vector<double>> best_f1;  // [camera][second]; 0: nothing keeps the bounds
};
Oracle oracle(const Scenario& scenario);

struct Figures {
  double p50_ms = 0, p95_ms = 0;
  double held = 0;          // of the feasible windows
  double in_time = 0;       // of the frames of feasible seconds
  double loss = 0;          // against untouched frames, while feasible
  double loss_oracle = 0;   // against the oracle
  double switches = 0;      // a minute and camera, when nothing steps
  double false_alarms = 0;  // share of feasible seconds reported infeasible
  double windows = 0;
  bool below_accuracy = false;
};
Figures measure(const Scenario& scenario, const Oracle& best, const std::vector<CameraRun>& runs);

/// A feasible window in which too many frames were late.
struct Missed {
  size_t camera = 0;
  double from_s = 0;
};
std::vector<Missed> missed(const Scenario& scenario, const Oracle& best, const std::vector<CameraRun>& runs);

/// Seconds from `step_s` until frames are in time again for two seconds, from the first of those frames' capture.
double settling(const CameraRun& run, double step_s, double bound_ms);

/// Seconds from an improvement until the F1 is within 0.5 % of what it will be.
double recovery(const CameraRun& run, double step_s, double f1);

double at_quantile(std::vector<double> values, double q);

}  // namespace bench_bounds
