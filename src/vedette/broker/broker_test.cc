#include "vedette/broker/broker.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/broker/testing.h"

namespace vedette::broker {
namespace {

using Kind = Received::Kind;
using testing::HasSubstr;

enum class Way { kGrpc, kStream, kShared };

class BrokerWays : public testing::TestWithParam<Way> {
 public:
  BrokerWays() {
    auto options = small_broker();
    options.socket = socket_path("ways");
    broker = std::make_unique<Broker>(options);
  }
  std::unique_ptr<Client> client() const {
    ClientOptions options;
    options.addresses = {broker->address()};
    options.stream = GetParam() == Way::kStream;
    options.shared_memory = GetParam() == Way::kShared;
    return std::make_unique<Client>(options);
  }
  std::unique_ptr<Broker> broker;
  /// Logs keep whole microseconds.
  Timestamp t0 = std::chrono::floor<std::chrono::microseconds>(Clock::system().now());
  Timestamp at(int i) const { return t0 + std::chrono::milliseconds(10 * i); }
};

TEST_P(BrokerWays, FramesComeAsTheyWerePublished) {
  const auto camera = client(), application = client();
  const char* names[] = {"grpc", "stream", "shared memory"};
  EXPECT_EQ(application->transport(), names[static_cast<int>(GetParam())]);
  const auto publication = camera->publish("yard/1", 25);
  publication->send(info_at(at(0)), test_jpeg(0));
  EXPECT_EQ(publication->finish(), 1U);
  SubscribeOptions wanted;
  wanted.camera = "yard/1";
  wanted.begin = at(0);
  wanted.max_behind = 100;  // it reads when all are published
  const auto subscription = application->subscribe(wanted);
  const auto started = expect_next(*subscription, Kind::kStarted);
  EXPECT_EQ(started.camera.width, 64);
  EXPECT_TRUE(started.clock.known);
  for (int i = 1; i < 30; ++i) publication->send(info_at(at(i)), test_jpeg(i));
  for (int i = 0; i < 30; ++i) {
    const auto frame = expect_next(*subscription, Kind::kFrame);
    EXPECT_EQ(frame.info.time, std::chrono::floor<std::chrono::microseconds>(at(i)));
    const auto sent = test_jpeg(i);
    ASSERT_EQ(frame.bytes.size(), sent.size());
    EXPECT_TRUE(std::equal(sent.begin(), sent.end(), frame.bytes.begin()));
    EXPECT_EQ(frame.info.width, 64);
  }
  EXPECT_EQ(application->cameras().size(), 1U);
  EXPECT_EQ(application->camera("yard/1").frames, 30U);
}

TEST_P(BrokerWays, ARangeEndsAtItsEnd) {
  const auto user = client();
  const auto publication = user->publish("gate");
  for (int i = 0; i < 10; ++i) publication->send(info_at(at(i)), test_jpeg(i));
  publication->finish();
  SubscribeOptions wanted;
  wanted.camera = "gate";
  wanted.begin = at(3);
  wanted.end = at(6);
  const auto subscription = user->subscribe(wanted);
  expect_next(*subscription, Kind::kStarted);
  for (int i = 3; i < 6; ++i)
    EXPECT_EQ(expect_next(*subscription, Kind::kFrame).info.time, std::chrono::floor<std::chrono::microseconds>(at(i)));
  EXPECT_EQ(expect_next(*subscription, Kind::kEnd).end_reason, 1);
  EXPECT_TRUE(subscription->ended());
}

TEST_P(BrokerWays, RefusesInOneLine) {
  const auto user = client();
  const auto refused = [&](const SubscribeOptions& wanted) -> std::string {
    try {
      const auto subscription = user->subscribe(wanted);
      subscription->next(soon());
      return "it was taken";
    } catch (const Error& e) {
      return e.line();
    }
  };
  SubscribeOptions unknown;
  unknown.camera = "nowhere";
  EXPECT_THAT(refused(unknown), HasSubstr("there is no camera 'nowhere'"));
  SubscribeOptions backwards;
  backwards.camera = "nowhere";
  backwards.begin = at(5);
  backwards.end = at(1);
  EXPECT_THAT(refused(backwards), HasSubstr("the end lies before the beginning"));
  SubscribeOptions impossible;
  impossible.camera = "nowhere";
  impossible.accuracy = 1.5;
  EXPECT_THAT(refused(impossible), HasSubstr("cannot be kept"));
}

TEST_P(BrokerWays, RefusesBadFrames) {
  const auto user = client();
  const auto refusal = [&](const std::vector<std::pair<Timestamp, std::vector<std::byte>>>& frames) -> std::string {
    try {
      const auto publication = user->publish("bad");
      for (const auto& [time, bytes] : frames) publication->send(info_at(time), bytes);
      publication->finish();
      return "it was taken";
    } catch (const Error& e) {
      return e.line();
    }
  };
  EXPECT_THAT(refusal({{at(0), std::vector<std::byte>(100)}}), HasSubstr("JPEG"));
  EXPECT_THAT(refusal({{at(2), test_jpeg(1)}, {at(1), test_jpeg(2)}}), HasSubstr("time"));
  EXPECT_THAT(refusal({{at(3), std::vector<std::byte>(5 << 20)}}), HasSubstr("bytes"));
  EXPECT_EQ(refusal({{at(4), test_jpeg(1)}}), "it was taken");
}

TEST_P(BrokerWays, OnePublisherACamera) {
  const auto user = client();
  const auto first = user->publish("lane");
  // By gRPC it is opened when the broker comes to it, and the second could be there before.
  for (const auto deadline = soon(); user->cameras().empty();) ASSERT_LT(Clock::system().monotonic(), deadline);
  EXPECT_THROW(
      {
        const auto second = user->publish("lane");
        second->send(info_at(at(0)), test_jpeg(0));
        second->finish();
      },
      Error);
}

TEST_P(BrokerWays, SmallerFramesForWhoAsks) {
  const auto user = client();
  const auto publication = user->publish("wide");
  publication->send(info_at(at(0)), test_jpeg(1, 640, 480));
  publication->finish();
  SubscribeOptions wanted;
  wanted.camera = "wide";
  wanted.begin = at(0);
  wanted.max_side_px = 160;
  const auto subscription = user->subscribe(wanted);
  expect_next(*subscription, Kind::kStarted);
  const auto frame = expect_next(*subscription, Kind::kFrame);
  EXPECT_EQ(frame.info.width, 160);
  EXPECT_EQ(frame.info.original_width, 640);
}

INSTANTIATE_TEST_SUITE_P(Ways, BrokerWays, testing::Values(Way::kGrpc, Way::kStream, Way::kShared),
                         [](const auto& way) {
                           return way.param == Way::kGrpc ? "Grpc" : way.param == Way::kStream ? "Stream" : "Shared";
                         });

TEST(Brokers, CameraToServerOnlyWhileSomebodySubscribes) {
  Broker server(small_broker("server"));
  auto options = small_broker("edge");
  options.role = BrokerOptions::Role::kCamera;
  options.servers = {server.address()};
  Broker edge(options);
  Changes at_server(server.core()), at_edge(edge.core());
  ClientOptions to_edge, to_server;
  to_edge.addresses = {edge.address()};
  to_server.addresses = {server.address()};
  Client camera(to_edge), application(to_server);
  const auto publication = camera.publish("yard");
  const Timestamp t0 = Clock::system().now();
  publication->send(info_at(t0), test_jpeg(0));
  publication->finish();
  const auto names_yard = [](const v1::Replica& change) {
    const auto& cameras = change.registered().cameras();
    return std::any_of(cameras.begin(), cameras.end(), [](const auto& info) { return info.camera() == "yard"; });
  };
  ASSERT_TRUE(at_server.wait_for(names_yard));
  ASSERT_EQ(application.cameras().size(), 1U);
  EXPECT_EQ(application.camera("yard").broker, "edge");
  EXPECT_EQ(application.camera("yard").epoch, camera.camera("yard").epoch);
  EXPECT_EQ(camera.camera("yard").subscribers, 0U);
  SubscribeOptions live;
  live.camera = "yard";
  const auto a = application.subscribe(live), b = application.subscribe(live);
  expect_next(*a, Kind::kStarted);
  expect_next(*b, Kind::kStarted);
  ASSERT_TRUE(at_edge.wait_for([](const v1::Replica& change) { return change.has_subscription(); }));
  EXPECT_EQ(camera.camera("yard").subscribers, 1U) << "one transfer serves both";
  publication->send(info_at(t0 + std::chrono::milliseconds(10)), test_jpeg(1));
  for (const auto& subscription : {a.get(), b.get()}) {
    auto item = subscription->next(soon());
    while (item && item->kind == Kind::kClock) item = subscription->next(soon());
    ASSERT_TRUE(item);
    EXPECT_EQ(item->kind, Kind::kFrame);
    EXPECT_EQ(item->info.sequence, 2U) << "the first came before anybody subscribed";
  }
}

/// The application takes one of ten frames: were all that it may lag sent ahead, it would see what is 80 frames old.
/// (Over gRPC's calls its window decides how many are.)
class SlowSubscriber : public testing::TestWithParam<bool> {};

TEST_P(SlowSubscriber, GetsFreshFrames) {
  auto options = small_broker();
  options.socket = socket_path("slow");
  const Broker broker(options);
  ClientOptions reach;
  reach.addresses = {broker.address()};
  reach.shared_memory = GetParam();
  Client camera(reach), application(reach);
  ASSERT_EQ(application.transport(), GetParam() ? "shared memory" : "stream");
  const Timestamp t0 = std::chrono::floor<std::chrono::microseconds>(Clock::system().now());
  const auto at = [&](int i) { return t0 + std::chrono::milliseconds(10 * i); };
  const auto publication = camera.publish("yard/1", 25);
  publication->send(info_at(at(0)), test_jpeg(0));
  SubscribeOptions wanted;
  wanted.camera = "yard/1";
  const auto subscription = application.subscribe(wanted);
  expect_next(*subscription, Kind::kStarted);
  int published = 0, worst = 0;
  for (int turn = 0; turn < 30; ++turn) {
    for (int i = 0; i < 10; ++i) publication->send(info_at(at(++published)), test_jpeg(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    auto item = subscription->next(soon());
    while (item && item->kind != Kind::kFrame) item = subscription->next(soon());
    ASSERT_TRUE(item);
    const auto age = static_cast<int>((at(published) - item->info.time) / std::chrono::milliseconds(10));
    if (turn >= 20) worst = std::max(worst, age);
  }
  EXPECT_LE(worst, 20) << "frames between the newest and the one it was given";
}

INSTANTIATE_TEST_SUITE_P(Ways, SlowSubscriber, testing::Bool());

TEST(BrokerStore, KeepsNoMoreThanItIsTold) {
  const auto folder = std::filesystem::temp_directory_path() / ("vb-store-" + std::to_string(::getpid()));
  auto options = small_broker();
  options.memory_mb = 4;
  options.segment_mb = 1;
  options.store = folder.string();
  options.stored.keep_gb = 4.0 / 1024;
  constexpr size_t kFrameBytes = 640 * 480;
  constexpr int kFrames = 60;  // 18 MB
  const Timestamp t0 = std::chrono::floor<std::chrono::microseconds>(Clock::system().now());
  const auto about = [&](const Broker& broker) {
    ClientOptions reader;
    reader.addresses = {broker.address()};
    return Client(reader).camera("yard");
  };
  {
    const Broker broker(options);
    ClientOptions writer;
    writer.addresses = {broker.address()};
    Client client(writer);
    const auto publication = client.publish("yard");
    framelog::RecordInfo info;
    info.codec = framelog::FrameCodec::kGray;
    info.width = 640;
    info.height = 480;
    const std::vector<std::byte> frame(kFrameBytes);
    for (int i = 0; i < kFrames; ++i) {
      info.time = t0 + std::chrono::milliseconds(i);
      publication->send(info, frame);
    }
    publication->finish();
  }
  uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder))
    if (file.is_regular_file()) bytes += file.file_size();
  EXPECT_LE(bytes, size_t{5} << 20);
  EXPECT_GE(bytes, size_t{2} << 20);
  const Broker again(options);
  const auto camera = about(again);
  EXPECT_GT(camera.oldest, t0) << "the oldest went";
  EXPECT_LT(camera.oldest, t0 + std::chrono::milliseconds(kFrames - 5)) << "not all did";
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace vedette::broker
