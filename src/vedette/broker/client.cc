#include "vedette/broker/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "vedette/base/log.h"
#include "vedette/base/thread.h"
#include "vedette/broker/client_channel.h"
#include "vedette/broker/client_stream.h"
#include "vedette/broker/frame_bytes.h"
#include "vedette/broker/grpc_status.h"
#include "vedette/broker/service.h"
#include "vedette/broker/stream_server.h"
#include "vedette/media/backoff.h"

namespace vedette::broker {
namespace {

constexpr uint32_t kVersion = 1;
constexpr int kClockSamples = 5;

MonotonicTime now() { return Clock::system().monotonic(); }
int64_t wall_ns() { return Clock::system().now().time_since_epoch().count(); }

std::chrono::steady_clock::time_point steady(MonotonicTime t) {
  return std::chrono::time_point_cast<std::chrono::steady_clock::duration>(t);
}

Received received_of(const v1::Frame& head, std::span<const std::byte> bytes, std::shared_ptr<const void> keep) {
  Received r;
  r.info = from_head(head);
  r.sent = Timestamp{Duration{head.sent_ns()}};
  r.bytes = bytes;
  r.keep = std::move(keep);
  return r;
}

}  // namespace

/// What a client is connected by at present; replaced as a whole when a broker was lost.
struct Connected {
  std::unique_ptr<ClientChannel> channel;
  std::shared_ptr<ClientStream> stream;  // null: by gRPC
  v1::Transport transport = v1::GRPC;
  std::string session;
  std::atomic<bool> lost{false};
};

class Client::Running : public std::enable_shared_from_this<Client::Running> {
 public:
  explicit Running(ClientOptions o) : options(std::move(o)), addresses_(options.addresses) {
    if (addresses_.empty()) throw Error(ErrorCode::kUsage, "a client needs a broker's address", "HOST:PORT");
    if (!options.tls.empty()) tls_ = net::make_client_context(options.tls);
  }
  ~Running() {
    if (connected_ && connected_->stream) connected_->stream->stop();
  }

  /// The connection there is, or a new one if that one is lost. Tries every address again and again until `deadline`.
  std::shared_ptr<Connected> connection(MonotonicTime deadline) {
    const std::lock_guard lock(mutex_);
    if (connected_ && !connected_->lost && (!connected_->stream || connected_->stream->alive())) return connected_;
    if (connected_ && connected_->stream) connected_->stream->stop();
    media::Backoff backoff({.initial_seconds = 0.05, .max_seconds = 1}, reinterpret_cast<uintptr_t>(this));
    for (;;) {
      std::optional<Error> fault;
      for (const std::string& address : std::vector(addresses_)) {
        try {
          return connected_ = connect(address);
        } catch (const Error& e) {
          if (e.code() == ErrorCode::kPermissionDenied || e.code() == ErrorCode::kUsage) throw;
          fault = e;
        }
      }
      const Duration wait = backoff.failed(now());
      if (now() + wait >= deadline) throw Error(*fault);
      std::this_thread::sleep_for(wait);
    }
  }
  std::shared_ptr<Connected> connection() { return connection(now() + options.call_timeout); }
  size_t brokers() const {
    const std::lock_guard lock(mutex_);
    return addresses_.size();
  }
  uint64_t next_id() { return ++last_id_; }

  const ClientOptions options;

 private:
  std::shared_ptr<Connected> connect(const std::string& address) {
    auto made = std::make_shared<Connected>();
    made->channel = std::make_unique<ClientChannel>(address, options);
    v1::ConnectRequest request;
    request.set_version(kVersion);
    request.set_client(options.name);
    request.set_host(host_id());
    request.set_resume_session(session_);
    request.add_transports(v1::GRPC);
    if (options.stream) request.add_transports(v1::STREAM);
    if (options.shared_memory) request.add_transports(v1::SHARED_MEMORY);
    const auto answer = made->channel->call(&v1::Broker::Stub::Connect, request);
    session_ = made->session = answer.session();
    for (const auto& standby : answer.standbys())
      if (std::find(addresses_.begin(), addresses_.end(), standby) == addresses_.end()) addresses_.push_back(standby);
    if (answer.transport() == v1::GRPC) return made;
    const auto host = address.substr(0, address.rfind(':'));
    for (std::string to : {answer.stream_address(), answer.fallback_address()}) {
      if (to.empty()) continue;
      if (to.starts_with("tcp://:")) to.insert(6, host);
      try {
        made->stream = ClientStream::connect(to, made->session, tls_, options.call_timeout);
        made->transport = made->stream->shares_memory() ? v1::SHARED_MEMORY : v1::STREAM;
        break;
      } catch (const Error& e) {
        log::warn("broker client: {}", e.line());  // gRPC goes where streams do not
      }
    }
    return made;
  }

  mutable std::mutex mutex_;
  std::vector<std::string> addresses_;
  std::string session_;
  std::shared_ptr<SSL_CTX> tls_;
  std::shared_ptr<Connected> connected_;
  std::atomic<uint64_t> last_id_{0};
};

namespace {

/// What came and was not asked for yet. Frames are bounded by the credit, notices by what the broker keeps.
class Inbox {
 public:
  void push(Received item) {
    const std::lock_guard lock(mutex_);
    items_.push_back(std::move(item));
    changed_.notify_one();
  }
  /// Waits for room, so that the call's own flow control holds the broker up; false when stopped.
  bool push_when_room(Received item) {
    std::unique_lock lock(mutex_);
    while (items_.size() >= kFirstCredit && !stopped_) room_.wait_for(lock, std::chrono::milliseconds(100));
    if (stopped_) return false;
    items_.push_back(std::move(item));
    changed_.notify_one();
    return true;
  }
  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!failed_) failed_ = std::move(error);
    changed_.notify_one();
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    room_.notify_all();
    changed_.notify_all();
  }
  /// The next item; else nothing at the deadline, with `error` set when nothing more comes.
  std::optional<Received> pop(MonotonicTime deadline, std::optional<Error>& error) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, steady(deadline), [&] { return !items_.empty() || failed_ || stopped_; });
    if (items_.empty()) {
      error = failed_;
      return std::nullopt;
    }
    auto item = std::move(items_.front());
    items_.pop_front();
    room_.notify_one();
    return item;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_, room_;
  std::deque<Received> items_;
  std::optional<Error> failed_;
  bool stopped_ = false;
};

/// One way of being subscribed, until it ends or breaks.
class Way {
 public:
  virtual ~Way() = default;
  virtual void consumed(uint64_t frames) = 0;
  virtual void set_target(const v1::Target& target) = 0;
  virtual void feedback(const v1::FeedbackRequest& seen) = 0;
  virtual void unsubscribe() = 0;
  Inbox inbox;
  std::atomic<bool> broken{false};  // the connection, not the subscription
};

class StreamWay final : public Way, public StreamSink {
 public:
  StreamWay(std::shared_ptr<ClientStream> stream, uint64_t id) : stream_(std::move(stream)), id_(id) {}
  ~StreamWay() override {
    unsubscribe();
    stream_->detach(id_);
  }
  void start(const v1::SubscribeRequest& request) {
    v1::StreamHead head;
    head.set_id(id_);
    *head.mutable_subscribe() = request;
    stream_->send(head);
    if (!stream_->alive()) on_lost("the stream is closed");
  }
  void consumed(uint64_t frames) override {
    if (frames < told_ + kFirstCredit / 2) return;
    told_ = frames;
    v1::StreamHead head;
    head.set_id(id_);
    head.set_credit(frames + kFirstCredit);
    stream_->send(head);
  }
  void set_target(const v1::Target& target) override {
    v1::StreamHead head;
    head.set_id(id_);
    *head.mutable_target() = target;
    stream_->send(head);
  }
  void feedback(const v1::FeedbackRequest& seen) override {
    v1::StreamHead head;
    head.set_id(id_);
    *head.mutable_feedback() = seen;
    stream_->send(head);
  }
  void unsubscribe() override {
    v1::StreamHead head;
    head.set_id(id_);
    head.mutable_unsubscribe();
    stream_->send(head);
  }
  void on_head(const v1::StreamHead& head) override {
    if (head.has_event()) inbox.push(broker::received_of(head.event()));
    if (head.has_fault())
      inbox.fail(error_of({static_cast<grpc::StatusCode>(head.fault().code()), head.fault().line()}));
  }
  void on_frame(const v1::Frame& head, std::span<const std::byte> bytes, std::shared_ptr<const void> keep) override {
    inbox.push(received_of(head, bytes, std::move(keep)));
  }
  void on_lost(const std::string& why) override {
    broken = true;
    inbox.fail(Error(ErrorCode::kUnavailable, "the broker is lost: " + why));
  }

 private:
  const std::shared_ptr<ClientStream> stream_;
  const uint64_t id_;
  uint64_t told_ = 0;
};

class GrpcWay final : public Way {
 public:
  GrpcWay(std::shared_ptr<Connected> connected, const v1::SubscribeRequest& request)
      : connected_(std::move(connected)), request_(request) {
    thread_ = std::jthread([this] { run(); });
  }
  ~GrpcWay() override {
    inbox.stop();
    context_.TryCancel();
    thread_.join();
  }
  void consumed(uint64_t) override {}
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
  void unsubscribe() override { context_.TryCancel(); }

 private:
  std::string name() {
    const std::lock_guard lock(mutex_);
    return name_;
  }
  void run() {
    name_this_thread("subscription");
    connected_->channel->prepare(context_, Duration::zero());
    const grpc::internal::RpcMethod method("/vedette.broker.v1.Broker/Subscribe",
                                           grpc::internal::RpcMethod::SERVER_STREAMING, connected_->channel->channel());
    const std::unique_ptr<grpc::ClientReader<grpc::ByteBuffer>> reader(
        grpc::internal::ClientReaderFactory<grpc::ByteBuffer>::Create(connected_->channel->channel().get(), method,
                                                                      &context_, request_));
    grpc::ByteBuffer buffer;
    try {
      while (reader->Read(&buffer)) {
        const FrameMessage message = FrameMessage::of_event(buffer);
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
        buffer.Clear();
        if (!inbox.push_when_room(std::move(item))) context_.TryCancel();
      }
    } catch (const Error& e) {
      inbox.fail(e);
      context_.TryCancel();
    }
    const Error error = error_of(reader->Finish());
    broken = error.code() == ErrorCode::kUnavailable;
    if (broken) connected_->lost = true;
    inbox.fail(error);
  }

  const std::shared_ptr<Connected> connected_;
  const v1::SubscribeRequest request_;
  BufferPool pool_;
  grpc::ClientContext context_;
  std::mutex mutex_;
  std::string name_;
  std::jthread thread_;
};

}  // namespace

namespace {

template <typename Running>
class Subscribed final : public ClientSubscription {
 public:
  Subscribed(std::shared_ptr<Running> client, SubscribeOptions options)
      : client_(std::move(client)), options_(std::move(options)), last_(options_.after_sequence) {
    static_cast<void>(quality_of(request_of(options_)));  // what is wrong with it needs no broker
    open(client_->connection());
  }

  std::optional<Received> next(MonotonicTime deadline) override {
    while (!ended_) {
      std::optional<Error> error;
      const auto way = this->way();
      auto item = way->inbox.pop(deadline, error);
      if (item) {
        if (item->kind == Received::Kind::kFrame) {
          last_ = item->info.sequence;
          way->consumed(++consumed_);
        } else if (item->kind == Received::Kind::kEnd) {
          constexpr int kBrokerEnds = 4;
          if (item->end_reason == kBrokerEnds && client_->brokers() > 1) {
            resume();
            return resumed();
          }
          ended_ = true;
        } else if (item->kind == Received::Kind::kStarted) {
          started_ = true;
        }
        return item;
      }
      if (!error) return std::nullopt;
      if (!way->broken) {
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
      options_.latency_ms = latency_ms;
      options_.accuracy = accuracy;
      static_cast<void>(quality_of(request_of(options_)));
    }
    v1::Target target;
    target.set_latency_ms(latency_ms);
    target.set_accuracy(accuracy);
    way()->set_target(target);
  }
  void feedback(std::span<const Seen> seen) override {
    v1::FeedbackRequest request;
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
    const auto way = this->way();
    way->unsubscribe();
    way->inbox.stop();
  }

 private:
  std::shared_ptr<Way> way() const {
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
    if (last_ > 0 && !options.end) options.begin.reset();
    auto request = request_of(options);
    request.set_session(connected->session);
    std::shared_ptr<Way> way;
    if (connected->stream) {
      const uint64_t id = client_->next_id();
      auto by_stream = std::make_shared<StreamWay>(connected->stream, id);
      connected->stream->attach(id, by_stream);
      by_stream->start(request);
      way = std::move(by_stream);
    } else {
      way = std::make_shared<GrpcWay>(connected, request);
    }
    consumed_ = 0;
    const std::lock_guard lock(mutex_);
    way_ = std::move(way);
  }
  /// Finds a broker that has the camera. A standby may learn of it only now.
  void resume() {
    const MonotonicTime deadline = now() + client_->options.give_up;
    media::Backoff backoff({.initial_seconds = 0.1, .max_seconds = 1}, reinterpret_cast<uintptr_t>(this));
    while (!ended_) {
      std::optional<Error> error;
      try {
        open(client_->connection(deadline));
        const auto way = this->way();
        auto first = way->inbox.pop(now() + client_->options.call_timeout, error);
        if (first && first->kind == Received::Kind::kStarted) {
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
  std::optional<Received> resumed() {
    if (!first_) return std::nullopt;
    auto item = std::move(first_);
    first_.reset();
    item->kind = Received::Kind::kResumed;
    return item;
  }

  const std::shared_ptr<Running> client_;
  mutable std::mutex mutex_;
  SubscribeOptions options_;
  std::shared_ptr<Way> way_;
  std::atomic<bool> ended_{false};
  bool started_ = false;
  uint64_t last_ = 0, consumed_ = 0;
  std::optional<Received> first_;
};

/// By stream or shared memory.
template <typename Running>
class StreamPublication final : public ClientPublication {
  struct Sink final : StreamSink {
    void on_head(const v1::StreamHead& head) override {
      const std::lock_guard lock(mutex);
      if (head.has_opened()) opened = true;
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
    bool opened = false;
    std::optional<uint64_t> closed;
    std::optional<Error> fault;
  };

 public:
  StreamPublication(std::shared_ptr<Running> client, std::string camera, double rate)
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
    to_head(info, wall_ns(), *head.mutable_frame());
    if (info.sequence == framelog::kNextSequence) head.mutable_frame()->set_sequence(0);
    try {
      check();
      stream_->send_frame(head, bytes, client_->options.call_timeout);
    } catch (const Error&) {
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
      sink->changed.wait_for(lock, client_->options.call_timeout, [&] { return sink->closed || sink->fault; });
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
    v1::StreamHead head;
    head.set_id(id_);
    head.mutable_open()->set_camera(camera_);
    head.mutable_open()->set_frames_a_second(rate_);
    stream_->send(head);
    std::unique_lock lock(sink->mutex);
    const bool in_time =
        sink->changed.wait_for(lock, client_->options.call_timeout, [&] { return sink->opened || sink->fault; });
    if (sink->fault) throw Error(*sink->fault);
    if (!in_time) throw Error(ErrorCode::kTimeout, "the broker does not answer");
    sink_ = std::move(sink);
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

  const std::shared_ptr<Running> client_;
  const std::string camera_;
  const double rate_;
  std::shared_ptr<ClientStream> stream_;
  std::shared_ptr<Sink> sink_;
  uint64_t id_ = 0;
};

template <typename Running>
class GrpcPublication final : public ClientPublication {
 public:
  GrpcPublication(std::shared_ptr<Running> client, std::string camera, double rate)
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
    to_head(info, wall_ns(), head);
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

  const std::shared_ptr<Running> client_;
  const std::string camera_;
  const double rate_;
  std::shared_ptr<Connected> connected_;
  std::unique_ptr<grpc::ClientContext> context_;
  v1::PublishSummary summary_;
  std::unique_ptr<grpc::ClientWriter<grpc::ByteBuffer>> writer_;
};

}  // namespace

Client::Client(ClientOptions options) : running_(std::make_shared<Running>(std::move(options))) {
  running_->connection();
}

Client::~Client() = default;

std::string Client::transport() const {
  switch (running_->connection()->transport) {
    case v1::SHARED_MEMORY: return "shared memory";
    case v1::STREAM: return "stream";
    default: return "grpc";
  }
}

std::vector<CameraAbout> Client::cameras(const std::string& glob) {
  v1::ListCamerasRequest request;
  request.set_glob(glob);
  const auto answer = running_->connection()->channel->call(&v1::Broker::Stub::ListCameras, request);
  std::vector<CameraAbout> list;
  for (const auto& info : answer.cameras()) list.push_back(about_of(info));
  return list;
}

CameraAbout Client::camera(const std::string& name) {
  v1::GetCameraInfoRequest request;
  request.set_camera(name);
  return about_of(running_->connection()->channel->call(&v1::Broker::Stub::GetCameraInfo, request));
}

ClockAhead Client::clock() {
  const auto connected = running_->connection();
  ClockAhead best;
  for (int i = 0; i < kClockSamples; ++i) {
    v1::ClockSample sample;
    sample.set_sent_ns(wall_ns());
    const auto answer = connected->channel->call(&v1::Broker::Stub::SampleClock, sample);
    const int64_t t1 = sample.sent_ns(), t2 = answer.received_ns(), t3 = answer.answered_ns(), t4 = wall_ns();
    const Duration trip{(t4 - t1) - (t3 - t2)};
    if (!best.known || trip < best.round_trip) best = {true, Duration{((t2 - t1) + (t3 - t4)) / 2}, trip};
  }
  return best;
}

std::unique_ptr<ClientSubscription> Client::subscribe(SubscribeOptions options) {
  return std::make_unique<Subscribed<Running>>(running_, std::move(options));
}

std::unique_ptr<ClientPublication> Client::publish(const std::string& camera, double frames_a_second) {
  if (running_->connection()->stream)
    return std::make_unique<StreamPublication<Running>>(running_, camera, frames_a_second);
  return std::make_unique<GrpcPublication<Running>>(running_, camera, frames_a_second);
}

}  // namespace vedette::broker
