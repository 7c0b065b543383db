#include "vedette/broker/quality_source.h"

#include <fmt/format.h>

#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/base/thread.h"
#include "vedette/broker/given_limits.h"
#include "vedette/broker/subscription.h"
#include "vedette/framelog/bounds.h"
#include "vedette/framelog/cursor.h"
#include "vedette/framelog/log.h"
#include "vedette/framelog/record_decoder.h"
#include "vedette/media/knobs.h"
#include "vedette/media/waiting.h"

namespace vedette::broker {
namespace {

using framelog::FrameCodec;

constexpr Duration kTurn = std::chrono::milliseconds(50);
constexpr uint64_t kMostUnread = 64;
constexpr size_t kMostSeen = 1024;

MonotonicTime now() { return Clock::system().monotonic(); }

class QualitySource final : public FeedSource {
 public:
  QualitySource(const SourceWanted& wanted, const std::string& policy, std::shared_ptr<const framelog::KnobTable> table)
      : camera_(wanted.camera),
        quality_(wanted.quality),
        feed_(wanted.feed),
        origin_(wanted.origin),
        table_(std::move(table)),
        active_(wanted.quality),
        last_(wanted.after.sequence) {
    if (active_.bounded()) policy_ = framelog::make_bounds_policy(policy, table_, bounds_of(active_));
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~QualitySource() override { stop(); }

  void set_quality(const Quality& quality) override {
    framelog::check(bounds_of(quality));
    const std::lock_guard lock(mutex_);
    quality_ = quality;
    changed_ = true;
  }
  void feedback(const v1::FeedbackRequest& seen) override {
    const MonotonicTime at = now();
    const std::lock_guard lock(mutex_);
    for (const auto& one : seen.seen()) {
      if (seen_.size() >= kMostSeen) seen_.pop_front();
      seen_.push_back({one.sequence(), at, Duration{one.latency_ns()}, Duration{one.compute_ns()}, false});
    }
    if (seen.has_limit_bytes()) limits_.give(seen.subscription(), seen.limit_bytes(), at);
  }
  v1::ClockOffset clock() const override {
    v1::ClockOffset offset;
    offset.set_known(true);  // the same machine
    return offset;
  }
  void stop() override {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run(const std::stop_token& stop) {
    name_this_thread("quality");
    const bool past = active_.begin_ns.has_value();
    auto cursor = first_cursor();
    while (!stop.stop_requested()) {
      try {
        if (past && !feed_.wait_until_read(kMostUnread, now() + kTurn)) continue;
        const uint64_t passed = cursor.skipped();
        const auto frame = past ? cursor.next(now() + kTurn) : cursor.newest(now() + kTurn);
        take_changes();
        if (frame) {
          note_missing(*frame, cursor.skipped() > passed);
          make(*frame);
        } else if (cursor.done() || end_has_passed()) {
          feed_.end(end_event(origin_->log()->closed() ? v1::End::BROKER_ENDS : v1::End::REACHED, ""));
          return;
        } else if (policy_) {
          tell(policy_->decide(now()));  // nothing is captured, or nothing gets through: bounds end all the same
        }
      } catch (const Error& e) {
        log::warn("camera '{}': {}", camera_, e.line());
      }
    }
  }

  /// The range's frames are all there: no camera publishes them so late.
  bool end_has_passed() const {
    return active_.end_ns && Clock::system().now() >= Timestamp{Duration{*active_.end_ns}} + kEndGrace;
  }

  framelog::Cursor first_cursor() const {
    const auto& log = *origin_->log();
    if (!active_.begin_ns) {
      const auto newest = log.newest();
      return last_ > 0 && newest && newest->sequence() > last_ ? log.follow_sequence(last_ + 1) : log.follow();
    }
    const Timestamp begin{Duration{*active_.begin_ns}};
    return active_.end_ns ? log.range(begin, Timestamp{Duration{*active_.end_ns}}) : log.follow(begin);
  }

  /// Numbers between the last frame and this one.
  void note_missing(const framelog::FrameRef& frame, bool passed) {
    const uint64_t first = last_ + 1, sequence = frame.sequence();
    const bool jumped = last_ > 0 && sequence > first;
    last_ = sequence;
    if (jumped) feed_.note_gap(first, sequence - 1, passed ? GapReason::kSkipped : origin_->reason_of(first));
  }

  void take_changes() {
    if (!policy_) return;
    std::deque<framelog::Feedback> seen;
    std::optional<Quality> changed;
    double limit = 0;
    {
      const std::lock_guard lock(mutex_);
      limit = limits_.least(now());
      seen.swap(seen_);
      if (std::exchange(changed_, false)) changed = quality_;
    }
    if (changed) {
      active_ = *changed;
      policy_->set_bounds(bounds_of(active_));
    }
    for (const auto& one : seen) policy_->observe(one);
    if (std::exchange(limit_bytes_, limit) != limit) policy_->limit(limit);
  }

  void make(const framelog::FrameRef& kept) {
    const auto info = kept.info();
    const auto skip = [&] { feed_.note_gap(info.sequence, info.sequence, GapReason::kSkipped); };
    framelog::Decision decision;
    if (policy_) {
      decision = policy_->decide(now());
      tell(decision);
      if (!decision.send) return skip();
    }
    auto setting = policy_ ? media::KnobSetting::from_id(static_cast<int>(decision.combination)) : media::KnobSetting{};
    const int side = std::max(info.width, info.height), most = static_cast<int>(active_.max_side_px);
    if (most > 0 && most < side) {
      setting.max_width = setting.max_width == 0 ? most : std::min(setting.max_width, most);
      setting.max_height = setting.max_height == 0 ? most : std::min(setting.max_height, most);
    }
    if (!(setting == chain_.setting())) chain_.set(setting);
    if (setting.untouched() && info.codec == FrameCodec::kJpeg) return send(info, kept.bytes(), decision);
    auto frame = decoder_.decode(info, kept.bytes());
    if (!frame) return skip();  // of a video, behind a frame that was passed over
    frame->sequence = info.sequence;
    frame->capture_time = info.time;
    // Readers take a jump for a loss, and could not go on without a key frame.
    if (setting.inter && info.sequence != std::exchange(encoded_, info.sequence) + 1) chain_.request_key();
    const auto made = chain_.apply(*frame);
    if (!made) return skip();
    auto changed = info;
    changed.codec = made->codec == media::Codec::kJpeg   ? FrameCodec::kJpeg
                    : made->codec == media::Codec::kH264 ? FrameCodec::kH264
                                                         : FrameCodec::kH265;
    changed.key_frame = made->key;
    changed.knob = decision.combination;
    changed.width = static_cast<uint16_t>(made->stored.width);
    changed.height = static_cast<uint16_t>(made->stored.height);
    changed.original_width = static_cast<uint16_t>(made->original.width);
    changed.original_height = static_cast<uint16_t>(made->original.height);
    send(changed, std::as_bytes(std::span(*made->bytes)), decision);
  }

  void send(const framelog::RecordInfo& info, std::span<const std::byte> bytes, const framelog::Decision& decision) {
    if (policy_) {
      const Duration prepared = std::max(Duration{0}, Clock::system().now() - info.time);
      policy_->sent({info.sequence, decision.combination, bytes.size(), now(), prepared});
    }
    feed_.append(info, bytes);
  }

  /// What subscribers should know of a decision: another setting; bounds that cannot be kept, or can again.
  void tell(const framelog::Decision& decision) {
    if (decision.combination != told_setting_) {
      told_setting_ = decision.combination;
      auto notice = std::make_shared<v1::Event>();
      auto& setting = *notice->mutable_setting();
      setting.set_knob(decision.combination);
      setting.set_setting(media::KnobSetting::from_id(static_cast<int>(decision.combination)).to_string());
      if (const size_t row = table_->index_of(decision.combination); row != framelog::KnobTable::npos) {
        setting.set_expected_accuracy(table_->rows()[row].f1);
        setting.set_expected_bytes(table_->rows()[row].bytes_mean);
      }
      setting.set_limit_bytes(limit_bytes_);
      feed_.announce(std::move(notice));
    }
    if (decision.feasible == told_feasible_) return;
    told_feasible_ = decision.feasible;
    auto notice = std::make_shared<v1::Event>();
    auto& infeasible = *notice->mutable_infeasible();
    infeasible.set_over(decision.feasible);
    infeasible.mutable_wanted()->set_latency_ms(active_.latency_ms);
    infeasible.mutable_wanted()->set_accuracy(active_.accuracy);
    infeasible.mutable_feasible()->set_latency_ms(to_milliseconds(decision.best_latency) + active_.compute_ms);
    infeasible.mutable_feasible()->set_accuracy(decision.best_accuracy);
    infeasible.set_line(
        decision.feasible
            ? "the bounds can be kept again"
            : fmt::format("camera '{}' cannot keep {:g} ms at an accuracy of {:g}: {:.0f} ms would do, or "
                          "an accuracy of {:.3f} ({})",
                          camera_, active_.latency_ms, active_.accuracy, infeasible.feasible().latency_ms(),
                          decision.best_accuracy, decision.reason));
    feed_.announce(std::move(notice));
  }

  const std::string camera_;
  std::mutex mutex_;
  Quality quality_;
  bool changed_ = false;
  std::deque<framelog::Feedback> seen_;
  GivenLimits limits_;
  Feed& feed_;
  const std::shared_ptr<Feed> origin_;
  const std::shared_ptr<const framelog::KnobTable> table_;
  std::unique_ptr<framelog::BoundsPolicy> policy_;
  Quality active_;      // of the thread
  uint64_t last_ = 0;   // of it, too: the newest frame that was looked at
  uint64_t encoded_ = 0;  // the newest that went through the chain
  framelog::RecordDecoder decoder_{std::make_shared<BufferPool>(), /*keep_jpeg=*/true};
  media::KnobChain chain_;
  double limit_bytes_ = 0;  // as the policy knows it
  uint32_t told_setting_ = 0;
  bool told_feasible_ = true;
  std::jthread thread_;
};

}  // namespace

framelog::Bounds bounds_of(const Quality& quality) {
  framelog::Bounds bounds;
  bounds.latency = quality.latency_ms > 0 ? from_milliseconds(quality.latency_ms - quality.compute_ms)
                                          : Duration(std::chrono::minutes(1));
  bounds.accuracy = quality.accuracy;
  return bounds;
}

/// Measured, not general: a profile of the own cameras and model is better.
///   vedette bounds profile --app apps/people.yaml --source vtest.avi --truth PETS09-S2L1/gt.txt --frames 60 --every 12
/// Frames of 768×576 (policies learn how far a camera's sizes are from these), NanoDet, one thread.
framelog::KnobTable built_in_table() {
  struct Row {
    uint32_t id;
    double bytes_mean, bytes_p95, f1, cost_ms, infer_ms;
  };
  static constexpr Row kRows[] = {{0, 109635, 111847, 0.9969, 2.5, 27.9},  {100, 97342, 99170, 0.9964, 1.7, 28.3},
                                  {1000, 90125, 91059, 0.9960, 2.2, 27.8}, {1100, 79558, 80397, 0.9945, 1.4, 25.7},
                                  {2500, 67050, 67874, 0.9930, 2.0, 28.8}, {3500, 53949, 54496, 1.0000, 2.3, 29.4},
                                  {1500, 47571, 48125, 1.0000, 1.2, 28.8}, {5000, 45543, 46212, 0.9934, 1.7, 25.2},
                                  {1600, 41914, 42400, 0.9880, 0.9, 27.5}, {6000, 36046, 36405, 0.9976, 2.1, 54.4},
                                  {7500, 32629, 32987, 1.0000, 1.7, 27.7}, {4000, 28413, 28844, 0.9952, 1.1, 28.3},
                                  {2000, 28075, 28446, 1.0000, 0.8, 28.0}, {8500, 26222, 26552, 0.9934, 2.0, 28.2},
                                  {2100, 24656, 24964, 0.9972, 0.6, 28.2}, {6500, 18954, 19252, 1.0000, 1.1, 28.3},
                                  {4500, 16712, 16987, 0.9837, 0.7, 27.5}, {9000, 13689, 13906, 0.9922, 1.0, 27.9},
                                  {7000, 11206, 11406, 0.9794, 0.6, 25.9}, {9500, 8109, 8266, 0.9656, 0.7, 27.7}};
  std::vector<framelog::Combination> rows;
  for (const Row& row : kRows) {
    framelog::Combination c;
    c.id = row.id;
    c.name = media::KnobSetting::from_id(static_cast<int>(row.id)).to_string();
    c.bytes_mean = row.bytes_mean;
    c.bytes_p95 = row.bytes_p95;
    c.f1 = row.f1;
    c.cost_ms = row.cost_ms;
    c.infer_ms = row.infer_ms;
    rows.push_back(std::move(c));
  }
  return framelog::KnobTable(std::move(rows), "the built-in table");
}

std::shared_ptr<FeedSource> make_quality_source(const SourceWanted& wanted, const std::string& policy,
                                                std::shared_ptr<const framelog::KnobTable> table) {
  return std::make_shared<QualitySource>(wanted, policy, std::move(table));
}

}  // namespace vedette::broker
