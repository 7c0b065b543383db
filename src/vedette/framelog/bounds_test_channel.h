#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "vedette/framelog/bounds.h"
#include "vedette/framelog/channel_share.h"

/// What the tests of the bounds share: tables and a channel in simulated time.
namespace vedette::framelog {

inline std::shared_ptr<const KnobTable> table_of(std::vector<Combination> rows) {
  return std::make_shared<KnobTable>(std::move(rows));
}

inline Combination row(uint32_t id, double bytes, double f1, double infer_ms = 0) {
  Combination made;
  made.id = id;
  made.bytes_mean = bytes;
  made.f1 = f1;
  made.infer_ms = infer_ms;
  return made;
}

/// F1 is not monotone in size: 30 is larger than 20 and worse; 5 is below an accuracy of 0.95.
inline std::shared_ptr<const KnobTable> uneven() {
  return table_of(
      {row(5, 40e3, 0.90), row(10, 100e3, 0.96), row(20, 250e3, 0.99), row(30, 400e3, 0.97), row(40, 800e3, 1.0)});
}

/// Cameras on one link that carries bytes in turn: a few lines of what bench/bounds does at length.
class Channel {
 public:
  struct Camera {
    std::unique_ptr<BoundsPolicy> policy;
    std::shared_ptr<const KnobTable> table;
    double next_ms = 0;
    std::deque<std::pair<Sent, double>> queue;  // and bytes left
    std::vector<double> latencies;              // by frame; infinite: never came
    std::vector<uint32_t> used;
    std::vector<double> captured_ms;
    Decision last;
    double infeasible_at_ms = -1;
    uint64_t sequence = 0;
  };

  explicit Channel(uint64_t seed = 1) : random_(seed) {}

  Camera& add(const std::string& policy, const std::shared_ptr<const KnobTable>& table, const Bounds& bounds = {}) {
    Camera camera;
    camera.table = table;
    camera.policy = make_bounds_policy(policy, table, bounds, {cameras_.size(), false});
    camera.next_ms = std::uniform_real_distribution<double>(0, interval_ms)(random_);
    cameras_.push_back(std::move(camera));
    if (share) share->add(cameras_.size() - 1, table, bounds);
    return cameras_.back();
  }

  void run(double seconds) {
    for (const double end = now_ms + 1e3 * seconds; now_ms < end; now_ms += 1) {
      for (size_t i = 0; i < cameras_.size(); ++i) {
        deliver(i);
        if (now_ms >= cameras_[i].next_ms) capture(i);
      }
      transfer();
    }
  }

  static MonotonicTime at(double ms) { return MonotonicTime{from_milliseconds(ms)}; }

  /// Share of the frames captured since `from_ms` that were in time.
  double in_time(const Camera& camera, double from_ms, double bound_ms = 100) const {
    double all = 0;
    double good = 0;
    for (size_t k = 0; k < camera.latencies.size(); ++k) {
      if (camera.captured_ms[k] < from_ms || camera.captured_ms[k] > now_ms - 500) continue;
      all += 1;
      good += camera.latencies[k] <= bound_ms ? 1 : 0;
    }
    return all > 0 ? good / all : 0;
  }

  int switches(const Camera& camera, double from_ms) const {
    int count = 0;
    for (size_t k = 1; k < camera.used.size(); ++k) {
      count += camera.captured_ms[k] >= from_ms && camera.used[k] != camera.used[k - 1] ? 1 : 0;
    }
    return count;
  }

  std::vector<Camera>& cameras() { return cameras_; }

  double bytes_per_ms = 10e3;
  double base_ms = 3;
  double noise = 0.08;
  double interval_ms = 100;
  double feedback_ms = 2;
  double feedback_loss = 0;
  double frame_loss = 0;
  double size_factor = 1;
  double now_ms = 0;
  std::unique_ptr<ChannelShare> share;
  std::function<double(const Combination&)> compute_ms;

 private:
  struct Due {
    size_t camera;
    double at_ms;
    Feedback feedback;
  };

  double noisy(double value) { return value * std::exp(std::normal_distribution<double>(0, noise)(random_)); }
  bool happens(double share_of) { return std::uniform_real_distribution<double>(0, 1)(random_) < share_of; }

  void deliver(size_t i) {
    for (size_t k = 0; k < due_.size();) {
      if (due_[k].camera != i || due_[k].at_ms > now_ms) {
        ++k;
        continue;
      }
      cameras_[i].policy->observe(due_[k].feedback);
      due_.erase(due_.begin() + static_cast<std::ptrdiff_t>(k));
    }
  }

  void capture(size_t i) {
    Camera& camera = cameras_[i];
    camera.next_ms += interval_ms;
    if (share) {
      for (const auto& limit : share->limits(at(now_ms))) {
        if (limit.camera == i) camera.policy->limit(limit.bytes);
      }
    }
    camera.last = camera.policy->decide(at(now_ms));
    if (!camera.last.feasible && camera.infeasible_at_ms < 0) camera.infeasible_at_ms = now_ms;
    if (camera.last.feasible) camera.infeasible_at_ms = -1;
    const auto& chosen = camera.table->rows()[camera.table->index_of(camera.last.combination)];
    camera.captured_ms.push_back(now_ms);
    camera.used.push_back(chosen.id);
    camera.latencies.push_back(std::numeric_limits<double>::infinity());
    const uint64_t sequence = camera.sequence++;
    if (!camera.last.send || camera.queue.size() >= 4) return;
    const double bytes = noisy(chosen.bytes_mean * size_factor);
    const Sent sent{sequence, chosen.id, static_cast<size_t>(bytes), at(now_ms), Duration{}};
    camera.policy->sent(sent);
    camera.queue.emplace_back(sent, bytes);
  }

  void transfer() {
    size_t active = 0;
    for (const auto& camera : cameras_) active += camera.queue.empty() ? 0 : 1;
    if (active == 0) return;
    const double each = noisy(bytes_per_ms) / static_cast<double>(active);
    for (size_t i = 0; i < cameras_.size(); ++i) {
      auto& queue = cameras_[i].queue;
      if (queue.empty()) continue;
      queue.front().second -= each;
      if (queue.front().second > 0) continue;
      const Sent sent = queue.front().first;
      queue.pop_front();
      if (happens(frame_loss)) continue;
      const double network = now_ms + noisy(base_ms) - to_milliseconds(sent.at.time_since_epoch());
      const auto& row = cameras_[i].table->rows()[cameras_[i].table->index_of(sent.combination)];
      const double compute = compute_ms ? compute_ms(row) : 0;
      cameras_[i].latencies[sent.sequence] = network + compute;
      const MonotonicTime whole = sent.at + from_milliseconds(network);
      if (share) {
        share->arrived(
            {i, sent.combination, sent.bytes, whole, from_milliseconds(network), from_milliseconds(compute)});
      }
      if (happens(feedback_loss)) continue;
      const double told_ms = to_milliseconds(whole.time_since_epoch()) + compute + feedback_ms;
      due_.push_back(
          {i, told_ms, {sent.sequence, at(told_ms), from_milliseconds(network), from_milliseconds(compute), false}});
    }
  }

  std::mt19937_64 random_;
  std::vector<Camera> cameras_;
  std::vector<Due> due_;
};

}  // namespace vedette::framelog
