#include "bounds_measure.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace bench_bounds {
namespace {

constexpr double kWindowS = 10;
constexpr double kShare = 0.95;
constexpr double kBudgets = 90;
constexpr double kAbove = 1.0001;  // so that rounding leaves no row out

}  // namespace

/// Share of a camera's frames captured in [from, to) that were in time; negative when there were none.
double in_time(const CameraRun& run, double from, double to, double bound_ms) {
  auto at = std::lower_bound(run.frames.begin(), run.frames.end(), from,
                             [](const FrameRecord& frame, double s) { return frame.captured_s < s; });
  int all = 0;
  int good = 0;
  for (; at != run.frames.end() && at->captured_s < to; ++at) {
    ++all;
    good += at->latency_ms <= bound_ms ? 1 : 0;
  }
  return all == 0 ? -1 : static_cast<double>(good) / all;
}

Oracle oracle(const Scenario& scenario) {
  std::set<double> budgets;
  double largest = 0;
  for (const auto& one : scenario.cameras) largest = std::max(largest, one.table->rows().back().bytes_mean);
  const double step = largest / kBudgets;
  for (const auto& one : scenario.cameras) {
    for (const size_t row : one.table->frontier()) {
      const auto& entry = one.table->rows()[row];
      if (entry.f1 >= scenario.accuracy) budgets.insert(std::ceil(entry.bytes_mean / step) * step * kAbove);
    }
  }
  const auto seconds = static_cast<size_t>(scenario.seconds);
  Oracle result;
  result.best_f1.assign(scenario.cameras.size(), std::vector<double>(seconds, 0));
  for (const double budget : budgets) {
    const auto runs = simulate(scenario, {"fixed", "", false, false, budget, {}});
    for (size_t i = 0; i < runs.size(); ++i) {
      for (size_t s = 0; s < seconds; ++s) {
        const double from = static_cast<double>(s) - 1;
        if (in_time(runs[i], from, from + 3, scenario.bound_ms) < kShare) continue;
        const auto frame = std::lower_bound(runs[i].frames.begin(), runs[i].frames.end(), from + 1,
                                            [](const FrameRecord& f, double t) { return f.captured_s < t; });
        if (frame != runs[i].frames.end()) result.best_f1[i][s] = std::max(result.best_f1[i][s], frame->f1);
      }
    }
  }
  return result;
}

namespace {

/// All seconds of the window that begins at `s` are feasible.
bool whole(const std::vector<double>& feasible, size_t s) {
  const auto from = feasible.begin() + static_cast<std::ptrdiff_t>(s);
  return std::all_of(from, from + static_cast<std::ptrdiff_t>(kWindowS), [](double f1) { return f1 > 0; });
}

}  // namespace

std::vector<Missed> missed(const Scenario& scenario, const Oracle& best, const std::vector<CameraRun>& runs) {
  std::vector<Missed> all;
  for (size_t i = 0; i < runs.size(); ++i) {
    for (size_t s = 0; s + static_cast<size_t>(kWindowS) <= best.best_f1[i].size(); ++s) {
      const auto from = static_cast<double>(s);
      if (whole(best.best_f1[i], s) && in_time(runs[i], from, from + kWindowS, scenario.bound_ms) < kShare)
        all.push_back({i, from});
    }
  }
  return all;
}

Figures measure(const Scenario& scenario, const Oracle& best, const std::vector<CameraRun>& runs) {
  Figures f;
  std::vector<double> latencies;
  double windows = 0, frames = 0, good = 0, loss = 0, oracle_loss = 0, steady = 0, switches = 0, alarm = 0;
  double feasible_seconds = 0;
  for (size_t i = 0; i < runs.size(); ++i) {
    const auto& feasible = best.best_f1[i];
    f.below_accuracy = f.below_accuracy || runs[i].below_accuracy;
    for (size_t s = 0; s + static_cast<size_t>(kWindowS) <= feasible.size(); ++s) windows += whole(feasible, s) ? 1 : 0;
    size_t report = 0;
    bool said = true;
    for (size_t s = 0; s < feasible.size(); ++s) {
      while (report < runs[i].reports.size() && runs[i].reports[report].at_s < static_cast<double>(s)) {
        said = runs[i].reports[report++].feasible;
      }
      if (feasible[s] <= 0) continue;
      feasible_seconds += 1;
      alarm += said ? 0 : 1;
    }
    const FrameRecord* before = nullptr;
    for (const auto& frame : runs[i].frames) {
      const auto second = std::min(feasible.size() - 1, static_cast<size_t>(frame.captured_s));
      latencies.push_back(frame.latency_ms);
      if (feasible[second] <= 0) continue;
      frames += 1;
      good += frame.latency_ms <= scenario.bound_ms ? 1 : 0;
      loss += std::max(0.0, 1 - frame.f1);
      oracle_loss += feasible[second] - frame.f1;
      const bool settled =
          frame.captured_s > 10 && std::none_of(scenario.steps_s.begin(), scenario.steps_s.end(), [&](double step) {
            return frame.captured_s >= step - 0.1 && frame.captured_s < step + 5;
          });
      if (settled && before) {
        steady += frame.captured_s - before->captured_s;
        switches += frame.combination != before->combination ? 1 : 0;
      }
      before = settled ? &frame : nullptr;
    }
  }
  std::sort(latencies.begin(), latencies.end());
  const auto quantile = [&](double q) {
    return latencies.empty() ? 0 : latencies[static_cast<size_t>(q * static_cast<double>(latencies.size() - 1))];
  };
  f.p50_ms = quantile(0.5);
  f.p95_ms = quantile(0.95);
  f.windows = windows;
  f.held = windows > 0 ? 1 - static_cast<double>(missed(scenario, best, runs).size()) / windows : -1;
  f.in_time = frames > 0 ? good / frames : -1;
  f.loss = frames > 0 ? loss / frames : 0;
  f.loss_oracle = frames > 0 ? oracle_loss / frames : 0;
  f.switches = steady > 0 ? switches / steady * 60 : 0;
  f.false_alarms = feasible_seconds > 0 ? alarm / feasible_seconds : 0;
  return f;
}

/// Seconds from `step_s` until frames are in time again for two seconds, from the first of those frames' capture.
double settling(const CameraRun& run, double step_s, double bound_ms) {
  for (const auto& frame : run.frames) {
    if (frame.captured_s < step_s || frame.latency_ms > bound_ms) continue;
    if (in_time(run, frame.captured_s, frame.captured_s + 2, bound_ms) >= kShare) return frame.captured_s - step_s;
  }
  return std::numeric_limits<double>::infinity();
}

/// Seconds from an improvement until the F1 is within 0.5 % of what it will be.
double recovery(const CameraRun& run, double step_s, double f1) {
  for (const auto& frame : run.frames) {
    if (frame.captured_s >= step_s && frame.latency_ms <= 1e9 && frame.f1 >= f1 - 0.005)
      return frame.captured_s - step_s;
  }
  return std::numeric_limits<double>::infinity();
}

double at_quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

}  // namespace bench_bounds
