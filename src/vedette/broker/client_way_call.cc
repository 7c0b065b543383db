#include <grpcpp/grpcpp.h>

#include <mutex>

#include "broker.pb.h"
#include "vedette/broker/client_way.h"
#include "vedette/broker/frame_bytes.h"
#include "vedette/broker/grpc_status.h"

namespace vedette::broker {
namespace {

/// The Subscribe call on a completion queue of its own, which next() waits by: gRPC's synchronous reader knows no
/// deadline, and would need a thread.
///
///   starting ──▶ reading ◀──▶ (a frame is handed out) ──read failed──▶ finishing ──▶ over
class CallWay final : public ClientWay {
 public:
  CallWay(std::shared_ptr<Connected> connected, const v1::SubscribeRequest& request)
      : connected_(std::move(connected)) {
    connected_->channel->prepare(context_, Duration::zero());
    const grpc::internal::RpcMethod method("/vedette.broker.v1.Broker/Subscribe",
                                           grpc::internal::RpcMethod::SERVER_STREAMING, connected_->channel->channel());
    reader_.reset(grpc::internal::ClientAsyncReaderFactory<grpc::ByteBuffer>::Create(
        connected_->channel->channel().get(), &queue_, method, &context_, request, true, tag()));
  }
  ~CallWay() override {
    context_.TryCancel();
    queue_.Shutdown();
    void* which = nullptr;
    bool good = false;
    while (queue_.Next(&which, &good)) {
    }
  }

  std::optional<Received> next(MonotonicTime deadline, std::optional<Error>& error) override {
    while (state_ != State::kOver) {
      if (state_ == State::kIdle) {
        reader_->Read(&buffer_, tag());
        state_ = State::kReading;
      }
      void* which = nullptr;
      bool good = false;
      if (queue_.AsyncNext(&which, &good, grpc_time(deadline)) != grpc::CompletionQueue::GOT_EVENT) return std::nullopt;
      if (state_ == State::kFinishing) {
        state_ = State::kOver;
        if (!failed_) failed_ = error_of(status_);
        broken_ = failed_->code() == ErrorCode::kUnavailable;
        if (broken_) connected_->lost = true;
      } else if (!good) {
        finish();
      } else if (std::exchange(state_, State::kIdle) == State::kReading) {
        try {
          return taken();
        } catch (const Error& e) {
          failed_ = e;
          context_.TryCancel();
        }
      }
    }
    if (!stopped_) error = failed_;
    return std::nullopt;
  }

  void set_target(const v1::Target& target) override {
    v1::SetTargetRequest request;
    request.set_subscription(name());
    *request.mutable_target() = target;
    connected_->channel->call(&v1::Broker::Stub::SetTarget, request);
  }
  void feedback(const v1::FeedbackRequest& seen) override {
    v1::FeedbackRequest request = seen;
    request.set_subscription(name());
    connected_->channel->call(&v1::Broker::Stub::Feedback, request);
  }
  void unsubscribe() override {
    stopped_ = true;
    context_.TryCancel();
  }

 private:
  enum class State { kStarting, kIdle, kReading, kFinishing, kOver };

  void* tag() { return this; }
  static gpr_timespec grpc_time(MonotonicTime deadline) {
    const Duration left = std::max(Duration::zero(), deadline - Clock::system().monotonic());
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(left.count(), GPR_TIMESPAN));
  }
  std::string name() {
    const std::lock_guard lock(mutex_);
    return name_;
  }
  void finish() {
    state_ = State::kFinishing;
    reader_->Finish(&status_, tag());
  }
  Received taken() {
    const FrameMessage message = FrameMessage::of_event(buffer_);
    Received item;
    if (message.frame()) {
      const auto bytes = std::shared_ptr<uint8_t>(pool_.acquire(message.frame_bytes()));
      const std::span<std::byte> into(reinterpret_cast<std::byte*>(bytes.get()), message.frame_bytes());
      message.copy_to(into);
      item = received_of(*message.frame(), into, bytes);
    } else {
      item = broker::received_of(*message.event());
      if (item.kind == Received::Kind::kStarted) {
        const std::lock_guard lock(mutex_);
        name_ = item.subscription;
      }
    }
    buffer_.Clear();
    return item;
  }

  const std::shared_ptr<Connected> connected_;
  BufferPool pool_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  grpc::ByteBuffer buffer_;
  grpc::Status status_;
  std::unique_ptr<grpc::ClientAsyncReader<grpc::ByteBuffer>> reader_;
  State state_ = State::kStarting;
  std::optional<Error> failed_;
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::string name_;
};

}  // namespace

std::shared_ptr<ClientWay> subscribe_by_call(std::shared_ptr<Connected> connected,
                                             const v1::SubscribeRequest& request) {
  return std::make_shared<CallWay>(std::move(connected), request);
}

}  // namespace vedette::broker
