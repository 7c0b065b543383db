#include "vedette/broker/broker_source.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "vedette/base/error.h"
#include "vedette/broker/testing.h"

namespace vedette::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
