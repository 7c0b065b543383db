#include "vedette/broker/broker_source.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <filesystem>

#include "broker.grpc.pb.h"
#include "vedette/base/error.h"
#include "vedette/broker/testing.h"

namespace vedette::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A broker of calls alone that tells of gaps as it likes, and then sends one frame.
class TellsOfGaps final : public v1::Broker::Service {
 public:
  explicit TellsOfGaps(std::vector<std::pair<uint64_t, uint64_t>> gaps) : gaps_(std::move(gaps)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  grpc::Status Connect(grpc::ServerContext*, const v1::ConnectRequest*, v1::ConnectResponse* answer) override {
    answer->set_version(1);
    answer->set_session("one");
    answer->set_transport(v1::GRPC);
    return grpc::Status::OK;
  }
  grpc::Status SampleClock(grpc::ServerContext*, const v1::ClockSample* sample, v1::ClockSample* answer) override {
    *answer = *sample;
    return grpc::Status::OK;
  }
  grpc::Status Subscribe(grpc::ServerContext*, const v1::SubscribeRequest*,
                         grpc::ServerWriter<v1::Event>* writer) override {
    v1::Event started;
    started.mutable_started()->set_subscription("s");
    writer->Write(started);
    for (const auto& [first, last] : gaps_) {
      v1::Event gap;
      gap.mutable_gap()->set_first(first);
      gap.mutable_gap()->set_last(last);
      writer->Write(gap);
    }
    const auto jpeg = test_jpeg(1);
    v1::Event event;
    v1::Frame& frame = *event.mutable_frame();
    frame.set_sequence(UINT64_MAX);
    frame.set_capture_ns(1'769'860'800'000'000'000);
    frame.set_encoding(v1::JPEG);
    frame.set_width(64);
    frame.set_height(48);
    frame.set_data(jpeg.data(), jpeg.size());
    writer->Write(event);
    v1::Event end;
    end.mutable_end()->set_reason(v1::End::REACHED);
    writer->Write(end);
    return grpc::Status::OK;
  }

  const std::vector<std::pair<uint64_t, uint64_t>> gaps_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

class BrokerSourceTest : public ::testing::Test {
 public:
  std::unique_ptr<media::Source> open(const std::string& camera_and_more, int max_reconnects = 0) const {
    media::SourceOptions options;
    options.url = "log://" + address + "/" + camera_and_more;
    options.pacing = media::Pacing::kFast;
    options.max_reconnects = max_reconnects;
    options.backoff.initial_seconds = 0.01;
    options.backoff.max_seconds = 0.05;
    return remote_logs()(options, stream, std::make_shared<BufferPool>(), Clock::system());
  }
  void publish(int from, int to) {
    ClientOptions options;
    options.addresses = {address};
    Client camera(options);
    const auto publication = camera.publish("yard");
    for (int i = from; i < to; ++i) publication->send(info_at(at(i)), test_jpeg(i));
    EXPECT_EQ(publication->finish(), static_cast<uint64_t>(to - from));
  }
  static Timestamp at(int i) { return Timestamp{std::chrono::seconds(1'769'860'800 + i)}; }
  static std::string moment(int i) { return std::to_string(1'769'860'800 + i); }

  /// One that goes on, after a restart, with the numbers it had.
  BrokerOptions stored() const {
    auto options = small_broker();
    options.store = folder;
    return options;
  }
  ~BrokerSourceTest() override {
    broker.reset();
    std::filesystem::remove_all(folder);
  }

  const std::string folder = "/tmp/vb-" + std::to_string(::getpid()) + "-source";
  std::unique_ptr<Broker> broker = std::make_unique<Broker>(stored());
  std::string address = broker->address();
  std::shared_ptr<const StreamInfo> stream = std::make_shared<const StreamInfo>(StreamInfo{.name = "yard"});
};

TEST_F(BrokerSourceTest, PlaysAPartOfThePastWhole) {
  publish(0, 40);
  const auto source = open("yard?from=" + moment(5) + "&to=" + moment(30));
  EXPECT_FALSE(source->live());
  std::vector<Timestamp> times, expected;
  while (const auto frame = source->next({})) {
    EXPECT_EQ(frame->width, 64);
    EXPECT_EQ(frame->sequence, times.size());
    times.push_back(frame->capture_time);
  }
  for (int i = 5; i < 30; ++i) expected.push_back(at(i));
  EXPECT_EQ(times, expected);
  EXPECT_EQ(source->stats().state, media::SourceState::kEnded);
}

TEST_F(BrokerSourceTest, AFrameThatWasMadeSmallerIsMeasuredInWhatTheCameraTook) {
  ClientOptions options;
  options.addresses = {address};
  Client camera(options);
  const auto publication = camera.publish("yard");
  for (int i = 0; i < 3; ++i) {
    auto info = info_at(at(i));
    info.original_width = static_cast<uint16_t>(i == 1 ? 1920 : info.width);
    info.original_height = static_cast<uint16_t>(i == 1 ? 1080 : info.height);
    publication->send(info, test_jpeg(i));
  }
  publication->finish();
  const auto source = open("yard?from=start");
  std::vector<std::pair<int, int>> taken;
  for (int i = 0; i < 3; ++i) {
    const auto frame = source->next({});
    ASSERT_TRUE(frame);
    taken.emplace_back(frame->width, frame->height);
  }
  EXPECT_THAT(taken, ElementsAre(std::pair(64, 48), std::pair(1920, 1080), std::pair(64, 48)));
}

TEST_F(BrokerSourceTest, ComesBackWithItsBrokerAndGoesOn) {
  publish(0, 3);
  const auto source = open("yard?from=start");
  for (int i = 0; i < 3; ++i) ASSERT_EQ(source->next({})->capture_time, at(i));
  auto options = stored();
  options.listen = address;
  broker.reset();
  broker = std::make_unique<Broker>(options);
  publish(3, 5);
  EXPECT_EQ(source->next({})->capture_time, at(3));
  EXPECT_EQ(source->next({})->capture_time, at(4));
  EXPECT_TRUE(source->stats().dropped.empty() || source->stats().dropped.contains("gap"));
}

TEST_F(BrokerSourceTest, WhateverAGapClaimsItIsCountedAtOnceAndBounded) {
  const TellsOfGaps liar({{2, 4}, {9, 8}, {0, 0}, {5, uint64_t{1} << 63}, {0, UINT64_MAX}});
  address = liar.address();
  const auto source = open("yard");
  const auto frame = source->next({});
  ASSERT_TRUE(frame);
  const uint64_t counted = 3 + 0 + 1 + 2 * (uint64_t{1} << 32);
  EXPECT_EQ(source->stats().dropped.at("gap"), counted);
  EXPECT_EQ(frame->sequence, counted);
  EXPECT_FALSE(source->next({})) << "it ended";
}

TEST_F(BrokerSourceTest, StopsAtOnceWhileNobodyAnswers) {
  broker.reset();
  const auto source = open("yard");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(source->next(stop.get_token()));
}

TEST_F(BrokerSourceTest, GivesUpWhenAllowed) {
  const auto source = open("nowhere", 2);
  try {
    while (source->next({})) {
    }
    ADD_FAILURE() << "it ended without a word";
  } catch (const Error& e) {
    EXPECT_THAT(e.line(), HasSubstr("there is no camera 'nowhere'"));
  }
  EXPECT_EQ(source->stats().state, media::SourceState::kFailed);
}

}  // namespace
}  // namespace vedette::broker
