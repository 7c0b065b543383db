#include "vedette/broker/broker_source.h"

#include <fmt/format.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/base/thread.h"
#include "vedette/broker/client.h"
#include "vedette/framelog/log_url.h"
#include "vedette/framelog/record_source.h"
#include "vedette/media/backoff.h"
#include "vedette/media/waiting.h"

namespace vedette::broker {
namespace {

constexpr int kUsualPort = 7402;
constexpr Duration kLook = std::chrono::milliseconds(100);
/// Items that wait for the reader: beyond, the broker holds back, and sends the newest to a reader of the present.
constexpr size_t kMostWaiting = 4;

/// A subscription on a thread of its own, since a call to a broker that does not answer takes seconds.
class Fetcher {
 public:
  struct Item {
    Received received;
    std::optional<Error> fault;  // the broker was lost (kUnavailable), or refuses
  };

  Fetcher(ClientOptions client, SubscribeOptions wanted, const media::SourceOptions& options)
      : client_options_(std::move(client)),
        wanted_(std::move(wanted)),
        max_reconnects_(options.max_reconnects),
        backoff_(options.backoff, std::hash<std::string>{}(options.url)),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

  /// Nothing after `kLook`, upon a stop request, and when done().
  std::optional<Item> take(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, kLook, [this] { return !items_.empty() || done_; });
    if (items_.empty()) return std::nullopt;
    std::optional item(std::move(items_.front()));
    items_.pop_front();
    changed_.notify_all();
    return item;
  }
  bool done() const {
    const std::lock_guard lock(mutex_);
    return done_ && items_.empty();
  }

 private:
  void put(Item item, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [this] { return items_.size() < kMostWaiting; });
    items_.push_back(std::move(item));
    changed_.notify_all();
  }

  void run(const std::stop_token& stop) {
    name_this_thread("broker");
    while (!stop.stop_requested()) {
      try {
        if (follow(stop)) break;
      } catch (const Error& e) {
        const Duration wait = backoff_.failed(Clock::system().monotonic());
        const bool hopeless = e.code() == ErrorCode::kPermissionDenied || e.code() == ErrorCode::kUsage ||
                              e.code() == ErrorCode::kInvalidConfig ||
                              (max_reconnects_ > 0 && backoff_.failures_in_a_row() > max_reconnects_);
        put({{}, hopeless ? e : Error(ErrorCode::kUnavailable, e.what(), e.hint())}, stop);
        if (hopeless) break;
        media::sleep_unless_stopped(wait, stop);
      }
    }
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }

  /// True at the end of what was asked for.
  bool follow(const std::stop_token& stop) {
    Client client(client_options_);
    const auto subscription = client.subscribe(wanted_);
    ClockAhead ahead;
    while (!stop.stop_requested()) {
      auto received = subscription->next(Clock::system().monotonic() + kLook);
      if (!received) {
        if (subscription->ended()) return true;
        continue;
      }
      switch (received->kind) {
        case Received::Kind::kFrame: {
          backoff_.connected(Clock::system().monotonic());
          wanted_.after_sequence = received->info.sequence;
          if (wanted_.begin) wanted_.begin = received->info.time + std::chrono::microseconds(1);
          if (wanted_.latency_ms > 0) {
            const Duration took = Clock::system().now() - (received->sent - ahead.offset);
            const ClientSubscription::Seen seen{.sequence = received->info.sequence,
                                                .bytes = received->bytes.size(),
                                                .latency = std::max(took, Duration{0})};
            subscription->feedback({&seen, 1});
          }
          break;
        }
        case Received::Kind::kStarted:
        case Received::Kind::kClock: ahead = client.clock(); continue;
        case Received::Kind::kEnd:
          if (received->end_reason == 1 || received->end_reason == 2) return true;
          throw Error(ErrorCode::kUnavailable, received->line);
        default: break;
      }
      put({std::move(*received), std::nullopt}, stop);
    }
    return true;
  }

  const ClientOptions client_options_;
  SubscribeOptions wanted_;
  const int max_reconnects_;
  media::Backoff backoff_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Item> items_;
  bool done_ = false;
  std::jthread thread_;
};

/// Frames that a gap says will not come. One without numbers (0, 0) is one that nobody knows the length of.
uint64_t frames_in(const Received& gap) {
  if (gap.last < gap.first) return 0;
  return std::min(gap.last - gap.first, UINT64_MAX - 1) + 1;
}

class BrokerSource final : public framelog::RecordSource {
 public:
  BrokerSource(const framelog::LogUrl& url, const SourceAccess& access, const media::SourceOptions& options,
               std::shared_ptr<const StreamInfo> stream, std::shared_ptr<BufferPool> pool, const Clock& clock)
      : RecordSource(options, std::move(stream), std::move(pool), clock, url.live(), !url.live()),
        fetcher_(client_options(url, access), wanted(url, clock.now()), options) {}

  std::optional<Frame> next(std::stop_token stop) override {
    while (!stop.stop_requested()) {
      const auto item = fetcher_.take(stop);
      if (!item) {
        if (fetcher_.done()) break;
        continue;
      }
      if (item->fault) {
        lost(*item->fault);
        continue;
      }
      const Received& received = item->received;
      if (received.kind == Received::Kind::kGap) {
        missing(frames_in(received));
      } else if (received.kind == Received::Kind::kInfeasible) {
        log::warn("source {}: {}", stream_->name, received.line);
      } else if (received.kind == Received::Kind::kFrame) {
        auto frame = admitted(received.info, received.bytes);
        if (!frame) continue;
        set_state(media::SourceState::kStreaming);
        if (!hand_over(*frame, stop)) break;
        return frame;
      }
    }
    set_state(media::SourceState::kEnded);
    return std::nullopt;
  }

 private:
  static ClientOptions client_options(const framelog::LogUrl& url, const SourceAccess& access) {
    ClientOptions options;
    options.addresses = {fmt::format("{}:{}", url.host, url.port == 0 ? kUsualPort : url.port)};
    options.token = access.token;
    options.tls = access.tls;
    options.call_timeout = options.give_up = std::chrono::seconds(3);
    return options;
  }
  static SubscribeOptions wanted(const framelog::LogUrl& url, Timestamp now) {
    SubscribeOptions options;
    options.camera = url.camera;
    // The oldest: any time before every camera's, and within what the wire's nanoseconds hold.
    if (!std::holds_alternative<framelog::Newest>(url.from)) {
      options.begin = std::max(framelog::time_of(url.from, now), Timestamp{});
      options.max_behind = UINT32_MAX;  // the past is played whole
    }
    if (url.to) options.end = framelog::time_of(*url.to, now);
    if (url.latency) options.latency_ms = to_milliseconds(*url.latency);
    options.accuracy = url.accuracy;
    return options;
  }

  void lost(const Error& fault) {
    set_error(fault.line());
    if (fault.code() != ErrorCode::kUnavailable) {
      set_state(media::SourceState::kFailed);
      throw Error(fault);
    }
    set_state(media::SourceState::kWaiting);
    count_reconnect();
  }

  Fetcher fetcher_;
};

}  // namespace

decltype(media::SourceScheme::open) remote_logs(SourceAccess access) {
  return [access = std::move(access)](const media::SourceOptions& options, std::shared_ptr<const StreamInfo> stream,
                                      const std::shared_ptr<BufferPool>& pool, const Clock& clock) {
    return std::make_unique<BrokerSource>(framelog::parse_log_url(options.url), access, options, std::move(stream),
                                          pool, clock);
  };
}

}  // namespace vedette::broker
