#include "vedette/broker/client.h"

#include "broker.pb.h"
#include "vedette/broker/client_publication.h"
#include "vedette/broker/client_subscription.h"
#include "vedette/broker/connector.h"

namespace vedette::broker {
namespace {

constexpr int kClockSamples = 5;

int64_t wall_ns() { return Clock::system().now().time_since_epoch().count(); }

}  // namespace

Client::Client(ClientOptions options) : connector_(std::make_shared<Connector>(std::move(options))) {
  connector_->connection();
}

Client::~Client() = default;

std::string Client::transport() const {
  switch (connector_->connection()->transport) {
    case v1::SHARED_MEMORY: return "shared memory";
    case v1::STREAM: return "stream";
    default: return "grpc";
  }
}

std::vector<CameraAbout> Client::cameras(const std::string& glob) {
  v1::ListCamerasRequest request;
  request.set_glob(glob);
  const auto answer = connector_->connection()->channel->call(&v1::Broker::Stub::ListCameras, request);
  std::vector<CameraAbout> list;
  for (const auto& info : answer.cameras()) list.push_back(about_of(info));
  return list;
}

CameraAbout Client::camera(const std::string& name) {
  v1::GetCameraInfoRequest request;
  request.set_camera(name);
  return about_of(connector_->connection()->channel->call(&v1::Broker::Stub::GetCameraInfo, request));
}

ClockAhead Client::clock() {
  const auto connected = connector_->connection();
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
  return make_subscription(connector_, std::move(options));
}

std::unique_ptr<ClientPublication> Client::publish(const std::string& camera, double frames_a_second) {
  return make_publication(connector_, camera, frames_a_second);
}

}  // namespace vedette::broker
