#include "vedette/link/endpoint.h"

#include <atomic>
#include <cstring>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/link/testing.h"
#include "vedette/media/jpeg.h"

namespace vedette::link {
namespace {

using testing::Collector, testing::Feed, testing::Folder, testing::kChannel, testing::node, testing::same_pixels,
    testing::test_observation, testing::test_picture, testing::test_stream;

/// Two nodes, one channel from `a` to `b`.
struct Pair {
  explicit Pair(std::vector<std::string> listen, SenderOptions options = {}, size_t credit = 4)
      : b(node("b", std::move(listen))), a(node("a")) {
    receiver = b.open_receiver(kChannel, "a", test_stream(), collector, {.credit = credit});
    sender = a.open_sender(kChannel, "b", b.addresses(), options, feed.on_room());
  }
  Collector collector;
  Feed feed;
  Endpoint b, a;
  std::shared_ptr<Receiver> receiver;
  std::shared_ptr<Sender> sender;
};

void expect_pictures_arrive(Pair& pair, size_t count) {
  pair.collector.grant_to(pair.receiver);
  for (uint32_t i = 0; i < count; ++i)
    ASSERT_TRUE(pair.feed.put(*pair.sender, test_observation(i, test_picture(200 + static_cast<int>(i), 100, i))));
  pair.sender->end();
  ASSERT_TRUE(pair.collector.wait_end());
  ASSERT_EQ(pair.collector.sequences().size(), count);
  for (uint32_t i = 0; i < count; ++i) {
    const Frame& frame = pair.collector.observations()[i].frame();
    EXPECT_EQ(frame.sequence, i);
    EXPECT_EQ(frame.stream, test_stream());
    ASSERT_TRUE(frame.picture);
    EXPECT_TRUE(same_pixels(*frame.picture, *test_picture(200 + static_cast<int>(i), 100, i)));
  }
  EXPECT_TRUE(pair.collector.gaps().empty());
  EXPECT_TRUE(pair.feed.wait_drained(*pair.sender));
}

TEST(Endpoint, PicturesArriveOverTcp) {
  Pair pair({"tcp://127.0.0.1:0"}, {.form = PictureForm::kRaw});
  expect_pictures_arrive(pair, 20);
  EXPECT_FALSE(pair.a.status().peers.at(0).shared_memory);
}

TEST(Endpoint, PicturesArriveThroughSharedMemory) {
  const Folder folder;
  Pair pair({folder.socket("b")});
  expect_pictures_arrive(pair, 20);
  const EndpointStatus status = pair.a.status();
  EXPECT_TRUE(status.peers.at(0).shared_memory);
  EXPECT_GT(status.outgoing.at(0).sent_shared, 0u);
}

TEST(Endpoint, PicturesFromThePoolAreNotCopied) {
  const Folder folder;
  Pair pair({folder.socket("b")});
  const auto pool = pair.a.picture_pool();
  const auto shared = [&] { return pair.a.status().peers.at(0).shared_memory; };
  pair.collector.grant_to(pair.receiver);
  for (uint64_t i = 0; !shared() && i < 10000; ++i) ASSERT_TRUE(pair.feed.put(*pair.sender, test_observation(i)));
  ASSERT_TRUE(shared());
  auto picture = Picture::make(PixelFormat::kI420, 128, 64, pool.get());
  uint8_t& pixel = picture->plane(0).data[5];
  pixel = 1;
  pair.collector.clear();
  ASSERT_TRUE(pair.feed.put(*pair.sender, test_observation(99999, picture)));
  ASSERT_TRUE(pair.collector.wait([](const Collector& c) { return c.sequences().back() == 99999; }));
  const Picture& there = *pair.collector.observations().back().frame().picture;
  EXPECT_EQ(there.plane(0).data[5], 1);
  pixel = 2;  // no one may do this; it shows that both are the same memory
  EXPECT_EQ(there.plane(0).data[5], 2);
}

TEST(Endpoint, GoesOnThroughTheSocketWhenAllLeasesAreLent) {
  const Folder folder;
  constexpr size_t kMany = 200;
  Pair pair({folder.socket("b")}, {.capacity = 16, .form = PictureForm::kRaw}, 16);
  pair.collector.grant_to(pair.receiver);  // the collector keeps every picture
  for (uint32_t i = 0; i < kMany; ++i)
    ASSERT_TRUE(pair.feed.put(*pair.sender, test_observation(i, test_picture(64, 48, i))));
  ASSERT_TRUE(pair.collector.wait_count(kMany));
  for (uint32_t i = 0; i < kMany; ++i)
    EXPECT_TRUE(same_pixels(*pair.collector.observations()[i].frame().picture, *test_picture(64, 48, i)));
  EXPECT_GT(pair.a.status().outgoing.at(0).sent_raw, 0u);
}

TEST(Endpoint, JpegIsEncodedHereAndDecodedThere) {
  const Folder folder;
  Pair pair({folder.socket("b")}, {.form = PictureForm::kJpeg});
  auto gray = Picture::make(PixelFormat::kI420, 160, 90);
  for (int i = 0; i < 3; ++i)
    std::memset(gray->plane(i).data, 128, static_cast<size_t>(gray->plane(i).stride_bytes * gray->plane(i).height));
  gray->full_range = true;
  ASSERT_TRUE(pair.feed.put(*pair.sender, test_observation(0, gray)));
  ASSERT_TRUE(pair.collector.wait_count(1));
  const Frame& frame = pair.collector.observations()[0].frame();
  ASSERT_TRUE(frame.jpeg && frame.picture);
  EXPECT_LT(frame.jpeg->size(), 5000u);
  EXPECT_EQ(frame.picture->width(), 160);
  EXPECT_NEAR(frame.picture->plane(0).data[100], 128, 3);
  EXPECT_EQ(pair.a.status().outgoing.at(0).sent_jpeg, 1u);
}

TEST(Endpoint, ACameraJpegRidesAsItIs) {
  const Folder folder;
  Pair pair({folder.socket("b")});
  Frame frame;
  frame.stream = test_stream();
  frame.width = 64;
  frame.height = 48;
  const auto jpeg = std::make_shared<const Bytes>(media::encode_jpeg(*test_picture(64, 48, 3), 70));
  frame.jpeg = jpeg;
  ASSERT_TRUE(pair.feed.put(*pair.sender, Observation(std::make_shared<const Frame>(frame))));
  ASSERT_TRUE(pair.collector.wait_count(1));
  EXPECT_EQ(*pair.collector.observations()[0].frame().jpeg, *jpeg);
  EXPECT_TRUE(pair.collector.observations()[0].frame().picture);
}

TEST(Endpoint, PixelsAreLeftOutWhereNobodyNeedsThem) {
  const Folder folder;
  Pair pair({folder.socket("b")}, {.pixels = false, .crops = false});
  Object object;
  object.crop = test_picture(8, 8, 1);
  ASSERT_TRUE(pair.feed.put(*pair.sender, test_observation(0, test_picture(64, 48, 1)).with_objects({object})));
  ASSERT_TRUE(pair.collector.wait_count(1));
  const Observation& there = pair.collector.observations()[0];
  EXPECT_FALSE(there.frame().picture || there.frame().jpeg);
  EXPECT_EQ(there.frame().width, 64);
  EXPECT_FALSE(there.objects()[0].crop);
}

TEST(Endpoint, AReceiverThatGrantsNothingHoldsTheSenderBack) {
  const Folder folder;
  Pair pair({folder.socket("b")}, {.capacity = 3, .patience = Duration{0}}, 2);
  size_t taken = 0;
  while (pair.sender->reserve()) {
    pair.sender->send(test_observation(taken), true);
    ASSERT_LE(++taken, 5u);
  }
  EXPECT_GE(taken, 3u);
  ASSERT_TRUE(pair.collector.wait_count(2));
  const OutgoingChannelStatus status = pair.a.status().outgoing.at(0);
  EXPECT_LE(status.queue_depth, 3u);
  EXPECT_EQ(pair.collector.sequences().size(), 2u);
  pair.receiver->grant(10);
  ASSERT_TRUE(pair.collector.wait_count(taken));
  EXPECT_TRUE(pair.feed.put(*pair.sender, test_observation(taken)));
}

TEST(Endpoint, AReceiverMayComeLaterThanItsSender) {
  const Folder folder;
  Collector collector;
  Feed feed;
  Endpoint b(node("b", {folder.socket("b")})), a(node("a"));
  const auto sender = a.open_sender(kChannel, "b", b.addresses(), {.patience = Duration{0}}, feed.on_room());
  sender->send(test_observation(7), false);
  const auto other = a.open_sender({"x", "y"}, "b", b.addresses(), {}, [] {});
  Collector first;
  const auto early = b.open_receiver({"x", "y"}, "a", test_stream(), first);
  other->send(test_observation(1), false);
  ASSERT_TRUE(first.wait_count(1)) << "the connection stands";
  EXPECT_TRUE(collector.sequences().empty());
  const auto receiver = b.open_receiver(kChannel, "a", test_stream(), collector);
  ASSERT_TRUE(collector.wait_count(1));
  EXPECT_EQ(collector.sequences()[0], 7u);
}

TEST(Endpoint, AnotherReceiverTakesOver) {
  const Folder folder;
  Pair pair({folder.socket("b")}, {.patience = Duration{0}});
  pair.sender->send(test_observation(0), false);
  ASSERT_TRUE(pair.collector.wait_count(1));
  Collector next;
  const auto receiver = pair.b.open_receiver(kChannel, "a", test_stream(), next);
  pair.sender->send(test_observation(1), false);
  pair.sender->end();
  ASSERT_TRUE(next.wait_end());
  EXPECT_EQ(next.sequences().back(), 1u);
  EXPECT_EQ(pair.collector.sequences().size(), 1u);
}

/// A clock that runs a minute and more apart from the machine's.
class SkewedClock final : public Clock {
 public:
  explicit SkewedClock(Duration by) : by_(by) {}
  Timestamp now() const override { return system().now() + by_; }
  MonotonicTime monotonic() const override { return system().monotonic() + by_; }

 private:
  Duration by_;
};

TEST(Endpoint, ASenderThatIsClosedAfterAnotherTookOverTakesNothingAlong) {
  const Folder folder;
  Pair pair({folder.socket("b")});
  pair.collector.grant_to(pair.receiver);
  ASSERT_TRUE(pair.feed.put(*pair.sender, test_observation(0)));
  ASSERT_TRUE(pair.collector.wait_count(1));
  Feed feed;
  const auto next = pair.a.open_sender(kChannel, "b", pair.b.addresses(), {}, feed.on_room());
  ASSERT_TRUE(feed.put(*next, test_observation(1)));
  ASSERT_TRUE(pair.collector.wait_count(2));
  pair.sender->close();
  for (uint64_t i = 2; i < 20; ++i) ASSERT_TRUE(feed.put(*next, test_observation(i)));
  ASSERT_TRUE(pair.collector.wait_count(20));
}

TEST(Endpoint, ArrivalIsTranslatedBetweenClocksThatAreApart) {
  const Folder folder;
  const SkewedClock clock(std::chrono::seconds(61));
  auto options = node("a");
  options.clock = &clock;
  Collector collector;
  Endpoint b(node("b", {folder.socket("b")})), a(options);
  const auto receiver = b.open_receiver(kChannel, "a", test_stream(), collector);
  const auto sender = a.open_sender(kChannel, "b", b.addresses(), {}, [] {});
  const MonotonicTime arrival = Clock::system().monotonic();
  sender->send(test_observation(0, nullptr, arrival + std::chrono::seconds(61)), false);
  ASSERT_TRUE(collector.wait_count(1));
  const PeerStatus peer = b.status().peers.at(0);
  const Duration error = std::chrono::abs(collector.observations()[0].frame().arrival - arrival);
  // The estimate errs by half of the round trip that it was made with; later ones can only be better.
  EXPECT_LT(error, std::chrono::milliseconds(500));
  EXPECT_NEAR(peer.clock_offset_seconds, 61, peer.rtt_seconds / 2 + 1e-6);
}

TEST(Endpoint, DeadlineIsCountedFromTheFramesArrival) {
  const Folder folder;
  Pair pair({folder.socket("b")}, {.deadline = std::chrono::hours(1)});
  const MonotonicTime now = Clock::system().monotonic();
  pair.sender->send(test_observation(0, nullptr, now - std::chrono::hours(2)), false);
  pair.sender->send(test_observation(1, nullptr, now), false);
  pair.sender->end();
  ASSERT_TRUE(pair.collector.wait_end());
  EXPECT_EQ(pair.collector.sequences(), std::vector<uint64_t>{1});
  ASSERT_EQ(pair.collector.gaps().size(), 1u);
  EXPECT_EQ(pair.collector.gaps()[0], (std::pair<std::string, uint64_t>{"deadline", 1}));
}

TEST(Endpoint, RefusesToListenOffLoopbackWithoutTlsAndToken) {
  try {
    const Endpoint endpoint(node("b", {"tcp://0.0.0.0:0"}));
    FAIL() << "it listens";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidConfig);
    EXPECT_NE(std::string(e.what()).find("mutual TLS and a token"), std::string::npos) << e.what();
  }
}

TEST(Endpoint, PassesOverAddressesThatMayNotBeDialled) {
  Endpoint a(node("a"));
  const auto sender = a.open_sender(kChannel, "b", {"tcp://10.1.2.3:4", "nonsense"}, {}, [] {});
  const PeerStatus peer = a.status().peers.at(0);
  EXPECT_FALSE(peer.last_error.empty());
}

TEST(Endpoint, ATakenSocketIsRefusedAndAnAbandonedOneTakenOver) {
  const Folder folder;
  {
    const Endpoint first(node("b", {folder.socket("b")}));
    EXPECT_THROW(Endpoint(node("c", {folder.socket("b")})), Error);
  }
  EXPECT_NO_THROW(Endpoint(node("c", {folder.socket("b")})));
}

TEST(Endpoint, ManyChannelsShareOneConnectionInTurn) {
  const Folder folder;
  Endpoint b(node("b", {folder.socket("b")})), a(node("a"));
  constexpr size_t kChannels = 10, kEach = 50;
  std::vector<std::unique_ptr<Collector>> collectors;
  std::vector<std::unique_ptr<Feed>> feeds;
  std::vector<std::shared_ptr<Receiver>> receivers;
  std::vector<std::shared_ptr<Sender>> senders;
  for (size_t i = 0; i < kChannels; ++i) {
    const ChannelId id{"producer", std::to_string(i)};
    collectors.push_back(std::make_unique<Collector>());
    feeds.push_back(std::make_unique<Feed>());
    receivers.push_back(b.open_receiver(id, "a", test_stream(), *collectors[i]));
    collectors[i]->grant_to(receivers[i]);
    senders.push_back(a.open_sender(id, "b", b.addresses(), {.patience = Duration{0}}, feeds[i]->on_room()));
  }
  std::vector<std::jthread> threads;
  std::atomic<size_t> failed{0};
  for (size_t i = 0; i < kChannels; ++i)
    threads.emplace_back([&, i] {
      for (uint64_t n = 0; n < kEach; ++n)
        failed += !feeds[i]->put(*senders[i], test_observation(n, test_picture(64, 32, static_cast<uint32_t>(n))));
      senders[i]->end();
    });
  threads.clear();
  EXPECT_EQ(failed, 0u);
  for (auto& collector : collectors) {
    ASSERT_TRUE(collector->wait_end());
    EXPECT_EQ(collector->sequences().size(), kEach);
    EXPECT_TRUE(collector->gaps().empty());
  }
  EXPECT_EQ(a.status().peers.size(), 1u);
}

}  // namespace
}  // namespace vedette::link
