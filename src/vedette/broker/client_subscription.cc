#include "vedette/broker/client_subscription.h"

#include <thread>

#include "broker.pb.h"
#include "vedette/broker/client_way.h"
#include "vedette/media/backoff.h"

namespace vedette::broker {
namespace {

MonotonicTime now() { return Clock::system().monotonic(); }

class Subscribed final : public ClientSubscription {
 public:
  Subscribed(std::shared_ptr<Connector> client, SubscribeOptions options)
      : client_(std::move(client)),
        options_(std::move(options)),
        last_(options_.after_sequence),
        epoch_(options_.after_epoch),
        last_time_(options_.after_time) {
    static_cast<void>(quality_of(request_of(options_)));  // what is wrong with it needs no broker
    open(client_->connection());
  }

  std::optional<Received> next(MonotonicTime deadline) override {
    while (!ended_) {
      std::optional<Error> error;
      const auto way = this->way();
      auto item = way->next(deadline, error);
      if (item) {
        if (item->kind == Received::Kind::kFrame) {
          last_ = item->info.sequence;
          last_time_ = item->info.time;
        } else if (item->kind == Received::Kind::kEnd) {
          constexpr int kBrokerEnds = 4;
          if (item->end_reason == kBrokerEnds && client_->brokers() > 1) {
            resume();
            return resumed();
          }
          ended_ = true;
        } else if (item->kind == Received::Kind::kStarted) {
          started(*item);
        }
        return item;
      }
      if (!error) return std::nullopt;
      if (!way->broken()) {
        ended_ = true;
        throw Error(*error);
      }
      resume();
      return resumed();
    }
    return std::nullopt;
  }
  bool ended() const override { return ended_; }
  void set_target(double latency_ms, double accuracy) override {
    {
      const std::lock_guard lock(mutex_);
      SubscribeOptions wanted = options_;
      wanted.latency_ms = latency_ms;
      wanted.accuracy = accuracy;
      static_cast<void>(quality_of(request_of(wanted)));
      options_ = std::move(wanted);
    }
    v1::Target target;
    target.set_latency_ms(latency_ms);
    target.set_accuracy(accuracy);
    way()->set_target(target);
  }
  void feedback(std::span<const Seen> seen, std::optional<double> limit_bytes) override {
    v1::FeedbackRequest request;
    if (limit_bytes) request.set_limit_bytes(*limit_bytes);
    for (const Seen& s : seen) {
      auto& one = *request.add_seen();
      one.set_sequence(s.sequence);
      one.set_bytes(s.bytes);
      one.set_latency_ns(s.latency.count());
      one.set_compute_ns(s.compute.count());
    }
    way()->feedback(request);
  }
  void cancel() override {
    ended_ = true;
    way()->unsubscribe();
  }

 private:
  std::shared_ptr<ClientWay> way() const {
    const std::lock_guard lock(mutex_);
    return way_;
  }
  void open(const std::shared_ptr<Connected>& connected) {
    SubscribeOptions options;
    {
      const std::lock_guard lock(mutex_);
      options = options_;
    }
    options.after_sequence = last_;
    options.after_epoch = epoch_;
    options.after_time = last_time_;
    if (last_ > 0 && !options.end) options.begin.reset();
    auto request = request_of(options);
    request.set_session(connected->session);
    auto way = connected->stream ? subscribe_by_stream(connected->stream, client_->next_id(), request)
                                 : subscribe_by_call(connected, request);
    const std::lock_guard lock(mutex_);
    way_ = std::move(way);
  }
  /// Finds a broker that has the camera. A standby may learn of it only now.
  void resume() {
    const MonotonicTime deadline = now() + client_->options().give_up;
    media::Backoff backoff({.initial_seconds = 0.1, .max_seconds = 1}, reinterpret_cast<uintptr_t>(this));
    while (!ended_) {
      std::optional<Error> error;
      try {
        open(client_->connection(deadline));
        const auto way = this->way();
        auto first = way->next(now() + client_->options().call_timeout, error);
        if (first && first->kind == Received::Kind::kStarted) {
          started(*first);
          first_ = std::move(first);
          return;
        }
      } catch (const Error& e) {
        error = e;
      }
      if (!error) error = Error(ErrorCode::kTimeout, "the broker does not answer");
      const bool passes = error->code() == ErrorCode::kUnavailable || error->code() == ErrorCode::kNotFound ||
                          error->code() == ErrorCode::kTimeout;
      const Duration wait = backoff.failed(now());
      if (!passes || now() + wait > deadline) {
        ended_ = true;
        throw Error(*error);
      }
      std::this_thread::sleep_for(wait);
    }
  }
  /// Numbers compare only within their epoch.
  void started(const Received& item) {
    if (epoch_ != 0 && item.camera.epoch != epoch_) last_ = 0;
    epoch_ = item.camera.epoch;
  }
  std::optional<Received> resumed() {
    if (!first_) return std::nullopt;
    auto item = std::move(first_);
    first_.reset();
    item->kind = Received::Kind::kResumed;
    return item;
  }

  const std::shared_ptr<Connector> client_;
  mutable std::mutex mutex_;
  SubscribeOptions options_;
  std::shared_ptr<ClientWay> way_;
  std::atomic<bool> ended_{false};
  uint64_t last_ = 0;  // and what belongs to it
  uint64_t epoch_ = 0;
  Timestamp last_time_{};
  std::optional<Received> first_;
};

}  // namespace

std::unique_ptr<ClientSubscription> make_subscription(std::shared_ptr<Connector> client, SubscribeOptions options) {
  return std::make_unique<Subscribed>(std::move(client), std::move(options));
}

}  // namespace vedette::broker
