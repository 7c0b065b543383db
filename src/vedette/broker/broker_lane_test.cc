// Lanes through a whole broker: frames come once and in order, whichever way they take.
#include <gmock/gmock.h>

#include <limits>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/broker/broker.h"
#include "vedette/broker/lane.h"
#include "vedette/broker/subscription.h"
#include "vedette/broker/testing.h"

namespace vedette::broker {
namespace {

using Kind = Received::Kind;

class BrokerLane : public testing::Test {
 public:
  BrokerLane() {
    auto options = small_broker();
    options.socket = socket_path("lane");
    broker = std::make_unique<Broker>(options);
    camera = client();
    application = client();
  }
  std::unique_ptr<Client> client() const {
    ClientOptions options;
    options.addresses = {broker->address()};
    return std::make_unique<Client>(options);
  }
  std::unique_ptr<ClientSubscription> live(Client& user, std::optional<Timestamp> end = {}) const {
    SubscribeOptions wanted;
    wanted.camera = "yard";
    wanted.end = end;
    wanted.max_behind = 100'000;  // all of them
    auto subscription = user.subscribe(wanted);
    expect_next(*subscription, Kind::kStarted);
    return subscription;
  }
  /// As the next microsecond, so that any number fits before an end.
  Timestamp next_time() { return time += std::chrono::microseconds(1); }

  std::unique_ptr<Broker> broker;
  Timestamp time = std::chrono::floor<std::chrono::microseconds>(Clock::system().now());
  std::unique_ptr<Client> camera, application;
};

/// Publishes, one after the other was received, until one came by the lane.
uint64_t until_direct(ClientPublication& publication, ClientSubscription& subscription, BrokerLane& test,
                      uint64_t first) {
  const MonotonicTime deadline = soon();
  for (uint64_t number = first; Clock::system().monotonic() < deadline; ++number) {
    const auto sent = test_jpeg(static_cast<int>(number % 30));
    publication.send(info_at(test.next_time()), sent);
    const auto frame = expect_next(subscription, Kind::kFrame);
    EXPECT_EQ(frame.info.sequence, number);
    EXPECT_EQ(frame.info.time, test.time);
    EXPECT_EQ(frame.info.width, 64);
    EXPECT_EQ(frame.info.original_height, 48);
    EXPECT_TRUE(std::equal(frame.bytes.begin(), frame.bytes.end(), sent.begin(), sent.end()));
    if (frame.direct) return number;
  }
  ADD_FAILURE() << "no frame came by the lane";
  return first;
}

TEST_F(BrokerLane, WhoWaitsTakesFramesOutOfThePublishersMemory) {
  const auto publication = camera->publish("yard");
  const auto subscription = live(*application);
  const uint64_t last = until_direct(*publication, *subscription, *this, 1);
  EXPECT_EQ(publication->finish(), last) << "the broker has them all the same";
}

TEST_F(BrokerLane, EveryFrameComesOnceAndInOrderFromAFastPublisher) {
  const auto publication = camera->publish("yard");
  std::vector<std::unique_ptr<Client>> users;
  std::vector<std::unique_ptr<ClientSubscription>> subscriptions;
  for (int i = 0; i < 3; ++i) {
    users.push_back(client());
    subscriptions.push_back(live(*users.back()));
  }
  constexpr uint64_t kFrames = 2000;
  std::vector<std::jthread> readers;
  std::array<uint64_t, 3> seen{};
  for (size_t i = 0; i < subscriptions.size(); ++i)
    readers.emplace_back([&, i] {
      uint64_t last = 0;
      while (last < kFrames) {
        const auto item = subscriptions[i]->next(soon());
        ASSERT_TRUE(item) << "after frame " << last;
        ASSERT_EQ(item->kind, Kind::kFrame) << "after frame " << last;
        ASSERT_EQ(item->info.sequence, ++seen[i]);
        ASSERT_EQ(item->bytes.size(), 64U * 48U);
        ASSERT_EQ(std::to_integer<uint64_t>(item->bytes[100]), item->info.sequence % 251) << "another frame's bytes";
        last = item->info.sequence;
      }
    });
  framelog::RecordInfo info;
  info.codec = framelog::FrameCodec::kGray;
  info.width = 64;
  info.height = 48;
  for (uint64_t i = 1; i <= kFrames; ++i) {
    info.time = next_time();
    publication->send(info, std::vector<std::byte>(64 * 48, static_cast<std::byte>(i % 251)));
  }
  EXPECT_EQ(publication->finish(), kFrames);
  readers.clear();
  EXPECT_THAT(seen, testing::Each(kFrames));
}

TEST_F(BrokerLane, AnotherPublisherBringsAnotherLane) {
  auto publication = camera->publish("yard");
  const auto subscription = live(*application);
  uint64_t next = until_direct(*publication, *subscription, *this, 1) + 1;
  const uint64_t publication_frames = publication->finish();
  publication.reset();
  const auto another = client();
  const auto second = another->publish("yard");
  next = until_direct(*second, *subscription, *this, next);
  EXPECT_EQ(second->finish() + publication_frames, next);
}

TEST_F(BrokerLane, WhatTheBrokerWouldRefuseNobodyTakes) {
  const auto publication = camera->publish("yard");
  const auto subscription = live(*application);
  const uint64_t next = until_direct(*publication, *subscription, *this, 1) + 1;
  publication->send(info_at(time), test_jpeg(1));  // not later than the last
  EXPECT_EQ(application->camera("yard").frames, next - 1);
  EXPECT_FALSE(subscription->next(Clock::system().monotonic() + std::chrono::milliseconds(1)));
}

TEST_F(BrokerLane, AfterARefusedFrameNoneIsLostToTheLane) {
  const auto publication = camera->publish("yard");
  const auto subscription = live(*application);
  uint64_t next = until_direct(*publication, *subscription, *this, 1) + 1;
  publication->send(info_at(time), test_jpeg(1));  // refused, and those behind it with it
  try {
    for (const MonotonicTime deadline = soon(); Clock::system().monotonic() < deadline;)
      publication->send(info_at(next_time()), test_jpeg(1));
    ADD_FAILURE() << "the publisher is not told";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("capture times must grow"));
  }
  EXPECT_EQ(application->camera("yard").frames, next - 1);
  until_direct(*publication, *subscription, *this, next);  // the same subscriber gets every later one
}

TEST_F(BrokerLane, ATargetChangesTheWayAndNoFrameComesTwice) {
  const auto publication = camera->publish("yard");
  const auto subscription = live(*application);
  const uint64_t next = until_direct(*publication, *subscription, *this, 1) + 1;
  uint64_t last = next - 1;
  const auto frames_until = [&](auto enough) {
    const MonotonicTime deadline = soon();
    while (Clock::system().monotonic() < deadline) {
      const auto item = subscription->next(Clock::system().monotonic() + std::chrono::milliseconds(5));
      if (!item) publication->send(info_at(next_time()), test_jpeg(1));  // it waits for the next one
      if (!item) continue;
      EXPECT_NE(item->kind == Kind::kGap && item->first == 0, true) << "the numbers did not begin anew";
      if (item->kind != Kind::kFrame) continue;
      EXPECT_GT(item->info.sequence, std::exchange(last, item->info.sequence));
      if (enough(*item)) return;
    }
    ADD_FAILURE() << "it did not come to that";
  };
  subscription->set_target(0.01, 0);  // nothing is small enough
  frames_until([](const Received& frame) { return frame.info.knob > 0; });
  subscription->set_target(0, 0);
  frames_until([](const Received& frame) { return frame.direct; });
}

TEST_F(BrokerLane, TheEndThatWasAskedForIsKept) {
  const auto publication = camera->publish("yard");
  const Timestamp end = time + std::chrono::hours(1);
  const auto subscription = live(*application, end);
  const uint64_t next = until_direct(*publication, *subscription, *this, 1) + 1;
  publication->send(info_at(end - std::chrono::microseconds(1)), test_jpeg(1));
  EXPECT_EQ(expect_next(*subscription, Kind::kFrame).info.sequence, next);
  publication->send(info_at(end), test_jpeg(2));
  EXPECT_EQ(expect_next(*subscription, Kind::kEnd).end_reason, 1);
}

TEST_F(BrokerLane, AReaderOfThePastJoinsTheLaneWhenItHasCaughtUp) {
  const auto publication = camera->publish("yard");
  const Timestamp first = time + std::chrono::microseconds(1);
  for (int i = 0; i < 50; ++i) publication->send(info_at(next_time()), test_jpeg(i % 30));
  SubscribeOptions wanted;
  wanted.camera = "yard";
  wanted.begin = first;
  const auto subscription = application->subscribe(wanted);
  expect_next(*subscription, Kind::kStarted);
  for (uint64_t i = 1; i <= 50; ++i) EXPECT_EQ(expect_next(*subscription, Kind::kFrame).info.sequence, i);
  until_direct(*publication, *subscription, *this, 51);
}

class LaneOfAFeed : public testing::Test {
 public:
  LaneOfAFeed() {
    framelog::LogOptions options;
    options.capacity_bytes = size_t{1} << 20;
    options.segment_bytes = size_t{256} << 10;
    options.first_sequence = 1;
    feed = std::make_shared<Feed>(framelog::Log::make(options), Quality{}, 1);
  }
  ~LaneOfAFeed() override {
    for (const auto& subscription : feed->subscriptions()) {
      feed->remove(*subscription);
      subscription->release();  // it holds the feed, which held it
    }
  }
  std::shared_ptr<Subscription> subscribe(bool may_share_memory) const {
    Subscription::Options options;
    options.may_share_memory = may_share_memory;
    auto subscription = std::make_shared<Subscription>(std::move(options), feed, [] {});
    feed->add(subscription);
    return subscription;
  }
  void append(uint64_t number) const {
    framelog::RecordInfo info;
    info.time = Timestamp{std::chrono::seconds(number)};
    feed->append(info, test_jpeg(1));
  }
  std::shared_ptr<Feed> feed;
};

TEST_F(LaneOfAFeed, IsForWhoMayShareMemoryUntilTheEnd) {
  const auto may = subscribe(true), may_not = subscribe(false);
  EXPECT_FALSE(may->lane());
  const auto lane = std::make_shared<const Lane>();
  feed->set_lane(lane);
  EXPECT_EQ(may->lane(), lane);
  EXPECT_FALSE(may_not->lane());
  may->finish(end_event(2, ""));
  EXPECT_FALSE(may->lane());
}

TEST_F(LaneOfAFeed, WhatCameByItIsNotSentAgain) {
  const auto subscription = subscribe(true);
  Subscription::Item item;
  append(1);
  ASSERT_TRUE(subscription->next(item));
  subscription->has_up_to(3);  // before the broker has them
  EXPECT_FALSE(subscription->next(item));
  append(2);
  EXPECT_FALSE(subscription->next(item));
  append(3);
  append(4);
  subscription->has_up_to(2);  // old news
  ASSERT_TRUE(subscription->next(item));
  ASSERT_TRUE(item.frame) << "no gap is told of frames that came by the lane";
  EXPECT_EQ(item.frame->sequence(), 4U);
  EXPECT_EQ(subscription->last_sequence(), 4U);
  subscription->has_up_to(7);  // its publisher was refused after frame 4: nobody keeps them
  EXPECT_EQ(subscription->has_at_most_what_is_kept(), 4U);
  append(5);
  ASSERT_TRUE(subscription->next(item));
  EXPECT_EQ(item.frame->sequence(), 5U);
  subscription->has_up_to(std::numeric_limits<uint64_t>::max());  // a lie
  append(6);
  EXPECT_FALSE(subscription->next(item)) << "harms who told it";
}

}  // namespace
}  // namespace vedette::broker
