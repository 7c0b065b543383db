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
#include "vedette/broker/knob_rows.h"
#include "vedette/broker/quality_source.h"
#include "vedette/broker/subscription.h"
#include "vedette/media/waiting.h"

namespace vedette::broker {
namespace {

constexpr Duration kTurn = std::chrono::milliseconds(100);
constexpr Duration kRetry = std::chrono::milliseconds(500);
constexpr Duration kClockEvery = std::chrono::seconds(5);
/// A reader of the past is not run over: the source waits while so many frames are unread.
constexpr uint64_t kMostUnread = 64;

MonotonicTime now() { return Clock::system().monotonic(); }

class Upstream final : public FeedSource {
 public:
  Upstream(const SourceWanted& wanted, ClientOptions options, Channels& channels, std::string channel)
      : camera_(wanted.camera),
        quality_(wanted.quality),
        feed_(wanted.feed),
        options_(std::move(options)),
        channels_(channels),
        channel_(std::move(channel)),
        last_(wanted.after) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~Upstream() override { stop(); }

  void set_quality(const Quality& quality) override {
    const std::lock_guard lock(mutex_);
    quality_ = quality;
    target_changed_ = true;
  }
  void feedback(const v1::FeedbackRequest& seen) override {
    if (seen.seen_size() == 0) return;
    const auto& newest = seen.seen(seen.seen_size() - 1);
    hop_ns_ = newest.latency_ns();
    compute_ns_ = newest.compute_ns();
  }
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
  struct Following {
    std::unique_ptr<ClientSubscription> subscription;
    std::unique_ptr<Channels::Member> member;  // null: it has no part of its channel
  };

  void run(const std::stop_token& stop) {
    name_this_thread("upstream");
    bool told = false;
    while (!stop.stop_requested()) {
      try {
        Client client(options_);
        follow(client, stop, told);
        return;
      } catch (const Error& e) {
        // A camera that is not there (yet) may come back to its broker before the lease ends; who keeps the lease also
        // ends the feed.
        const bool passes = e.code() == ErrorCode::kUnavailable || e.code() == ErrorCode::kTimeout ||
                            (e.code() == ErrorCode::kNotFound && !quality().begin_ns);
        if (!passes) return feed_.end(end_event(v1::End::CAMERA_GONE, e.line()));
        if (!std::exchange(told, true)) log::warn("camera '{}': {}", camera_, e.line());
      }
      media::sleep_unless_stopped(kRetry, stop);
    }
  }

  SubscribeOptions wanted() const {
    const Quality quality = this->quality();
    SubscribeOptions wanted;
    wanted.camera = camera_;
    wanted.latency_ms = quality.latency_ms;
    wanted.accuracy = quality.accuracy;
    wanted.compute_ms = quality.compute_ms;
    wanted.max_side_px = quality.max_side_px;
    if (quality.bounded() && !quality.begin_ns) {
      wanted.max_behind = 1;  // a late frame is worth less than the next
      wanted.wants_table = true;
    }
    if (quality.begin_ns) wanted.begin = Timestamp{Duration{*quality.begin_ns}};
    if (quality.end_ns) wanted.end = Timestamp{Duration{*quality.end_ns}};
    wanted.after_sequence = last_.sequence;
    wanted.after_time = last_.time;
    if (last_.sequence > 0) wanted.after_epoch = feed_.epoch();
    return wanted;
  }

  void follow(Client& client, const std::stop_token& stop, bool& told) {
    const bool past = quality().begin_ns.has_value();
    {
      const std::lock_guard lock(mutex_);
      target_changed_ = false;
    }
    Following following{client.subscribe(wanted()), nullptr};
    const auto& subscription = following.subscription;
    MonotonicTime measured{};
    while (!stop.stop_requested() && !subscription->ended()) {
      if (past && !feed_.wait_until_read(kMostUnread, now() + kTurn)) continue;
      change_target(following);
      auto item = subscription->next(now() + kTurn);
      if (item && (item->kind == Received::Kind::kStarted || item->kind == Received::Kind::kResumed)) {
        told = false;
        // The numbers began anew: these frames are for another feed, which is made when their broker registers them.
        if (feed_.epoch() != 0 && item->camera.epoch != feed_.epoch()) break;
      }
      if (item) take(following, *item);
      if (now() - measured > kClockEvery) {  // behind the first frame, which need not wait for it
        measure(client);
        measured = now();
      }
    }
    subscription->cancel();
  }

  void change_target(const Following& following) {
    std::optional<Quality> changed;
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(target_changed_, false)) changed = quality_;
    }
    if (!changed) return;
    following.subscription->set_target(changed->latency_ms, changed->accuracy);
    if (following.member) following.member->set_bounds(bounds_of(*changed));
  }

  /// The camera's broker says what its policy chooses from: the channel is divided by it. Without a part of it the
  /// camera decides alone.
  void join(Following& following, const Received& item) {
    following.member.reset();
    try {
      auto table = std::make_shared<const framelog::KnobTable>(checked_table(item.table));
      following.member = channels_.join(channel_, std::move(table), bounds_of(quality()));
    } catch (const Error& e) {
      if (!std::exchange(told_no_part_, true))
        log::warn("camera '{}' has no part of channel '{}': {}", camera_, channel_, e.line());
    }
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

  /// What the camera's side must know: how long the frame took to come here, from here to the subscriber that spoke
  /// last, and there.
  void give_feedback(const Following& following, const Received& item) {
    ClockAhead clock;
    {
      const std::lock_guard lock(mutex_);
      if (!quality_.bounded() || !clock_.known) return;
      clock = clock_;
    }
    const Duration here = Clock::system().now() - (item.sent - clock.offset);
    const Duration hop{hop_ns_.load()}, compute{compute_ns_.load()};
    const ClientSubscription::Seen seen{item.info.sequence, item.bytes.size(), here + hop, compute};
    std::optional<double> limit;
    if (following.member)
      limit = following.member->arrived({item.info.knob, item.bytes.size(), now(), here, hop + compute});
    following.subscription->feedback({&seen, 1}, limit);
  }

  void take(Following& following, const Received& item) {
    switch (item.kind) {
      case Received::Kind::kFrame: {
        last_ = {item.info.sequence, item.info.time};
        give_feedback(following, item);
        try {
          feed_.append(item.info, item.bytes);
        } catch (const Error& e) {
          log::warn("camera '{}': a frame is left out: {}", camera_, e.line());
        }
        return;
      }
      case Received::Kind::kGap:
        if (item.first > 0) feed_.note_gap(item.first, item.last, item.reason);
        return;
      case Received::Kind::kEnd:
        if (item.end_reason == v1::End::BROKER_ENDS) throw Error(ErrorCode::kUnavailable, "its broker ends");
        if (item.end_reason == v1::End::REACHED) return feed_.end(end_event(item.end_reason, item.line));
        return feed_.end(end_event(v1::End::CAMERA_GONE, item.line));
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
        setting.set_limit_bytes(item.limit_bytes);
        return feed_.announce(std::move(notice));
      }
      case Received::Kind::kTable: return join(following, item);
      default: return;
    }
  }
  Quality quality() const {
    const std::lock_guard lock(mutex_);
    return quality_;
  }

  const std::string camera_;
  mutable std::mutex mutex_;
  Quality quality_;
  bool target_changed_ = false;
  ClockAhead clock_;
  Feed& feed_;
  const ClientOptions options_;
  Channels& channels_;
  const std::string channel_;
  bool told_no_part_ = false;
  Place last_;
  std::atomic<int64_t> hop_ns_{0}, compute_ns_{0};  // as subscribers told
  std::jthread thread_;
};

}  // namespace

std::shared_ptr<FeedSource> make_upstream(const SourceWanted& wanted, ClientOptions options, Channels& channels,
                                          std::string channel) {
  return std::make_shared<Upstream>(wanted, std::move(options), channels, std::move(channel));
}

}  // namespace vedette::broker
