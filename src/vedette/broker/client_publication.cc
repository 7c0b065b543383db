#include "vedette/broker/client_publication.h"

#include <fmt/format.h>

#include <condition_variable>

#include "broker.pb.h"
#include "vedette/broker/frame_bytes.h"
#include "vedette/broker/grpc_status.h"
#include "vedette/broker/published_memory.h"

namespace vedette::broker {
namespace {

/// By stream or shared memory.
class StreamPublication final : public ClientPublication {
  struct Sink final : StreamSink {
    void on_head(const v1::StreamHead& head) override {
      const std::lock_guard lock(mutex);
      if (head.has_opened()) opened = head.opened();
      if (head.has_closed()) closed = head.closed().frames();
      if (head.has_fault()) fault = error_of({static_cast<grpc::StatusCode>(head.fault().code()), head.fault().line()});
      changed.notify_all();
    }
    void on_frame(const v1::Frame&, std::span<const std::byte>, std::shared_ptr<const void>) override {}
    void on_lost(const std::string& why) override {
      const std::lock_guard lock(mutex);
      fault = Error(ErrorCode::kUnavailable, "the broker is lost: " + why);
      changed.notify_all();
    }
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<v1::PublicationOpened> opened;
    std::optional<uint64_t> closed;
    std::optional<Error> fault;
  };

 public:
  StreamPublication(std::shared_ptr<Connector> client, std::string camera, double rate)
      : client_(std::move(client)), camera_(std::move(camera)), rate_(rate) {
    open();
  }
  ~StreamPublication() override {
    close();
    if (stream_) stream_->detach(id_);
  }
  void send(const framelog::RecordInfo& info, std::span<const std::byte> bytes) override {
    if (bytes.empty() || bytes.size() >= framelog::kMaxFrameBytes)
      throw Error(ErrorCode::kInvalidData,
                  fmt::format("a frame of {} bytes; frames have 1 to {}", bytes.size(), framelog::kMaxFrameBytes - 1));
    if (!sink_) open();
    v1::StreamHead head;
    head.set_id(id_);
    to_head(info, Clock::system().now(), *head.mutable_frame());
    if (info.sequence == framelog::kNextSequence) head.mutable_frame()->set_sequence(0);
    try {
      check();
      const Duration timeout = client_->options().call_timeout;
      if (memory_ && memory_->send(*stream_, head, info, bytes, timeout)) return;
      stream_->send_frame(head, bytes, timeout);
      if (memory_) memory_->passed_over(info);
    } catch (const Error&) {
      close();
      forget();
      throw;
    }
  }
  uint64_t finish() override {
    if (!sink_) return 0;
    close();
    const auto sink = sink_;
    {
      std::unique_lock lock(sink->mutex);
      sink->changed.wait_for(lock, client_->options().call_timeout, [&] { return sink->closed || sink->fault; });
      if (sink->fault) throw Error(*sink->fault);
      if (!sink->closed) throw Error(ErrorCode::kTimeout, "the broker does not answer");
    }
    forget();
    return *sink->closed;
  }

 private:
  void open() {
    const auto connected = client_->connection();
    if (!connected->stream) throw Error(ErrorCode::kUnavailable, "the broker has no stream any more");
    stream_ = connected->stream;
    id_ = client_->next_id();
    auto sink = std::make_shared<Sink>();
    stream_->attach(id_, sink);
    memory_ = stream_->shares_memory() ? new_memory() : nullptr;
    if (memory_) memory_->offer(*stream_, id_);
    v1::StreamHead head;
    head.set_id(id_);
    head.mutable_open()->set_camera(camera_);
    head.mutable_open()->set_frames_a_second(rate_);
    stream_->send(head);
    std::unique_lock lock(sink->mutex);
    const bool in_time =
        sink->changed.wait_for(lock, client_->options().call_timeout, [&] { return sink->opened || sink->fault; });
    if (sink->fault) throw Error(*sink->fault);
    if (!in_time) throw Error(ErrorCode::kTimeout, "the broker does not answer");
    if (memory_) memory_->opened(*sink->opened);
    lock.unlock();
    sink_ = std::move(sink);
  }
  static std::unique_ptr<PublishedMemory> new_memory() {
    try {
      return std::make_unique<PublishedMemory>();
    } catch (const Error&) {
      return nullptr;  // the system has no more: through the socket
    }
  }
  void check() const {
    const std::lock_guard lock(sink_->mutex);
    if (sink_->fault) throw Error(*sink_->fault);
  }
  void close() {
    if (!sink_) return;
    v1::StreamHead head;
    head.set_id(id_);
    head.mutable_close();
    stream_->send(head);
  }
  void forget() {
    stream_->detach(id_);
    sink_.reset();
  }

  const std::shared_ptr<Connector> client_;
  const std::string camera_;
  const double rate_;
  std::shared_ptr<ClientStream> stream_;
  std::shared_ptr<Sink> sink_;
  std::unique_ptr<PublishedMemory> memory_;
  uint64_t id_ = 0;
};

/// By the gRPC call.
class GrpcPublication final : public ClientPublication {
 public:
  GrpcPublication(std::shared_ptr<Connector> client, std::string camera, double rate)
      : client_(std::move(client)), camera_(std::move(camera)), rate_(rate) {
    open();
  }
  ~GrpcPublication() override {
    if (writer_) {
      context_->TryCancel();
      static_cast<void>(writer_->Finish());
    }
  }
  void send(const framelog::RecordInfo& info, std::span<const std::byte> bytes) override {
    if (!writer_) open();
    v1::Frame head;
    to_head(info, Clock::system().now(), head);
    if (info.sequence == framelog::kNextSequence) head.set_sequence(0);
    if (writer_->Write(broker::request_of(head, bytes))) return;
    const auto error = end();
    throw error.value_or(Error(ErrorCode::kUnavailable, "the broker ended the publication"));
  }
  uint64_t finish() override {
    if (!writer_) return 0;
    writer_->WritesDone();
    if (const auto error = end()) throw Error(*error);
    return summary_.frames();
  }

 private:
  void open() {
    connected_ = client_->connection();
    context_ = std::make_unique<grpc::ClientContext>();
    connected_->channel->prepare(*context_, Duration::zero());
    const grpc::internal::RpcMethod method("/vedette.broker.v1.Broker/Publish",
                                           grpc::internal::RpcMethod::CLIENT_STREAMING, connected_->channel->channel());
    writer_.reset(grpc::internal::ClientWriterFactory<grpc::ByteBuffer>::Create(connected_->channel->channel().get(),
                                                                                method, context_.get(), &summary_));
    v1::PublishRequest open;
    open.mutable_open()->set_camera(camera_);
    open.mutable_open()->set_frames_a_second(rate_);
    if (!writer_->Write(broker::request_of(open))) throw end().value_or(Error(ErrorCode::kUnavailable, "refused"));
  }
  std::optional<Error> end() {
    const grpc::Status status = writer_->Finish();
    writer_.reset();
    if (status.ok()) return std::nullopt;
    const Error error = error_of(status);
    if (error.code() == ErrorCode::kUnavailable) connected_->lost = true;
    return error;
  }

  const std::shared_ptr<Connector> client_;
  const std::string camera_;
  const double rate_;
  std::shared_ptr<Connected> connected_;
  std::unique_ptr<grpc::ClientContext> context_;
  v1::PublishSummary summary_;
  std::unique_ptr<grpc::ClientWriter<grpc::ByteBuffer>> writer_;
};

}  // namespace

std::unique_ptr<ClientPublication> make_publication(std::shared_ptr<Connector> client, const std::string& camera,
                                                    double frames_a_second) {
  if (client->connection()->stream)
    return std::make_unique<StreamPublication>(std::move(client), camera, frames_a_second);
  return std::make_unique<GrpcPublication>(std::move(client), camera, frames_a_second);
}

}  // namespace vedette::broker
