#include "vedette/broker/client_channel.h"

#include "vedette/broker/frame_bytes.h"
#include "vedette/broker/grpc_status.h"
#include "vedette/broker/knob_rows.h"
#include "vedette/net/grpc_host.h"
#include "vedette/net/secret.h"

namespace vedette::broker {
namespace {

std::optional<Timestamp> time_of(int64_t ns) { return ns == 0 ? std::nullopt : std::optional(Timestamp{Duration{ns}}); }

}  // namespace

ClientChannel::ClientChannel(const std::string& address, const ClientOptions& options)
    : address_(address), options_(options) {
  net::keep_grpc();
  auto credentials = grpc::InsecureChannelCredentials();
  if (!options.tls.empty()) {
    grpc::SslCredentialsOptions ssl;
    if (!options.tls.authority.empty()) ssl.pem_root_certs = net::read_file(options.tls.authority);
    if (!options.tls.certificate.empty()) ssl.pem_cert_chain = net::read_file(options.tls.certificate);
    if (!options.tls.key.empty()) ssl.pem_private_key = net::read_file(options.tls.key);
    credentials = grpc::SslCredentials(ssl);
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(kMaxMessageBytes));
  arguments.SetMaxSendMessageSize(static_cast<int>(kMaxMessageBytes));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 5'000);
  // While nobody waits for a frame, gRPC looks at its sockets every 5 s.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 12'000);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kLookaheadBytes);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kHttp2FrameBytes);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  channel_ = grpc::CreateCustomChannel(address, credentials, arguments);
  stub_ = v1::Broker::NewStub(channel_);
}

void ClientChannel::prepare(grpc::ClientContext& context, Duration timeout) const {
  if (!options_.token.empty()) context.AddMetadata("authorization", "Bearer " + options_.token);
  if (timeout > Duration::zero())
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(timeout));
}

void ClientChannel::check(const grpc::Status& status) const {
  if (status.ok()) return;
  const Error error = error_of(status);
  if (error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kTimeout)
    throw Error(error.code(), "the broker at " + address_ + " does not answer: " + error.what());
  throw Error(error);
}

ClockAhead clock_of(const v1::ClockOffset& clock) {
  return {clock.known(), Duration{clock.offset_ns()}, Duration{clock.round_trip_ns()}};
}

CameraAbout about_of(const v1::CameraInfo& info) {
  CameraAbout about;
  about.camera = info.camera();
  about.live = info.live();
  about.width = static_cast<int>(info.width());
  about.height = static_cast<int>(info.height());
  if (info.encoding() >= v1::JPEG && info.encoding() <= v1::H265)
    about.codec = static_cast<framelog::FrameCodec>(info.encoding() - 1);
  about.frames_a_second = info.frames_a_second();
  about.oldest = time_of(info.oldest_ns());
  about.newest = time_of(info.newest_ns());
  about.frames = info.frames();
  about.bytes = info.bytes();
  about.broker = info.broker();
  about.clock = clock_of(info.clock());
  about.subscribers = info.subscribers();
  about.epoch = info.epoch();
  about.stored_before = info.stored_before();
  about.store_trouble = info.store_trouble();
  return about;
}

Received received_of(const v1::Event& event) {
  using Kind = Received::Kind;
  Received r;
  switch (event.event_case()) {
    case v1::Event::kStarted:
      r.kind = Kind::kStarted;
      r.subscription = event.started().subscription();
      r.camera = about_of(event.started().camera());
      r.clock = clock_of(event.started().clock());
      break;
    case v1::Event::kGap:
      r.kind = Kind::kGap;
      r.first = event.gap().first();
      r.last = event.gap().last();
      r.reason = static_cast<GapReason>(event.gap().reason());
      break;
    case v1::Event::kInfeasible:
      r.kind = Kind::kInfeasible;
      r.over = event.infeasible().over();
      r.wanted_latency_ms = event.infeasible().wanted().latency_ms();
      r.wanted_accuracy = event.infeasible().wanted().accuracy();
      r.feasible_latency_ms = event.infeasible().feasible().latency_ms();
      r.feasible_accuracy = event.infeasible().feasible().accuracy();
      r.line = event.infeasible().line();
      break;
    case v1::Event::kSetting:
      r.kind = Kind::kSetting;
      r.knob = event.setting().knob();
      r.setting = event.setting().setting();
      r.expected_accuracy = event.setting().expected_accuracy();
      r.expected_bytes = event.setting().expected_bytes();
      r.limit_bytes = event.setting().limit_bytes();
      break;
    case v1::Event::kTable:
      r.kind = Kind::kTable;
      r.table = rows_of(event.table());
      break;
    case v1::Event::kClock:
      r.kind = Kind::kClock;
      r.clock = clock_of(event.clock());
      break;
    default:
      r.kind = Kind::kEnd;
      r.end_reason = static_cast<int>(event.end().reason());
      r.line = event.end().line();
  }
  return r;
}

v1::SubscribeRequest request_of(const SubscribeOptions& options) {
  v1::SubscribeRequest request;
  request.set_camera(options.camera);
  if (options.begin) request.set_begin_ns(options.begin->time_since_epoch().count());
  if (options.end) request.set_end_ns(options.end->time_since_epoch().count());
  request.mutable_target()->set_latency_ms(options.latency_ms);
  request.mutable_target()->set_accuracy(options.accuracy);
  request.set_compute_ms(options.compute_ms);
  request.set_max_side_px(options.max_side_px);
  request.set_max_behind(options.max_behind);
  request.set_after_sequence(options.after_sequence);
  request.set_after_epoch(options.after_epoch);
  request.set_wants_table(options.wants_table);
  request.set_after_ns(options.after_time.time_since_epoch().count());
  return request;
}

}  // namespace vedette::broker
