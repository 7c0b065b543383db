#include "bounds_channel.h"

#include <algorithm>
#include <cmath>
#include <deque>

namespace bench_bounds {

namespace {

using vedette::Duration;
using vedette::from_milliseconds;
using vedette::from_seconds;
using vedette::MonotonicTime;

constexpr double kStepMs = 0.5;
constexpr double kBucketMs = 4;  // of the rate: what a radio sends in one go
constexpr double kLeastBucketBytes = 3e3;
constexpr double kFadeEveryMs = 5;
constexpr double kFadeKeep = 0.975;  // over 5 ms: a correlation of 0.2 s
constexpr double kLookEveryMs = 50;  // decide() between frames

/// Uniform in [0, 1) from what is being drawn, not from when it is drawn.
double uniform(uint64_t seed, uint64_t what, uint64_t camera, uint64_t number) {
  uint64_t x = seed * 0x9e3779b97f4a7c15ULL + what * 0xc2b2ae3d27d4eb4fULL + camera * 0x165667b19e3779f9ULL + number;
  for (int i = 0; i < 2; ++i) {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
    x ^= x >> 31U;
  }
  return static_cast<double>(x >> 11U) / 9007199254740992.0;
}

double normal(uint64_t seed, uint64_t what, uint64_t camera, uint64_t number) {
  const double a = std::max(uniform(seed, what, camera, 2 * number), 1e-12);
  const double b = uniform(seed, what, camera, 2 * number + 1);
  return std::sqrt(-2 * std::log(a)) * std::cos(6.283185307179586 * b);
}

enum What : uint64_t {
  kFade = 1,
  kSize,
  kJitter,
  kStall,
  kStallLength,
  kKept,
  kLoss,
  kFeedbackLoss,
  kFeedback,
  kPhase
};

MonotonicTime at_ms(double ms) { return MonotonicTime{from_milliseconds(ms)}; }

struct Job {
  uint64_t sequence = 0;
  size_t record = 0;
  double left_bytes = 0;
  double bytes = 0;
  double sent_ms = 0;
  double compute_ms = 0;
  double prepared_ms = 0;
  uint32_t combination = 0;
};
struct Due {
  double at_ms = 0;
  fl::Feedback feedback;
};
struct Sender {
  std::unique_ptr<fl::BoundsPolicy> policy;
  size_t fixed_row = 0;
  std::deque<Job> queue;  // the first is in transfer
  std::vector<Due> due;
  double next_frame_ms = 0;
  double next_look_ms = 0;
  uint64_t frame = 0;
  double size_log = 0;
  double last_whole_ms = 0;
  bool feasible = true;
};

class Simulation {
 public:
  Simulation(const Scenario& scenario, const Contender& contender) : s_(scenario), c_(contender) {
    const double interval = 1e3 / s_.fps;
    for (size_t i = 0; i < s_.cameras.size(); ++i) {
      Sender sender;
      const auto& table = s_.cameras[i].table;
      const fl::Bounds bounds{from_milliseconds(s_.bound_ms), s_.accuracy, 0.95};
      if (!c_.policy.empty()) sender.policy = fl::make_bounds_policy(c_.policy, table, bounds, {i, c_.can_abandon});
      if (c_.policy == "pi") sender.policy = std::make_unique<fl::PiBounds>(table, bounds, c_.pi);
      if (c_.share) share_.add(i, table, bounds);
      sender.fixed_row = fixed_row(*table);
      sender.next_frame_ms = interval * uniform(s_.seed, kPhase, i, 0);
      sender.next_look_ms = sender.next_frame_ms;
      senders_.push_back(std::move(sender));
    }
    runs_.resize(senders_.size());
  }

  std::vector<CameraRun> run() {
    const auto steps = static_cast<int64_t>(std::ceil(s_.seconds * 1e3 / kStepMs));
    for (int64_t step = 0; step < steps; ++step) {
      const double now = static_cast<double>(step) * kStepMs;
      if (now >= next_fade_ms_) {
        fade_ = kFadeKeep * fade_ + std::sqrt(1 - kFadeKeep * kFadeKeep) * normal(s_.seed, kFade, 0, fades_++);
        next_fade_ms_ += kFadeEveryMs;
        rate_ = std::max(0.0, s_.mbps(now / 1e3)) * 125 * std::exp(s_.fading * fade_);  // bytes a ms
      }
      for (size_t i = 0; i < senders_.size(); ++i) {
        feed(i, now);
        if (now >= senders_[i].next_frame_ms) {
          capture(i, now);
        } else if (now >= senders_[i].next_look_ms && senders_[i].policy) {
          apply(i, senders_[i].policy->decide(at_ms(now)), now);
          senders_[i].next_look_ms = now + kLookEveryMs;
        }
      }
      transfer(now);
    }
    return std::move(runs_);
  }

 private:
  size_t fixed_row(const fl::KnobTable& table) const {
    const auto rows = table.rows();
    size_t best = fl::KnobTable::npos;
    size_t smallest = fl::KnobTable::npos;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].f1 < s_.accuracy) continue;
      if (smallest == fl::KnobTable::npos) smallest = i;
      if (rows[i].bytes_mean > c_.budget_bytes) continue;
      if (best == fl::KnobTable::npos || rows[i].f1 > rows[best].f1) best = i;
    }
    return best != fl::KnobTable::npos ? best : smallest != fl::KnobTable::npos ? smallest : table.best();
  }

  void feed(size_t i, double now) {
    auto& due = senders_[i].due;
    for (size_t k = 0; k < due.size();) {
      if (due[k].at_ms > now) {
        ++k;
        continue;
      }
      if (senders_[i].policy) senders_[i].policy->observe(due[k].feedback);
      due.erase(due.begin() + static_cast<std::ptrdiff_t>(k));
    }
  }

  /// The policy's word on frames under way and on feasibility.
  void apply(size_t i, const fl::Decision& decision, double now) {
    Sender& sender = senders_[i];
    if (decision.feasible != sender.feasible) {
      sender.feasible = decision.feasible;
      runs_[i].reports.push_back({now / 1e3, decision.feasible});
    }
    if (!decision.abandon || !c_.can_abandon) return;
    while (!sender.queue.empty() && sender.queue.front().sequence <= *decision.abandon) sender.queue.pop_front();
  }

  void capture(size_t i, double now) {
    Sender& sender = senders_[i];
    const auto& table = *s_.cameras[i].table;
    const uint64_t number = sender.frame++;
    sender.next_frame_ms += 1e3 / s_.fps;
    sender.next_look_ms = now + kLookEveryMs;
    sender.size_log = 0.9 * sender.size_log + std::sqrt(1 - 0.81) * s_.size_sd * normal(s_.seed, kSize, i, number);
    size_t row = sender.fixed_row;
    bool send = true;
    if (sender.policy) {
      if (c_.share) {
        for (const auto& limit : share_.limits(at_ms(now))) {
          if (limit.camera == i) sender.policy->limit(limit.bytes);
        }
      }
      const fl::Decision decision = sender.policy->decide(at_ms(now));
      apply(i, decision, now);
      row = table.index_of(decision.combination);
      send = decision.send;
    }
    const auto& chosen = table.rows()[row];
    if (chosen.f1 < s_.accuracy) runs_[i].below_accuracy = true;
    // Frame differencing leaves this one out, under any policy that uses such a combination.
    if (uniform(s_.seed, kKept, i, number) >= chosen.kept) return;
    FrameRecord record;
    record.captured_s = now / 1e3;
    record.f1 = chosen.f1;
    record.combination = chosen.id;
    record.sent = send;
    runs_[i].frames.push_back(record);
    if (!send) return;
    Job job;
    job.sequence = number;
    job.record = runs_[i].frames.size() - 1;
    job.bytes = chosen.bytes_mean * std::exp(sender.size_log) * (s_.scene ? s_.scene(now / 1e3) : 1);
    job.left_bytes = job.bytes;
    job.prepared_ms = s_.compute ? chosen.cost_ms : 0;
    job.compute_ms = s_.compute ? chosen.infer_ms * std::exp(0.05 * normal(s_.seed, kStallLength, i, number)) : 0;
    job.sent_ms = now + job.prepared_ms;
    job.combination = chosen.id;
    // One frame in transfer and one that waits: a newer one takes its place.
    if (sender.queue.size() >= 2) {
      fl::Feedback lost;
      lost.sequence = sender.queue.back().sequence;
      lost.at = at_ms(now);
      lost.dropped = true;
      if (sender.policy) sender.policy->observe(lost);
      sender.queue.pop_back();
    }
    if (sender.policy) {
      sender.policy->sent(
          {number, chosen.id, static_cast<size_t>(job.bytes), at_ms(job.sent_ms), from_milliseconds(job.prepared_ms)});
    }
    sender.queue.push_back(job);
  }

  void transfer(double now) {
    size_t active = 0;
    for (const auto& sender : senders_) active += ready(sender, now) ? 1 : 0;
    const double efficiency = 1 / (1 + s_.contention * std::max(0.0, static_cast<double>(active) - 1));
    tokens_ = std::min(tokens_, std::max(kLeastBucketBytes, kBucketMs * rate_)) + rate_ * efficiency * kStepMs;
    if (active == 0) return;
    const double each = tokens_ / static_cast<double>(active);
    for (size_t i = 0; i < senders_.size(); ++i) {
      Sender& sender = senders_[i];
      double left = each;
      while (left > 0 && ready(sender, now)) {
        Job& job = sender.queue.front();
        const double took = std::min(left, job.left_bytes);
        job.left_bytes -= took;
        left -= took;
        tokens_ -= took;
        if (job.left_bytes > 0) break;
        whole(i, job, now + kStepMs * (1 - left / each));
        sender.queue.pop_front();
      }
    }
  }

  static bool ready(const Sender& sender, double now) {
    return !sender.queue.empty() && sender.queue.front().sent_ms <= now;
  }

  void whole(size_t i, const Job& job, double now) {
    Sender& sender = senders_[i];
    const uint64_t n = job.sequence;
    if (uniform(s_.seed, kLoss, i, n) < s_.frame_loss) return;
    double at = now + s_.base_ms - s_.jitter_ms * std::log(1 - uniform(s_.seed, kJitter, i, n));
    if (uniform(s_.seed, kStall, i, n) < s_.stalls) at += 10 + 15 * uniform(s_.seed, kStallLength, i, n);
    at = std::max(at, sender.last_whole_ms);
    sender.last_whole_ms = at;
    runs_[i].frames[job.record].latency_ms = at - job.sent_ms + job.prepared_ms + job.compute_ms;
    if (c_.share) {
      share_.arrived({i, job.combination, static_cast<size_t>(job.bytes), at_ms(at),
                      from_milliseconds(at - job.sent_ms), from_milliseconds(job.compute_ms)});
    }
    if (!sender.policy || uniform(s_.seed, kFeedbackLoss, i, n) < s_.feedback_loss) return;
    Due due;
    due.at_ms = at + job.compute_ms + s_.feedback_ms * (0.7 - 0.3 * std::log(1 - uniform(s_.seed, kFeedback, i, n)));
    due.feedback = {n, at_ms(due.at_ms), from_milliseconds(at - job.sent_ms), from_milliseconds(job.compute_ms), false};
    sender.due.push_back(due);
  }

  const Scenario& s_;
  const Contender& c_;
  std::vector<Sender> senders_;
  std::vector<CameraRun> runs_;
  fl::ChannelShare share_;
  double fade_ = 0, next_fade_ms_ = 0, rate_ = 0, tokens_ = 0;
  uint64_t fades_ = 0;
};

}  // namespace

std::vector<CameraRun> simulate(const Scenario& scenario, const Contender& contender) {
  return Simulation(scenario, contender).run();
}

}  // namespace bench_bounds
