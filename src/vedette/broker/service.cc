#include "vedette/broker/service.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <deque>
#include <fstream>
#include <sstream>

#include "broker.grpc.pb.h"
#include "vedette/base/log.h"
#include "vedette/broker/frame_bytes.h"
#include "vedette/broker/grpc_status.h"
#include "vedette/net/gate.h"
#include "vedette/net/grpc_host.h"

namespace vedette::broker {
namespace {

using grpc::ByteBuffer;
using grpc::Status;
using grpc::StatusCode;

constexpr uint32_t kVersion = 1;
constexpr size_t kMostReplicas = 10'000;

int64_t wall_ns() { return Clock::system().now().time_since_epoch().count(); }

std::string_view authorization_of(const grpc::ServerContextBase& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("authorization");
  return found == metadata.end() ? std::string_view() : std::string_view(found->second.data(), found->second.size());
}

template <typename Body>
Status guarded(Body body) {
  try {
    body();
    return Status::OK;
  } catch (const Error& e) {
    return status_of(e);
  } catch (const std::exception& e) {
    return {StatusCode::INTERNAL, e.what()};
  }
}

/// One Publish call. gRPC calls one of these at a time.
class PublishCall final : public grpc::ServerReadReactor<ByteBuffer> {
 public:
  PublishCall(grpc::CallbackServerContext& context, Core& core, ByteBuffer* answer)
      : context_(context), core_(core), answer_(answer) {
    const Status status = guarded([&] { who_ = core_.admit(authorization_of(context_)); });
    if (status.ok()) {
      StartRead(&buffer_);
    } else {
      finish(status);
    }
  }

  void OnReadDone(bool ok) override {
    if (finished_) return;
    if (!ok) return end();
    const Status status = guarded([&] { take(); });
    if (!status.ok()) return finish(status);
    buffer_.Clear();
    StartRead(&buffer_);
  }
  void OnDone() override { const std::unique_ptr<PublishCall> own(this); }

 private:
  void take() {
    const FrameMessage message = FrameMessage::of_request(buffer_);
    if (!message.frame()) {
      if (publication_) throw Error(ErrorCode::kUsage, "a publication is opened once");
      if (!message.request()->has_open()) throw Error(ErrorCode::kUsage, "a message that is neither open nor a frame");
      publication_ = core_.publish(who_, message.request()->open());
      return;
    }
    if (!publication_) throw Error(ErrorCode::kUsage, "the first message of Publish must be open");
    const auto info = from_head(*message.frame());
    message.copy_to(publication_->reserve(message.frame_bytes()));
    publication_->commit(info, message.frame_bytes());
  }
  void end() {
    v1::PublishSummary summary;
    if (publication_) {
      summary.set_frames(publication_->frames());
      summary.set_bytes(publication_->bytes());
    }
    const grpc::Slice slice(summary.SerializeAsString());
    *answer_ = ByteBuffer(&slice, 1);
    finish(context_.IsCancelled() ? Status(StatusCode::CANCELLED, "cancelled") : Status::OK);
  }
  void finish(const Status& status) {
    finished_ = true;
    publication_.reset();
    Finish(status);
  }

  grpc::CallbackServerContext& context_;
  Core& core_;
  ByteBuffer* const answer_;
  ByteBuffer buffer_;
  net::Principal who_;
  std::unique_ptr<Publication> publication_;
  bool finished_ = false;
};

/// One Subscribe call: whoever appends writes the frame, unless a write is under way.
class SubscribeCall final : public grpc::ServerWriteReactor<ByteBuffer> {
 public:
  SubscribeCall(grpc::CallbackServerContext& context, Core& core, const ByteBuffer* request) : core_(core) {
    const Status status = guarded([&] {
      const net::Principal who = core_.admit(authorization_of(context));
      v1::SubscribeRequest asked;
      std::vector<grpc::Slice> slices;
      ByteBuffer copy(*request);
      std::string text;
      if (copy.Length() > 65536 || !copy.Dump(&slices).ok())
        throw Error(ErrorCode::kInvalidData, "a request that cannot be read");
      for (const auto& slice : slices) text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
      if (!asked.ParseFromString(text)) throw Error(ErrorCode::kInvalidData, "a request that cannot be read");
      v1::Event started;
      *started.mutable_started()->mutable_camera() = core_.camera(who, asked.camera());
      *started.mutable_started()->mutable_clock() = started.started().camera().clock();
      const auto hook = hook_;
      auto subscription = core_.subscribe(who, asked, [hook] {
        const std::lock_guard lock(hook->mutex);
        if (hook->call) hook->call->pump();
      });
      started.mutable_started()->set_subscription(subscription->options().id);
      buffer_ = event_of(started);
      const std::lock_guard lock(mutex_);
      subscription_ = std::move(subscription);
      writing_ = true;
    });
    if (!status.ok()) {
      finished_ = true;
      Finish(status);
      return;
    }
    {
      const std::lock_guard lock(hook_->mutex);
      hook_->call = this;
    }
    StartWrite(&buffer_);
  }

  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      if (!ok) cancelled_ = true;
    }
    pump();
  }
  void OnCancel() override {
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
    }
    pump();
  }
  void OnDone() override {
    {
      const std::lock_guard lock(hook_->mutex);
      hook_->call = nullptr;
    }
    if (subscription_) core_.drop(subscription_);
    const std::unique_ptr<SubscribeCall> own(this);
  }

 private:
  struct Hook {
    std::recursive_mutex mutex;  // gRPC may call OnDone() within StartWrite() and Finish()
    SubscribeCall* call = nullptr;
  };

  void pump() {
    bool write = false;
    Status last = Status::OK;
    {
      const std::lock_guard lock(mutex_);
      if (writing_ || finished_ || !subscription_) return;
      Subscription::Item item;
      if (cancelled_) {
        finished_ = true;
        last = Status::CANCELLED;
      } else {
        try {
          if (subscription_->next(item)) {
            write = writing_ = true;
            v1::Frame head;
            if (item.frame) to_head(item.frame->info(), item.came, head);
            buffer_ = item.frame ? event_of(head, *item.frame) : event_of(*item.notice);
          } else if (subscription_->ended()) {
            finished_ = true;
          } else {
            return;
          }
        } catch (const Error& e) {  // history that cannot be read
          finished_ = true;
          last = status_of(e);
        }
      }
    }
    if (write) {
      StartWrite(&buffer_);
    } else {
      Finish(last);
    }
  }

  Core& core_;
  const std::shared_ptr<Hook> hook_ = std::make_shared<Hook>();
  std::mutex mutex_;
  std::shared_ptr<Subscription> subscription_;
  ByteBuffer buffer_;
  bool writing_ = false, finished_ = false, cancelled_ = false;
};

using Base =
    v1::Broker::WithRawCallbackMethod_Publish<v1::Broker::WithRawCallbackMethod_Subscribe<v1::Broker::Service>>;

class Calls final : public Base {
 public:
  Calls(const ServiceOptions& options, Core& core) : options_(options), core_(core) {}

  grpc::ServerReadReactor<ByteBuffer>* Publish(grpc::CallbackServerContext* context, ByteBuffer* answer) override {
    return std::make_unique<PublishCall>(*context, core_, answer).release();
  }
  grpc::ServerWriteReactor<ByteBuffer>* Subscribe(grpc::CallbackServerContext* context,
                                                  const ByteBuffer* request) override {
    return std::make_unique<SubscribeCall>(*context, core_, request).release();
  }

  Status Connect(grpc::ServerContext* context, const v1::ConnectRequest* in, v1::ConnectResponse* out) override {
    const int64_t received = wall_ns();
    if (in->version() != kVersion)
      return {
          StatusCode::FAILED_PRECONDITION,
          fmt::format("the client speaks version {} of the broker's interface, this broker {}: upgrade the older of "
                      "the two",
                      in->version(), kVersion)};
    return guarded([&] {
      const auto who = core_.admit(authorization_of(*context));
      bool resumed = false;
      out->set_version(kVersion);
      out->set_session(core_.begin_session(who, in->resume_session(), resumed));
      out->set_resumed(resumed);
      out->set_broker(core_.options().name);
      for (const auto& standby : options_.standbys) out->add_standbys(standby);
      agree(*in, *out);
      *out->mutable_clock() = {};
      out->mutable_clock()->set_received_ns(received);
      out->mutable_clock()->set_answered_ns(wall_ns());
    });
  }
  Status SampleClock(grpc::ServerContext* context, const v1::ClockSample* in, v1::ClockSample* out) override {
    const int64_t received = wall_ns();
    return guarded([&] {
      static_cast<void>(core_.admit(authorization_of(*context)));
      out->set_sent_ns(in->sent_ns());
      out->set_received_ns(received);
      out->set_answered_ns(wall_ns());
    });
  }
  Status ListCameras(grpc::ServerContext* context, const v1::ListCamerasRequest* in,
                     v1::ListCamerasResponse* out) override {
    return guarded([&] {
      for (auto& info : core_.cameras(core_.admit(authorization_of(*context)), in->glob()))
        *out->add_cameras() = std::move(info);
    });
  }
  Status GetCameraInfo(grpc::ServerContext* context, const v1::GetCameraInfoRequest* in, v1::CameraInfo* out) override {
    return guarded([&] { *out = core_.camera(core_.admit(authorization_of(*context)), in->camera()); });
  }
  Status Unsubscribe(grpc::ServerContext* context, const v1::UnsubscribeRequest* in, v1::Nothing*) override {
    return guarded([&] {
      core_.subscription(core_.admit(authorization_of(*context)), in->subscription())
          ->finish(end_event(v1::End::UNSUBSCRIBED, ""));
    });
  }
  Status SetTarget(grpc::ServerContext* context, const v1::SetTargetRequest* in, v1::Nothing*) override {
    return guarded([&] {
      core_.set_target(core_.subscription(core_.admit(authorization_of(*context)), in->subscription()),
                       in->target().latency_ms(), in->target().accuracy());
    });
  }
  Status Feedback(grpc::ServerContext* context, const v1::FeedbackRequest* in, v1::Nothing*) override {
    return guarded(
        [&] { core_.feedback(*core_.subscription(core_.admit(authorization_of(*context)), in->subscription()), *in); });
  }
  Status Register(grpc::ServerContext* context, const v1::RegisterRequest* in, v1::RegisterResponse* out) override {
    const int64_t received = wall_ns();
    return guarded([&] {
      check_broker(core_.admit(authorization_of(*context)));
      core_.register_broker(*in, options_.lease);
      out->set_lease_ms(static_cast<uint32_t>(to_milliseconds(options_.lease)));
      out->mutable_clock()->set_received_ns(received);
      out->mutable_clock()->set_answered_ns(wall_ns());
    });
  }
  Status Unregister(grpc::ServerContext* context, const v1::UnregisterRequest* in, v1::Nothing*) override {
    return guarded([&] {
      check_broker(core_.admit(authorization_of(*context)));
      core_.unregister_broker(in->broker());
    });
  }
  Status Replicate(grpc::ServerContext* context, const v1::ReplicateRequest* in,
                   grpc::ServerWriter<v1::Replica>* out) override {
    return guarded([&] {
      check_broker(core_.admit(authorization_of(*context)));
      replicate(*context, in->broker(), *out);
    });
  }

 private:
  static void check_broker(const net::Principal& who) {
    if (who.may(net::Role::kNode)) return;
    throw Error(ErrorCode::kPermissionDenied, fmt::format("this call needs the role node, and token '{}' has {}",
                                                          who.name, net::to_string(who.role)));
  }

  /// The best transport that both know: shared memory on one host, then a stream, then calls.
  void agree(const v1::ConnectRequest& in, v1::ConnectResponse& out) const {
    const auto knows = [&](v1::Transport t) {
      return std::find(in.transports().begin(), in.transports().end(), t) != in.transports().end();
    };
    out.set_transport(v1::GRPC);
    const bool stream = knows(v1::STREAM) && !options_.tcp_stream.empty();
    if (stream) {
      out.set_transport(v1::STREAM);
      out.set_stream_address(options_.tcp_stream);
    }
    if (!knows(v1::SHARED_MEMORY) || options_.unix_stream.empty() || in.host().empty() || in.host() != host_id())
      return;
    out.set_transport(v1::SHARED_MEMORY);
    out.set_stream_address(options_.unix_stream);
    if (stream) out.set_fallback_address(options_.tcp_stream);
  }

  void replicate(grpc::ServerContext& context, const std::string& standby, grpc::ServerWriter<v1::Replica>& out) {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<v1::Replica> changes;
    log::info("broker '{}' stands by", standby.substr(0, 128));
    const uint64_t listener = core_.listen([&](const v1::Replica& change) {
      const std::lock_guard lock(mutex);
      if (changes.size() < kMostReplicas) changes.push_back(change);
      changed.notify_all();
    });
    bool overflow = false, good = true;
    while (good && !overflow && !context.IsCancelled() && !core_.shutting_down()) {
      std::deque<v1::Replica> some;
      {
        std::unique_lock lock(mutex);
        changed.wait_for(lock, std::chrono::milliseconds(200), [&] { return !changes.empty(); });
        overflow = changes.size() >= kMostReplicas;
        some.swap(changes);
      }
      for (const auto& change : some) good = good && out.Write(change);
    }
    core_.unlisten(listener);
    if (overflow) throw Error(ErrorCode::kExhausted, "the standby reads too slowly", "it comes again and gets all");
  }

  const ServiceOptions& options_;
  Core& core_;
};

}  // namespace

std::string host_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

struct Service::Running {
  ServiceOptions options;
  std::unique_ptr<Calls> calls;
  std::unique_ptr<net::GrpcHost> host;
};

Service::Service(ServiceOptions options, Core& core) : running_(std::make_unique<Running>()) {
  running_->options = std::move(options);
  const ServiceOptions& o = running_->options;
  running_->calls = std::make_unique<Calls>(o, core);
  net::GrpcHostOptions host;
  host.what = "the broker";
  host.address = o.address;
  host.port = o.port;
  host.tls = o.tls;
  host.max_request_bytes = host.max_answer_bytes = kMaxMessageBytes;
  host.memory_bytes = size_t{1} << 30;
  running_->host = std::make_unique<net::GrpcHost>(host, *running_->calls, [](grpc::ServerBuilder& builder) {
    builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kLookaheadBytes);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kHttp2FrameBytes);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 12'000);  // clients look every 5 s at least
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1'000);
  });
}

Service::~Service() = default;

int Service::port() const { return running_->host->port(); }

}  // namespace vedette::broker
