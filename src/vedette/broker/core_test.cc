#include "vedette/broker/core.h"

#include <gmock/gmock.h>

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/broker/clock_exchange.h"
#include "vedette/broker/quality_source.h"
#include "vedette/broker/testing.h"

namespace vedette::broker {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Fills nothing: the test appends to the feed.
class IdleSource final : public FeedSource {
 public:
  void set_quality(const Quality& quality) override { quality_ = quality; }
  void feedback(const v1::FeedbackRequest& seen) override { last = seen; }
  v1::ClockOffset clock() const override { return {}; }
  void stop() override {}
  v1::FeedbackRequest last;

 private:
  Quality quality_;
};

struct Made {
  std::string camera;
  Quality quality;
  Place after;
  Feed* feed;
};

class CoreTest : public ::testing::Test {
 public:
  CoreTest()
      : core(options(), [this](const SourceWanted& wanted) {
          made.push_back({wanted.camera, wanted.quality, wanted.after, &wanted.feed});
          return std::make_shared<IdleSource>();
        }) {}

  static CoreOptions options() {
    CoreOptions options;
    options.name = "test";
    options.logs.log.capacity_bytes = size_t{8} << 20;
    options.logs.log.segment_bytes = size_t{2} << 20;
    options.logs.log.first_sequence = 1;
    options.feed_bytes = size_t{8} << 20;
    options.access = Access({{.token = "guard", .cameras = {"*"}, .history = false}});
    return options;
  }
  void publish(const std::string& camera, int from, int to) {
    v1::PublishOpen open;
    open.set_camera(camera);
    const auto publication = core.publish(admin, open);
    for (int i = from; i < to; ++i) {
      const auto bytes = test_jpeg(i);
      std::ranges::copy(bytes, publication->reserve(bytes.size()).begin());
      publication->commit(info_at(at(i)), bytes.size());
    }
  }
  void register_far(uint64_t epoch) {
    v1::RegisterRequest request;
    request.set_broker("edge");
    request.set_address("127.0.0.1:9");
    auto& info = *request.add_cameras();
    info.set_camera("far");
    info.set_epoch(epoch);
    info.mutable_clock()->set_known(true);  // its own, against its own
    core.register_broker(request, 1h);
  }
  std::shared_ptr<Subscription> subscribe(const v1::SubscribeRequest& request) {
    return core.subscribe(admin, request, [] {});
  }
  /// Numbers of all frames that are there; -1 for a gap that begins the numbers anew, -2 for any other gap.
  static std::vector<int64_t> drain(Subscription& subscription) {
    std::vector<int64_t> got;
    Subscription::Item item;
    while (subscription.next(item)) {
      if (item.frame) got.push_back(static_cast<int64_t>(item.frame->sequence()));
      if (item.notice && item.notice->has_gap()) got.push_back(item.notice->gap().first() == 0 ? -1 : -2);
    }
    return got;
  }
  static Timestamp at(int i) { return Timestamp{std::chrono::seconds(1'769'860'800 + i)}; }
  static int64_t ns(int i) { return at(i).time_since_epoch().count(); }
  static v1::SubscribeRequest asks(const std::string& camera) {
    v1::SubscribeRequest request;
    request.set_camera(camera);
    return request;
  }

  const net::Principal admin{"root", net::Role::kAdmin, "", "", Timestamp::max()};
  const net::Principal guard{"guard", net::Role::kViewer, "", "", Timestamp::max()};
  std::vector<Made> made;
  Core core;
};

TEST_F(CoreTest, ResumesByNumberWithinTheEpoch) {
  publish("yard", 0, 10);
  auto request = asks("yard");
  request.set_after_sequence(7);
  request.set_after_epoch(core.camera(admin, "yard").epoch());
  const auto subscription = subscribe(request);
  EXPECT_THAT(drain(*subscription), ElementsAre(8, 9, 10));
  core.drop(subscription);
}

TEST_F(CoreTest, ResumesBehindTheTimeInAnotherEpoch) {
  publish("yard", 0, 10);
  auto request = asks("yard");
  request.set_after_sequence(500);
  request.set_after_epoch(core.camera(admin, "yard").epoch() + 2);
  request.set_after_ns(ns(6));
  const auto subscription = subscribe(request);
  EXPECT_THAT(drain(*subscription), ElementsAre(-1, 8, 9, 10));
  core.drop(subscription);
}

TEST_F(CoreTest, GoesOnLiveWhenTheTimeSaysNothing) {
  publish("yard", 0, 10);
  for (const int64_t after : {int64_t{0}, ns(5000)}) {  // unknown; of a clock that was put back since
    auto request = asks("yard");
    request.set_after_sequence(3);
    request.set_after_epoch(1);
    request.set_after_ns(after);
    const auto subscription = subscribe(request);
    EXPECT_THAT(drain(*subscription), ElementsAre(-1));
    publish("yard", after == 0 ? 10 : 11, after == 0 ? 11 : 12);
    EXPECT_THAT(drain(*subscription), ElementsAre(after == 0 ? 11 : 12));
    core.drop(subscription);
  }
}

TEST_F(CoreTest, ResumingShowsNoPastToWhoMayNotSeeIt) {
  publish("yard", 0, 100);
  auto request = asks("yard");
  request.set_after_sequence(1);
  request.set_max_behind(100'000);
  const auto subscription = core.subscribe(guard, request, [] {});
  EXPECT_THAT(drain(*subscription), ElementsAre(-2, 100));
  core.drop(subscription);
}

TEST_F(CoreTest, AnEndThatHasPassedCutsNoSlowReaderShort) {
  publish("yard", 0, 10);
  const auto range = [&](int begin, int end) {
    auto request = asks("yard");
    request.set_begin_ns(ns(begin));
    request.set_end_ns(ns(end));
    return subscribe(request);
  };
  const auto inner = range(2, 5), last = range(7, 20), none = range(100, 200);
  for (const auto& each : {inner, last, none}) each->check_end(at(10'000));
  EXPECT_THAT(drain(*inner), ElementsAre(3, 4, 5));
  EXPECT_THAT(drain(*last), ElementsAre(8, 9, 10));
  last->check_end(at(10'000));
  for (const auto& each : {inner, last, none}) {
    EXPECT_THAT(drain(*each), ElementsAre());
    EXPECT_TRUE(each->ended());
    core.drop(each);
  }
}

TEST_F(CoreTest, OneSourceAQualityAlsoAfterATargetChanged) {
  register_far(5);
  auto bounded = asks("far");
  bounded.mutable_target()->set_latency_ms(100);
  const auto a = subscribe(bounded), b = subscribe(bounded), plain = subscribe(asks("far"));
  EXPECT_EQ(made.size(), 2U);
  EXPECT_EQ(a->feed(), b->feed());
  core.set_target(plain, 100, 0);
  EXPECT_EQ(plain->feed(), a->feed()) << "what others have already";
  EXPECT_EQ(made.size(), 2U);
  core.set_target(plain, 50, 0);
  EXPECT_EQ(made.size(), 3U);
  const auto alone = plain->feed();
  core.set_target(plain, 60, 0);
  EXPECT_EQ(plain->feed(), alone) << "its source makes another quality";
  core.set_target(plain, 100, 0);
  EXPECT_EQ(plain->feed(), a->feed());
  EXPECT_EQ(made.size(), 3U);
  for (const auto& each : {a, b, plain}) core.drop(each);
}

TEST_F(CoreTest, ServersLimitWhatACameraSendsAndNobodyElse) {
  register_far(5);
  auto bounded = asks("far");
  bounded.mutable_target()->set_latency_ms(100);
  const net::Principal server{"hall", net::Role::kNode, "", "", Timestamp::max()};
  v1::FeedbackRequest seen;
  seen.set_subscription("somebody else");
  seen.set_limit_bytes(1000);
  for (const auto& who : {server, guard}) {
    const auto subscription = core.subscribe(who, bounded, [] {});
    const auto source = std::static_pointer_cast<IdleSource>(subscription->feed()->source());
    Core::feedback(*subscription, seen);
    EXPECT_EQ(source->last.has_limit_bytes(), who.name == "hall");
    EXPECT_EQ(source->last.subscription(), subscription->options().id) << "limits of several are told apart";
    core.drop(subscription);
  }
}

TEST_F(CoreTest, WhoAsksIsToldWhatThePolicyChoosesFrom) {
  auto with_table = options();
  with_table.table = std::make_shared<const framelog::KnobTable>(built_in_table());
  Core camera(with_table, [](const SourceWanted&) { return std::make_shared<IdleSource>(); });
  v1::PublishOpen open;
  open.set_camera("yard");
  const auto publication = camera.publish(admin, open);
  const auto rows_told = [&](bool bounded, bool wants) {
    auto request = asks("yard");
    if (bounded) request.mutable_target()->set_latency_ms(100);
    request.set_wants_table(wants);
    const auto subscription = camera.subscribe(admin, request, [] {});
    Subscription::Item item;
    const bool told = subscription->next(item) && item.notice && item.notice->has_table();
    camera.drop(subscription);
    return told ? item.notice->table().rows_size() : 0;
  };
  EXPECT_EQ(rows_told(true, true), static_cast<int>(with_table.table->rows().size()));
  EXPECT_EQ(rows_told(true, false), 0);
  EXPECT_EQ(rows_told(false, true), 0);
}

TEST_F(CoreTest, ABrokerNamesItsChannel) {
  const auto channel_of = [&](const std::string& channel) {
    v1::RegisterRequest request;
    request.set_broker("edge");
    request.set_address("127.0.0.1:9");
    request.set_channel(channel);
    request.add_cameras()->set_camera("far");
    core.register_broker(request, 1h);
    return core.remote_of("far")->channel;
  };
  EXPECT_EQ(channel_of("yard/ap-1"), "yard/ap-1");
  EXPECT_EQ(channel_of(""), "edge") << "one of its own";
  EXPECT_THROW(channel_of("no name"), Error);
  EXPECT_THROW(channel_of(std::string(129, 'a')), Error);
  channel_of("yard/ap-1");
  std::string told;
  const uint64_t listener = core.listen([&](const v1::Replica& change) {
    if (change.has_registered()) told = change.registered().channel();
  });
  core.unlisten(listener);
  EXPECT_EQ(told, "yard/ap-1") << "to a standby";
}

TEST_F(CoreTest, NumbersThatBeginAnewMoveSubscribersToAnotherFeed) {
  register_far(5);
  const auto subscription = subscribe(asks("far"));
  made.back().feed->append(
      [] {
        auto i = info_at(at(1));
        i.sequence = 40;
        return i;
      }(),
      test_jpeg(1));
  EXPECT_THAT(drain(*subscription), ElementsAre(40));
  register_far(5);
  EXPECT_EQ(made.size(), 1U);
  register_far(9);
  ASSERT_EQ(made.size(), 2U);
  made.back().feed->append(
      [] {
        auto i = info_at(at(2));
        i.sequence = 1;
        return i;
      }(),
      test_jpeg(2));
  EXPECT_THAT(drain(*subscription), ElementsAre(-1, 1));
  EXPECT_FALSE(subscription->ended());
  core.drop(subscription);
}

TEST_F(CoreTest, WhatABrokerSaysOfItsOwnClockIsNoMeasurement) {
  register_far(5);
  EXPECT_FALSE(core.camera(admin, "far").clock().known());
}

TEST_F(CoreTest, AStandbyFetchesWhatTheSubscribersOfItsPrimaryHad) {
  Core primary(options(), [](const SourceWanted&) { return std::make_shared<IdleSource>(); });
  v1::RegisterRequest request;
  request.set_broker("edge");
  request.set_address("127.0.0.1:9");
  request.add_cameras()->set_camera("far");
  request.mutable_cameras(0)->set_epoch(5);
  primary.register_broker(request, 1h);
  const auto before = primary.subscribe(admin, asks("far"), [] {});
  const uint64_t listener = primary.listen([&](const v1::Replica& change) { core.adopt(change, 1h); });
  auto bounded = asks("far");
  bounded.mutable_target()->set_latency_ms(80);
  auto slower = bounded;
  slower.set_after_sequence(70);
  slower.set_after_epoch(5);
  bounded.set_after_sequence(90);
  bounded.set_after_epoch(5);
  const auto a = primary.subscribe(admin, bounded, [] {}), b = primary.subscribe(admin, slower, [] {});
  auto past = asks("far");
  past.set_begin_ns(1);
  const auto c = primary.subscribe(admin, past, [] {}), gone = primary.subscribe(admin, bounded, [] {});
  primary.set_target(gone, 33, 0);
  primary.drop(gone);
  bool resumed = false;
  const std::string session = primary.begin_session(admin, {}, resumed);
  primary.unlisten(listener);

  EXPECT_EQ(core.take_over(), 2U);
  ASSERT_EQ(made.size(), 2U);
  EXPECT_EQ(made[0].quality, Quality{}) << "of who was there before the standby listened";
  EXPECT_EQ(made[1].quality.latency_ms, 80);
  EXPECT_EQ(made[1].after.sequence, 70U) << "from where the slowest is";
  EXPECT_EQ(core.take_over(), 0U) << "once";
  EXPECT_EQ(core.begin_session(admin, session, resumed), session);
  EXPECT_TRUE(resumed);
  const auto back = subscribe(bounded);
  EXPECT_EQ(made.size(), 2U) << "it finds the feed";
  core.drop(back);
  for (const auto& each : {before, a, b, c}) primary.drop(each);
}

TEST_F(CoreTest, WhatIsFetchedOfThePastIsReadToTheLastFrame) {
  register_far(7);
  v1::SubscribeRequest past;
  past.set_camera("far");
  past.set_begin_ns(ns(1));
  past.set_max_behind(2);
  const auto reader = subscribe(past);
  const auto append = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      auto info = info_at(at(i));
      info.sequence = static_cast<uint64_t>(i);
      made.at(0).feed->append(info, test_jpeg(1));
    }
  };
  append(1, 2);
  EXPECT_THAT(drain(*reader), ElementsAre(1));  // all that was fetched so far, which is not the present
  append(2, 9);
  EXPECT_THAT(drain(*reader), ElementsAre(2, 3, 4, 5, 6, 7, 8));
}

TEST_F(CoreTest, AReaderOfThePastSharesTheTransferOfThoseWhoFollowTheCamera) {
  register_far(7);
  v1::SubscribeRequest past;
  past.set_camera("far");
  past.set_begin_ns(ns(1));
  const auto reader = subscribe(past);
  v1::SubscribeRequest now;
  now.set_camera("far");
  const auto follower = subscribe(now);
  ASSERT_EQ(made.size(), 2U);
  const auto append = [&](size_t feed, int from, int to) {
    for (int i = from; i < to; ++i) {
      auto info = info_at(at(i));
      info.sequence = static_cast<uint64_t>(i);
      made.at(feed).feed->append(info, test_jpeg(1));
    }
  };
  append(1, 5, 8);  // the present
  append(0, 1, 4);
  EXPECT_THAT(drain(*reader), ElementsAre(1, 2, 3));
  core.join_live();
  EXPECT_NE(reader->feed(), follower->feed()) << "it would miss frame 4";
  append(0, 4, 5);
  EXPECT_THAT(drain(*reader), ElementsAre(4));
  core.join_live();
  EXPECT_EQ(reader->feed(), follower->feed());
  EXPECT_THAT(drain(*reader), ElementsAre(5, 6, 7));
  append(1, 8, 10);
  EXPECT_THAT(drain(*reader), ElementsAre(8, 9));
  EXPECT_THAT(drain(*follower), ElementsAre(5, 6, 7, 8, 9));
  core.drop(reader);
  EXPECT_EQ(follower->feed()->subscribers(), 1U);
}

TEST_F(CoreTest, ASourceOfThePastWaitsForTheSlowestReader) {
  register_far(5);
  const auto subscription = subscribe(asks("far"));
  Feed& feed = *made.back().feed;
  for (int i = 1; i <= 10; ++i)
    feed.append(
        [&] {
          auto info = info_at(at(i));
          info.sequence = static_cast<uint64_t>(i);
          return info;
        }(),
        test_jpeg(i));
  const MonotonicTime past = Clock::system().monotonic();
  EXPECT_FALSE(feed.wait_until_read(5, past));
  Subscription::Item item;
  std::jthread reader([&] {
    while (feed.slowest_lag() > 5) subscription->next(item);
  });
  EXPECT_TRUE(feed.wait_until_read(5, soon()));
  reader.join();
  core.drop(subscription);
  EXPECT_TRUE(feed.wait_until_read(0, past)) << "who is gone holds nobody up";
}

TEST(ClockExchange, IsRightToHalfARoundTripHoweverTheWayIs) {
  ManualClock ours(Timestamp{1h}), theirs(Timestamp{1h - 250ms});
  const auto pass = [&](Duration time) {
    ours.advance(time);
    theirs.advance(time);
  };
  link::ClockOffset ahead;
  for (const auto& [out, work, back] : {std::tuple{9ms, 1ms, 3ms}, {2ms, 5ms, 1ms}, {30ms, 1ms, 1ms}}) {
    const Timestamp sent = ours.now();
    pass(out);
    v1::ClockSample answer;
    answer.set_received_ns(theirs.now().time_since_epoch().count());
    pass(work);
    answer.set_answered_ns(theirs.now().time_since_epoch().count());
    pass(back);
    add_exchange(ahead, sent, answer, ours.now());
    ASSERT_TRUE(ahead.known());
    EXPECT_LE(std::abs((ahead.offset() + 250ms).count()), ahead.rtt().count() / 2 + 1000);
  }
  EXPECT_NEAR(to_milliseconds(ahead.rtt()), 3, 0.01) << "the shortest of them counts";
  EXPECT_NEAR(to_milliseconds(ahead.offset()), -249.5, 0.01);
}

}  // namespace
}  // namespace vedette::broker
