#include "vedette/broker/upstream.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/base/thread.h"
#include "vedette/broker/subscription.h"
#include "vedette/media/waiting.h"

namespace vedette::broker {
namespace {

constexpr Duration kTurn = std::chrono::milliseconds(100);
constexpr Duration kClockEvery = std::chrono::seconds(5);
/// A reader of the past is not run over: the source waits while so many frames are unread.
constexpr uint64_t kMostUnread = 64;

MonotonicTime now() { return Clock::system().monotonic(); }

class Upstream final : public FeedSource {
 public:
  Upstream(std::string camera, const Quality& quality, Feed& feed, ClientOptions options)
      : camera_(std::move(camera)), quality_(quality), feed_(feed), options_(std::move(options)) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~Upstream() override { stop(); }

  void set_quality(const Quality& quality) override {
    const std::lock_guard lock(mutex_);
    quality_ = quality;
    target_changed_ = true;
  }
  void feedback(const v1::FeedbackRequest&) override {}  // what matters is how frames come here, which we see ourselves
  v1::ClockOffset clock() const override {
    const std::lock_guard lock(mutex_);
    v1::ClockOffset offset;
    offset.set_known(clock_.known);
    offset.set_offset_ns(clock_.offset.count());
    offset.set_round_trip_ns(clock_.round_trip.count());
    return offset;
  }
  void stop() override {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run(const std::stop_token& stop) {
    name_this_thread("upstream");
    while (!stop.stop_requested()) {
      try {
        Client client(options_);
        follow(client, stop);
        return;
      } catch (const Error& e) {
        if (e.code() != ErrorCode::kUnavailable && e.code() != ErrorCode::kTimeout) {
          feed_.end(end_event(v1::End::CAMERA_GONE, e.line()));
          return;
        }
        log::warn("camera '{}': {}", camera_, e.line());
      }
      media::sleep_unless_stopped(std::chrono::milliseconds(500), stop);
    }
  }

  void follow(Client& client, const std::stop_token& stop) {
    SubscribeOptions wanted;
    {
      const std::lock_guard lock(mutex_);
      wanted.latency_ms = quality_.latency_ms;
      wanted.accuracy = quality_.accuracy;
      wanted.compute_ms = quality_.compute_ms;
      wanted.max_side_px = quality_.max_side_px;
      if (quality_.begin_ns) wanted.begin = Timestamp{Duration{*quality_.begin_ns}};
      if (quality_.end_ns) wanted.end = Timestamp{Duration{*quality_.end_ns}};
      target_changed_ = false;
    }
    wanted.camera = camera_;
    if (last_ > 0) wanted.after_sequence = last_;
    const bool past = wanted.begin.has_value();
    measure(client);
    const auto subscription = client.subscribe(wanted);
    MonotonicTime measured = now();
    while (!stop.stop_requested() && !subscription->ended()) {
      if (past && feed_.slowest_lag() > kMostUnread) {
        media::sleep_unless_stopped(std::chrono::milliseconds(2), stop);
        continue;
      }
      if (now() - measured > kClockEvery) {
        measure(client);
        measured = now();
      }
      change_target(*subscription);
      if (auto item = subscription->next(now() + kTurn)) take(*subscription, *item);
    }
    subscription->cancel();
  }

  void change_target(ClientSubscription& subscription) {
    std::optional<Quality> changed;
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(target_changed_, false)) changed = quality_;
    }
    if (changed) subscription.set_target(changed->latency_ms, changed->accuracy);
  }

  void measure(Client& client) {
    const ClockAhead measured = client.clock();
    {
      const std::lock_guard lock(mutex_);
      clock_ = measured;
    }
    auto notice = std::make_shared<v1::Event>();
    *notice->mutable_clock() = clock();
    feed_.announce(std::move(notice));
  }

  void take(ClientSubscription& subscription, const Received& item) {
    switch (item.kind) {
      case Received::Kind::kFrame: {
        if (item.info.sequence < last_) return feed_.end(end_event(v1::End::CAMERA_GONE, "its broker began anew"));
        last_ = item.info.sequence;
        const Timestamp arrived = Clock::system().now();
        Duration offset{0};
        {
          const std::lock_guard lock(mutex_);
          offset = clock_.offset;
        }
        const ClientSubscription::Seen seen{item.info.sequence, item.bytes.size(), arrived - (item.sent - offset), {}};
        if (quality_bounded()) subscription.feedback({&seen, 1});
        try {
          feed_.append(item.info, item.bytes);
        } catch (const Error& e) {
          log::warn("camera '{}': a frame is left out: {}", camera_, e.line());
        }
        return;
      }
      case Received::Kind::kGap: return feed_.note_gap(item.first, item.last, item.reason);
      case Received::Kind::kEnd: return feed_.end(end_event(item.end_reason, item.line));
      case Received::Kind::kInfeasible: {
        auto notice = std::make_shared<v1::Event>();
        auto& infeasible = *notice->mutable_infeasible();
        infeasible.set_over(item.over);
        infeasible.set_line(item.line);
        infeasible.mutable_wanted()->set_latency_ms(item.wanted_latency_ms);
        infeasible.mutable_wanted()->set_accuracy(item.wanted_accuracy);
        infeasible.mutable_feasible()->set_latency_ms(item.feasible_latency_ms);
        infeasible.mutable_feasible()->set_accuracy(item.feasible_accuracy);
        return feed_.announce(std::move(notice));
      }
      case Received::Kind::kSetting: {
        auto notice = std::make_shared<v1::Event>();
        auto& setting = *notice->mutable_setting();
        setting.set_knob(item.knob);
        setting.set_setting(item.setting);
        setting.set_expected_accuracy(item.expected_accuracy);
        setting.set_expected_bytes(item.expected_bytes);
        return feed_.announce(std::move(notice));
      }
      default: return;
    }
  }
  bool quality_bounded() const {
    const std::lock_guard lock(mutex_);
    return quality_.bounded();
  }

  const std::string camera_;
  mutable std::mutex mutex_;
  Quality quality_;
  bool target_changed_ = false;
  ClockAhead clock_;
  Feed& feed_;
  const ClientOptions options_;
  uint64_t last_ = 0;
  std::jthread thread_;
};

}  // namespace

std::shared_ptr<FeedSource> make_upstream(const std::string& camera, const Quality& quality, Feed& feed,
                                          ClientOptions options) {
  return std::make_shared<Upstream>(camera, quality, feed, std::move(options));
}

}  // namespace vedette::broker
