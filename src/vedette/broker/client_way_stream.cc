#include <condition_variable>
#include <deque>
#include <mutex>

#include "broker.pb.h"
#include "vedette/broker/client_way.h"
#include "vedette/broker/frame_bytes.h"
#include "vedette/broker/grpc_status.h"
#include "vedette/broker/stream_server.h"

namespace vedette::broker {
namespace {

MonotonicTime now() { return Clock::system().monotonic(); }

class StreamWay final : public ClientWay, public StreamSink, public std::enable_shared_from_this<StreamWay> {
 public:
  StreamWay(std::shared_ptr<ClientStream> stream, uint64_t id, const v1::SubscribeRequest& request)
      : stream_(std::move(stream)), id_(id) {
    if (request.has_end_ns()) end_ = Timestamp{Duration{request.end_ns()}};
  }
  ~StreamWay() override {
    if (lane_) stream_->post([stream = stream_, lane = lane_] { stream->unwatch(lane->bell()); });
    tell([](v1::StreamHead& head) { head.mutable_unsubscribe(); });
    stream_->detach(id_);
  }
  void start(const v1::SubscribeRequest& request) {
    tell([&](v1::StreamHead& head) { *head.mutable_subscribe() = request; });
    if (!stream_->alive()) on_lost("the stream is closed");
  }

  std::optional<Received> next(MonotonicTime deadline, std::optional<Error>& error) override {
    const auto there = [this] {
      const std::lock_guard lock(mutex_);
      return something();
    };
    if (!there() && !stream_->lend(there, deadline)) {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, std::chrono::time_point_cast<std::chrono::steady_clock::duration>(deadline),
                          [this] { return something(); });
      stream_->wait_is_over();
    }
    std::unique_lock lock(mutex_);
    if (items_.empty()) {
      error = failed_;
      return std::nullopt;
    }
    auto [item, came] = std::move(items_.front());
    items_.pop_front();
    lock.unlock();
    if (item.kind == Received::Kind::kFrame && !item.direct) consumed(now() - came);
    return std::move(item);
  }

  void set_target(const v1::Target& target) override {
    tell([&](v1::StreamHead& head) { *head.mutable_target() = target; });
  }
  void feedback(const v1::FeedbackRequest& seen) override {
    tell([&](v1::StreamHead& head) { *head.mutable_feedback() = seen; });
  }
  void unsubscribe() override {
    tell([](v1::StreamHead& head) { head.mutable_unsubscribe(); });
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    stream_->wake();
  }

  void on_head(const v1::StreamHead& head) override {
    if (head.event().gap().first() == 0 && head.event().has_gap()) newest_ = 0;  // the numbers began anew
    if (head.has_event()) push(broker::received_of(head.event()));
    if (head.has_fault()) fail(error_of({static_cast<grpc::StatusCode>(head.fault().code()), head.fault().line()}));
  }
  void on_frame(const v1::Frame& head, std::span<const std::byte> bytes, std::shared_ptr<const void> keep) override {
    if (newest_ > 0 && head.sequence() <= newest_) return consumed(Duration::zero());  // it came by the lane, too
    newest_ = head.sequence();
    push(received_of(head, bytes, std::move(keep)));
  }
  void on_lane(const std::shared_ptr<const LaneReader>& lane, const std::shared_ptr<LaneClaims>& claims,
               const v1::PassLane& pass) override {
    if (lane_) stream_->unwatch(lane_->bell());
    if (pass.has_newest() && newest_ > pass.newest()) {  // those beyond it come to be used again
      newest_ = pass.newest();
      Received gap;
      gap.kind = Received::Kind::kGap;
      gap.reason = GapReason::kLost;
      push(std::move(gap));
    }
    lane_ = lane;
    claims_ = claims;
    pass_ = pass.pass();
    claim_ = pass.claim();
    auto bell = std::make_shared<Bell>();
    bell->way = weak_from_this();
    if (lane_ && !stream_->watch(lane_->bell(), std::move(bell))) lane_.reset();
  }
  void on_lost(const std::string& why) override {
    broken_ = true;
    fail(Error(ErrorCode::kUnavailable, "the broker is lost: " + why));
  }

 private:
  struct Bell final : link::IoLoop::Handler {
    std::weak_ptr<StreamWay> way;
    void on_ready() override {
      if (const auto there = way.lock()) there->look();
    }
  };

  /// For who waits: takes the frame it lacks out of its publisher's memory.
  void look() {
    {
      const std::lock_guard lock(mutex_);
      if (!lane_ || !claims_ || newest_ == 0 || something()) return;
    }
    v1::Frame head;
    const auto taken = lane_->take(newest_ + 1, stream_->pool(), head);
    if (!taken) return;
    try {
      const std::span bytes(reinterpret_cast<const std::byte*>(taken->bytes.get()), taken->size_bytes);
      auto item = received_of(head, bytes, taken->bytes);
      checked_info(item.info, bytes);
      if (end_ && item.info.time >= *end_) return;  // the broker says that this is the end
      item.direct = true;
      claims_->claim(claim_, pass_, ++newest_);
      push(std::move(item));
    } catch (const Error&) {
      return;  // the broker will refuse it, too
    }
  }

  template <typename Fill>
  void tell(Fill fill) {
    v1::StreamHead head;
    head.set_id(id_);
    fill(head);
    stream_->send(head);
  }
  bool something() const { return !items_.empty() || failed_ || stopped_; }
  /// What came and was not asked for yet: frames are bounded by the credit, notices by what the broker keeps.
  void push(Received item) {
    const std::lock_guard lock(mutex_);
    items_.push_back({std::move(item), now()});
    changed_.notify_one();
  }
  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!failed_) failed_ = std::move(error);
    changed_.notify_one();
  }
  /// A frame that counts against the credit, and waited here for so long.
  void consumed(Duration waited) {
    uint64_t credit = 0;
    {
      const std::lock_guard lock(mutex_);
      credit = window_.taken(waited);
    }
    if (credit > 0) tell([credit](v1::StreamHead& head) { head.set_credit(credit); });
  }

  const std::shared_ptr<ClientStream> stream_;
  const uint64_t id_;
  std::optional<Timestamp> end_;
  // Of the stream's thread.
  uint64_t newest_ = 0;  // frame that came; 0: none in this epoch
  std::shared_ptr<const LaneReader> lane_;
  std::shared_ptr<LaneClaims> claims_;
  uint64_t pass_ = 0;
  uint32_t claim_ = 0;

  std::mutex mutex_;
  CreditWindow window_;
  std::condition_variable changed_;
  struct Waiting {
    Received item;
    MonotonicTime came;
  };
  std::deque<Waiting> items_;
  std::optional<Error> failed_;
  bool stopped_ = false;
};

}  // namespace

Received received_of(const v1::Frame& head, std::span<const std::byte> bytes, std::shared_ptr<const void> keep) {
  Received r;
  r.info = from_head(head);
  r.sent = Timestamp{Duration{head.sent_ns()}};
  r.bytes = bytes;
  r.keep = std::move(keep);
  return r;
}

std::shared_ptr<ClientWay> subscribe_by_stream(const std::shared_ptr<ClientStream>& stream, uint64_t id,
                                               const v1::SubscribeRequest& request) {
  auto way = std::make_shared<StreamWay>(stream, id, request);
  stream->attach(id, way);
  way->start(request);
  return way;
}

}  // namespace vedette::broker
