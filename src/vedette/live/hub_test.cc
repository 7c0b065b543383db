#include "vedette/live/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "vedette/base/error.h"
#include "vedette/live/text_form.h"

namespace vedette::live {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

Observation seen(const std::string& stream, uint64_t sequence, std::vector<Event> events = {}) {
  static const auto picture = Picture::make(PixelFormat::kGray, 8, 8);
  auto frame = std::make_shared<Frame>();
  frame->stream = std::make_shared<StreamInfo>(StreamInfo{stream, 0});
  frame->sequence = sequence;
  frame->width = frame->height = 8;
  frame->picture = picture;
  Observation result{frame};
  return events.empty() ? result : result.with_events(std::move(events));
}

Event count_of(const std::string& zone, int64_t count, EventKind kind = EventKind::kCount) {
  Event event;
  event.kind = kind;
  event.zone = zone;
  event.label = "person";
  event.count = count;
  return event;
}

std::shared_ptr<const std::vector<Zone>> one_zone(const std::string& name) {
  return std::make_shared<const std::vector<Zone>>(std::vector<Zone>{{name, {{0, 0}, {4, 0}, {4, 4}}}});
}

constexpr Duration kNow{0};

TEST(Hub, keeps_only_the_newest_of_each_view) {
  Hub hub;
  const auto watch = hub.watch_pictures({});
  for (uint64_t i = 0; i < 10; ++i) hub.publish("app", seen("yard", i));
  hub.publish("app", seen("gate", 3));

  std::vector<std::pair<std::string, uint64_t>> got;
  while (const auto sight = watch->next({}, kNow)) got.emplace_back(sight->view, sight->observation.frame().sequence);
  EXPECT_THAT(got, testing::UnorderedElementsAre(std::pair("app/yard", 9u), std::pair("app/gate", 3u)));
  ASSERT_EQ(hub.views().size(), 2u);
  EXPECT_EQ(hub.views()[1].observations, 10u);
}

TEST(Hub, serves_the_view_that_waited_longest) {
  ManualClock clock(Timestamp{seconds(100)});
  HubOptions options;
  options.clock = &clock;
  Hub hub(options);
  const auto watch = hub.watch_pictures({});
  std::vector<std::string> served;
  for (uint64_t i = 0; i < 6; ++i) {
    hub.publish("app", seen("a", i));
    hub.publish("app", seen("b", i));
    hub.publish("app", seen("c", i));
    clock.advance(seconds(1));
    served.push_back(watch->next({}, kNow)->view);
  }
  EXPECT_THAT(served, ElementsAre("app/a", "app/b", "app/c", "app/a", "app/b", "app/c"));
}

TEST(Hub, picture_watch_follows_only_its_views_at_its_rate) {
  ManualClock clock(Timestamp{seconds(100)});
  HubOptions options;
  options.clock = &clock;
  Hub hub(options);
  const auto watch = hub.watch_pictures({{"app/yard"}, 2.0});
  hub.publish("app", seen("gate", 1));
  EXPECT_FALSE(watch->next({}, kNow));
  hub.publish("app", seen("yard", 1));
  EXPECT_TRUE(watch->next({}, kNow));
  hub.publish("app", seen("yard", 2));
  clock.advance(std::chrono::milliseconds(499));
  EXPECT_FALSE(watch->next({}, kNow)) << "2 frames a second";
  clock.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(watch->next({}, kNow)->observation.frame().sequence, 2u);
}

TEST(Hub, tells_when_zones_change) {
  Hub hub;
  const auto watch = hub.watch_pictures({});
  const auto zones = one_zone("door");
  hub.publish("app", seen("yard", 1).with_zones(zones));
  EXPECT_TRUE(watch->next({}, kNow)->zones_changed);
  hub.publish("app", seen("yard", 2).with_zones(one_zone("door")));
  EXPECT_FALSE(watch->next({}, kNow)->zones_changed) << "another list with the same content";
  hub.publish("app", seen("yard", 3).with_zones(one_zone("gate")));
  EXPECT_TRUE(watch->next({}, kNow)->zones_changed);
}

TEST(Hub, a_stop_request_ends_a_wait_at_once) {
  Hub hub;
  const auto pictures = hub.watch_pictures({});
  const auto text = hub.watch_text({});
  std::stop_source stop;
  std::jthread first([&] { EXPECT_FALSE(pictures->next(stop.get_token(), std::chrono::hours(1))); });
  std::jthread second([&] { EXPECT_TRUE(text->next(stop.get_token(), std::chrono::hours(1)).empty()); });
  stop.request_stop();
}

TEST(Hub, a_publish_ends_a_wait) {
  Hub hub;
  const auto pictures = hub.watch_pictures({});
  const auto text = hub.watch_text({});
  std::jthread first([&] { EXPECT_TRUE(pictures->next({}, std::chrono::hours(1))); });
  std::jthread second([&] {
    size_t texts = 0;
    while (texts == 0) texts += text->next({}, std::chrono::hours(1)).observations.size();
  });
  hub.publish("app", seen("yard", 1));
}

TEST(Hub, events_are_numbered_and_bounded) {
  HubOptions options;
  options.max_events = 3;
  Hub hub(options);
  EXPECT_EQ(hub.events_after(0, 10).newest, 0u);
  for (int64_t i = 1; i <= 5; ++i) hub.publish("app", seen("yard", static_cast<uint64_t>(i), {count_of("door", i)}));

  const EventPage all = hub.events_after(0, 10);
  EXPECT_EQ(all.lost, 2u);
  EXPECT_EQ(all.newest, 5u);
  ASSERT_EQ(all.events.size(), 3u);
  EXPECT_EQ(all.events[0].id, 3u);
  EXPECT_EQ(all.events[0].event.count, 3);
  EXPECT_EQ(hub.events_after(3, 1).events.at(0).id, 4u);
  EXPECT_EQ(hub.events_after(3, 1).lost, 0u);
  EXPECT_TRUE(hub.events_after(5, 10).events.empty());
  EXPECT_EQ(hub.newest_events(2).events.at(0).id, 4u);
  EXPECT_EQ(hub.newest_events(2).lost, 0u);
}

TEST(Hub, a_text_watch_resumes_after_an_event) {
  Hub hub;
  for (int64_t i = 1; i <= 4; ++i) hub.publish("app", seen("yard", static_cast<uint64_t>(i), {count_of("door", i)}));
  EXPECT_TRUE(hub.watch_text({})->next({}, kNow).events.events.empty()) << "only what is to come";

  TextWatch::Options options;
  options.after_event = 2;
  const auto watch = hub.watch_text(options);
  auto batch = watch->next({}, kNow);
  ASSERT_EQ(batch.events.events.size(), 2u);
  EXPECT_EQ(batch.events.events[0].id, 3u);
  EXPECT_TRUE(watch->next({}, kNow).empty());

  options.after_event = 4711;
  EXPECT_EQ(hub.watch_text(options)->next({}, kNow).events.events.size(), 4u) << "an id of an earlier process";
}

TEST(Hub, a_slow_text_viewer_loses_the_oldest_observations_and_is_told) {
  HubOptions options;
  options.viewer_queue_bytes = 3 * observation_json("app/yard", seen("yard", 1)).size();
  Hub hub(options);
  const auto slow = hub.watch_text({});
  const auto quick = hub.watch_text({});
  size_t quick_got = 0;
  for (uint64_t i = 0; i < 9; ++i) {
    hub.publish("app", seen("yard", i));
    quick_got += quick->next({}, kNow).observations.size();
  }
  EXPECT_EQ(quick_got, 9u);
  const auto batch = slow->next({}, kNow);
  EXPECT_EQ(batch.lost_observations, 6u);
  ASSERT_EQ(batch.observations.size(), 3u);
  EXPECT_THAT(*batch.observations[0], HasSubstr("\"sequence\":6"));
  EXPECT_EQ(hub.stats().lost_observations, 6u);
}

TEST(Hub, limits_views_and_viewers) {
  HubOptions options;
  options.max_views = 2;
  options.max_viewers = 1;
  Hub hub(options);
  for (const char* stream : {"a", "b", "c"}) hub.publish("app", seen(stream, 0));
  EXPECT_EQ(hub.views().size(), 2u);
  EXPECT_EQ(hub.stats().refused_observations, 1u);
  auto first = hub.watch_pictures({});
  EXPECT_THROW(hub.watch_text({}), Error);
  first.reset();
  EXPECT_NO_THROW(hub.watch_text({}));
}

TEST(Hub, a_view_ends_revives_and_leaves) {
  Hub hub;
  const auto watch = hub.watch_text({});
  hub.publish("app", seen("yard", 0));
  hub.publish("other", seen("yard", 0));
  EXPECT_TRUE(watch->next({}, kNow).views_changed);
  hub.end_of_stream("app", "yard");
  EXPECT_TRUE(watch->next({}, kNow).views_changed);
  EXPECT_TRUE(hub.find_view("app/yard")->ended);
  EXPECT_TRUE(hub.find_view("app/yard")->latest) << "the last picture stays";
  hub.publish("app", seen("yard", 1));
  EXPECT_FALSE(hub.find_view("yard")->ended);
  EXPECT_EQ(hub.find_view("yard")->application, "app");
  hub.remove_application("app");
  EXPECT_EQ(hub.find_view("yard")->application, "other");
  EXPECT_FALSE(hub.find_view("app/yard"));
}

TEST(Hub, a_watch_outlives_its_hub) {
  auto hub = std::make_unique<Hub>();
  const auto watch = hub->watch_pictures({});
  hub.reset();
  EXPECT_FALSE(watch->next({}, kNow));
}

TEST(Hub, counts_over_time) {
  ManualClock clock(Timestamp{seconds(1000)});
  HubOptions options;
  options.clock = &clock;
  options.history = seconds(5);
  Hub hub(options);
  hub.publish("app", seen("yard", 0, {count_of("door", 2)}));
  clock.advance(seconds(2));
  hub.publish("app", seen("yard", 1,
                          {count_of("door", 3), count_of("line", 1, EventKind::kCross),
                           count_of("line", -1, EventKind::kCross), count_of("line", 1, EventKind::kCross)}));
  ZoneHistory history = hub.zone_history(seconds(4));
  EXPECT_EQ(history.end, Timestamp{seconds(1002)});
  ASSERT_EQ(history.series.size(), 3u);
  EXPECT_THAT(history.series[0].values, ElementsAre(std::nullopt, Optional(2), Optional(2), Optional(3)));
  EXPECT_EQ(history.series[1].kind, SeriesKind::kForward);
  EXPECT_EQ(history.series[1].now, 2);
  EXPECT_EQ(history.series[2].now, 1);

  clock.advance(seconds(1));
  hub.end_of_stream("app", "yard");
  clock.advance(seconds(1));
  history = hub.zone_history(std::chrono::hours(1));
  EXPECT_THAT(history.series[0].values, ElementsAre(Optional(2), Optional(2), Optional(3), std::nullopt, std::nullopt));
  clock.advance(seconds(100));
  EXPECT_THAT(hub.zone_history(seconds(5)).series[0].values, testing::Each(std::nullopt));
  EXPECT_THAT(hub.zone_history(seconds(5)).series[1].values, testing::Each(Optional(2))) << "crossings stand still";
}

TEST(Hub, series_are_bounded) {
  HubOptions options;
  options.max_series = 2;
  Hub hub(options);
  for (const char* zone : {"a", "b", "c"}) hub.publish("app", seen("yard", 0, {count_of(zone, 1)}));
  EXPECT_EQ(hub.zone_history(seconds(1)).series.size(), 2u);
  EXPECT_EQ(hub.stats().refused_series, 1u);
}

TEST(TextForm, escapes_what_json_and_headers_cannot_hold) {
  std::string out;
  append_json_string(out, "a\"\\\n\xC3\xBC\xF0\x9F\x90\x88\xFF");
  EXPECT_EQ(out, "\"a\\\"\\\\\\u000a\\u00fc\\ud83d\\udc08\\ufffd\"");
}

TEST(TextForm, writes_objects_and_zones) {
  Object object;
  object.box = {1.26f, -0.04f, 10, std::numeric_limits<float>::infinity()};
  object.score = 0.87654f;
  object.class_id = 7;
  EXPECT_EQ(objects_json(std::vector{object}), R"([[1.3,0,10,0,"7",0.877,null]])");
  object.track_id = 12;
  EXPECT_THAT(objects_json(std::vector{object, object}), testing::EndsWith("0.877,12]]"));
  EXPECT_EQ(zones_json(*one_zone("door")), R"([{"name":"door","points":[[0,0],[4,0],[4,4]]}])");
}

}  // namespace
}  // namespace vedette::live
