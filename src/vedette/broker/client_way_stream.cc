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

class StreamWay final : public ClientWay, public StreamSink {
 public:
  StreamWay(std::shared_ptr<ClientStream> stream, uint64_t id) : stream_(std::move(stream)), id_(id) {}
  ~StreamWay() override {
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
    auto item = std::move(items_.front());
    items_.pop_front();
    lock.unlock();
    if (item.kind == Received::Kind::kFrame) consumed();
    return item;
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
    if (head.has_event()) push(broker::received_of(head.event()));
    if (head.has_fault()) fail(error_of({static_cast<grpc::StatusCode>(head.fault().code()), head.fault().line()}));
  }
  void on_frame(const v1::Frame& head, std::span<const std::byte> bytes, std::shared_ptr<const void> keep) override {
    push(received_of(head, bytes, std::move(keep)));
  }
  void on_lost(const std::string& why) override {
    broken_ = true;
    fail(Error(ErrorCode::kUnavailable, "the broker is lost: " + why));
  }

 private:
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
    items_.push_back(std::move(item));
    changed_.notify_one();
  }
  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!failed_) failed_ = std::move(error);
    changed_.notify_one();
  }
  void consumed() {
    if (++consumed_ < told_ + kFirstCredit / 2) return;
    told_ = consumed_;
    tell([this](v1::StreamHead& head) { head.set_credit(consumed_ + kFirstCredit); });
  }

  const std::shared_ptr<ClientStream> stream_;
  const uint64_t id_;
  uint64_t consumed_ = 0, told_ = 0;  // frames
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Received> items_;
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
  auto way = std::make_shared<StreamWay>(stream, id);
  stream->attach(id, way);
  way->start(request);
  return way;
}

}  // namespace vedette::broker
