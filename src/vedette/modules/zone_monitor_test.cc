#include "vedette/modules/zone_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <sstream>

#include "vedette/modules/polygon.h"
#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<Point> kSquare{{100, 100}, {200, 100}, {200, 200}, {100, 200}};

Timestamp at(double seconds) { return Timestamp{} + from_seconds(seconds); }

/// An object whose foot stands at x, y.
Object standing(int64_t id, float x, float y, const std::string& label = "person") {
  return testing::test_object({x - 10, y - 40, 20, 40}, label, 0.9f, id);
}

/// "enter 1@0.5", "leave 1@2 (1.5s)", "count person=2", "cross 1@3 +1".
std::vector<std::string> told(const std::vector<Event>& events) {
  std::vector<std::string> lines;
  for (const Event& event : events) {
    std::ostringstream line;
    line << to_string(event.kind) << ' ';
    if (event.kind == EventKind::kCount) {
      line << event.label << '=' << event.count;
    } else {
      line << *event.track_id << '@' << to_seconds(event.time.time_since_epoch());
      if (event.kind == EventKind::kCross) line << ' ' << std::showpos << event.count;
      if (event.kind == EventKind::kLeave || event.kind == EventKind::kDwell)
        line << " (" << event.dwell_seconds << "s)";
    }
    lines.push_back(line.str());
  }
  return lines;
}

ZoneMonitor square_monitor(ZoneMonitorOptions options = {}, Duration dwell = {},
                           std::vector<std::string> classes = {}) {
  return ZoneMonitor(options, {{"square", kSquare, std::move(classes), dwell}}, {});
}

TEST(ZoneMonitor, EnterCountAndLeave) {
  auto monitor = square_monitor();
  EXPECT_THAT(told(monitor.update(std::vector{standing(1, 50, 150)}, at(0))), IsEmpty());
  const auto entered = monitor.update(std::vector{standing(1, 150, 150)}, at(1));
  EXPECT_THAT(told(entered), ElementsAre("enter 1@1", "count person=1"));
  EXPECT_EQ(entered[0].zone, "square");
  EXPECT_EQ(entered[0].label, "person");
  EXPECT_EQ(entered[0].box, (Box{140, 110, 20, 40}));
  EXPECT_THAT(told(monitor.update(std::vector{standing(1, 160, 150)}, at(2))), IsEmpty());
  EXPECT_THAT(told(monitor.update(std::vector{standing(1, 250, 150)}, at(3.5))),
              ElementsAre("leave 1@3.5 (2.5s)", "count person=0"));
}

TEST(ZoneMonitor, WhoIsFirstSeenInsideHasEntered) {
  auto monitor = square_monitor();
  EXPECT_THAT(told(monitor.update(std::vector{standing(1, 150, 150)}, at(4))),
              ElementsAre("enter 1@4", "count person=1"));
}

TEST(ZoneMonitor, TheAnchorDecides) {
  auto foot = square_monitor();
  auto center = square_monitor({.anchor = Anchor::kCenter});
  const std::vector objects{standing(1, 150, 210)};  // foot below the square, centre within
  EXPECT_THAT(foot.update(objects, at(0)), IsEmpty());
  EXPECT_THAT(told(center.update(objects, at(0))), ElementsAre("enter 1@0", "count person=1"));
}

TEST(ZoneMonitor, DwellIsToldOnceAVisit) {
  auto monitor = square_monitor({}, std::chrono::seconds(2));
  monitor.update(std::vector{standing(1, 150, 150)}, at(0));
  EXPECT_THAT(monitor.update(std::vector{standing(1, 150, 150)}, at(1.9)), IsEmpty());
  EXPECT_THAT(told(monitor.update(std::vector{standing(1, 150, 150)}, at(2.5))), ElementsAre("dwell 1@2.5 (2.5s)"));
  EXPECT_THAT(monitor.update(std::vector{standing(1, 150, 150)}, at(9)), IsEmpty());
  monitor.update(std::vector{standing(1, 0, 0)}, at(10));
  monitor.update(std::vector{standing(1, 150, 150)}, at(11));
  EXPECT_THAT(told(monitor.update(std::vector{standing(1, 150, 150)}, at(13))), ElementsAre("dwell 1@13 (2s)"));
}

TEST(ZoneMonitor, JitterOnTheBorderWithinGraceTellsNothing) {
  auto monitor = square_monitor({.grace = std::chrono::milliseconds(500), .lost = std::chrono::seconds(5)});
  std::vector<Event> all;
  const auto see = [&](float x, double seconds) {
    const auto events = monitor.update(std::vector{standing(1, x, 150)}, at(seconds));
    all.insert(all.end(), events.begin(), events.end());
  };
  double time = 0;
  for (int i = 0; i < 20; ++i, time += 0.1) see(i % 2 ? 99.f : 101.f, time);
  EXPECT_THAT(all, IsEmpty());
  for (int i = 0; i < 10; ++i, time += 0.1) see(110, time);
  EXPECT_THAT(told(all), ElementsAre("enter 1@2", "count person=1")) << "time of the first of the lasting sightings";
  for (int i = 0; i < 20; ++i, time += 0.1) see(i % 2 ? 99.f : 101.f, time);
  EXPECT_EQ(all.size(), 2u);
  for (int i = 0; i < 10; ++i, time += 0.1) see(50, time);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[2].kind, EventKind::kLeave);
}

TEST(ZoneMonitor, AVanishedTrackLeavesWhenItIsLostAsOfItsLastSighting) {
  auto monitor = square_monitor({.lost = std::chrono::seconds(3)});
  monitor.update(std::vector{standing(1, 150, 150)}, at(0));
  monitor.update(std::vector{standing(1, 150, 150)}, at(1));
  EXPECT_THAT(monitor.update({}, at(3.9)), IsEmpty());
  EXPECT_EQ(monitor.tracks(), 1u);
  EXPECT_THAT(told(monitor.update({}, at(4))), ElementsAre("leave 1@1 (1s)", "count person=0"));
  EXPECT_EQ(monitor.tracks(), 0u);
}

TEST(ZoneMonitor, AShortAbsenceIsNoLeave) {
  auto monitor = square_monitor({.lost = std::chrono::seconds(3)});
  monitor.update(std::vector{standing(1, 150, 150)}, at(0));
  EXPECT_THAT(monitor.update({}, at(2)), IsEmpty());
  EXPECT_THAT(monitor.update(std::vector{standing(1, 160, 150)}, at(2.5)), IsEmpty());
}

TEST(ZoneMonitor, AGapInTheStreamIsNoLeaveForWhoIsStillThere) {
  auto monitor = square_monitor({.lost = std::chrono::seconds(3)});
  monitor.update(std::vector{standing(1, 150, 150)}, at(0));
  EXPECT_THAT(monitor.update(std::vector{standing(1, 160, 150)}, at(60)), IsEmpty());
}

TEST(ZoneMonitor, ClassesAreCountedApart) {
  auto monitor = square_monitor();
  EXPECT_THAT(told(monitor.update(
                  std::vector{standing(1, 150, 150), standing(2, 150, 160, "car"), standing(3, 120, 120)}, at(0))),
              ElementsAre("enter 1@0", "enter 2@0", "enter 3@0", "count car=1", "count person=2"));
}

TEST(ZoneMonitor, OtherClassesArePassedOver) {
  auto monitor = square_monitor({}, {}, {"car"});
  EXPECT_THAT(told(monitor.update(std::vector{standing(1, 150, 150), standing(2, 150, 160, "car")}, at(0))),
              ElementsAre("enter 2@0", "count car=1"));
  // A detector that doubts for one frame does not make the car leave, and the visit keeps its class.
  EXPECT_THAT(monitor.update(std::vector{standing(2, 150, 160, "person")}, at(1)), IsEmpty());
  EXPECT_THAT(told(monitor.update(std::vector{standing(2, 0, 0, "person")}, at(2))),
              ElementsAre("leave 2@2 (2s)", "count car=0"));
}

TEST(ZoneMonitor, AChangeOfPlacesChangesNoCount) {
  auto monitor = square_monitor();
  monitor.update(std::vector{standing(1, 150, 150), standing(2, 0, 0)}, at(0));
  EXPECT_THAT(told(monitor.update(std::vector{standing(1, 0, 0), standing(2, 150, 150)}, at(1))),
              ElementsAre("leave 1@1 (1s)", "enter 2@1"));
}

TEST(ZoneMonitor, CountEventsAreRateLimitedButTheLastOneComes) {
  auto monitor = square_monitor({.count_interval = std::chrono::seconds(10)});
  EXPECT_THAT(told(monitor.update(std::vector{standing(1, 150, 150)}, at(0))),
              ElementsAre("enter 1@0", "count person=1"));
  EXPECT_THAT(told(monitor.update(std::vector{standing(1, 150, 150), standing(2, 150, 150)}, at(1))),
              ElementsAre("enter 2@1"));
  EXPECT_THAT(told(monitor.update(std::vector{standing(1, 150, 150), standing(2, 150, 150)}, at(10))),
              ElementsAre("count person=2"));
  EXPECT_THAT(told(monitor.finish()), ElementsAre("leave 1@10 (10s)", "leave 2@10 (9s)", "count person=0"));
}

TEST(ZoneMonitor, ObjectsWithoutIdsAndDoubleIdsArePassedOver) {
  auto monitor = square_monitor();
  Object nameless = standing(1, 150, 150);
  nameless.track_id.reset();
  EXPECT_THAT(told(monitor.update(std::vector{nameless, standing(2, 150, 150), standing(2, 0, 0)}, at(0))),
              ElementsAre("enter 2@0", "count person=1"));
}

TEST(ZoneMonitor, TimeThatJumpsBackStandsStill) {
  auto monitor = square_monitor({.lost = std::chrono::seconds(3)}, std::chrono::seconds(5));
  monitor.update(std::vector{standing(1, 150, 150)}, at(1000));
  EXPECT_THAT(monitor.update(std::vector{standing(1, 150, 150)}, at(10)), IsEmpty());
  EXPECT_THAT(monitor.update(std::vector{standing(1, 150, 150)}, at(14)), IsEmpty());
  EXPECT_THAT(told(monitor.update(std::vector{standing(1, 150, 150)}, at(15))), ElementsAre("dwell 1@15 (5s)"));
}

TEST(ZoneMonitor, AnotherFrameSizeEndsNoVisitAndCrossesNoLine) {
  ZoneMonitor monitor({}, {{"square", kSquare, {}, {}}}, {{"gate", {0, 250}, {400, 250}, {}}});
  monitor.update(std::vector{standing(1, 150, 150)}, at(0));
  std::vector<Point> twice;
  for (const Point p : kSquare) twice.push_back({p.x * 2, p.y * 2});
  monitor.reshape(std::vector<std::vector<Point>>{twice}, std::vector{std::pair{Point{0, 200}, Point{800, 200}}});
  EXPECT_THAT(monitor.update(std::vector{standing(1, 300, 300)}, at(1)), IsEmpty());
}

ZoneMonitor line_monitor(Duration grace) {
  return ZoneMonitor({.grace = grace, .lost = std::chrono::seconds(3)}, {}, {{"gate", {0, 100}, {400, 100}, {}}});
}

TEST(ZoneMonitor, CrossingsHaveADirection) {
  auto monitor = line_monitor({});
  monitor.update(std::vector{standing(1, 50, 80)}, at(0));
  EXPECT_THAT(told(monitor.update(std::vector{standing(1, 50, 120)}, at(1))), ElementsAre("cross 1@1 +1"))
      << "downwards is to the right of rightwards";
  EXPECT_THAT(told(monitor.update(std::vector{standing(1, 50, 80)}, at(2))), ElementsAre("cross 1@2 -1"));
  EXPECT_THAT(monitor.update(std::vector{standing(1, 500, 80)}, at(3)), IsEmpty());
  EXPECT_THAT(monitor.update(std::vector{standing(1, 500, 120)}, at(4)), IsEmpty()) << "beside the line";
}

TEST(ZoneMonitor, CrossingsBackAndForthWithinGraceCancelEachOther) {
  auto monitor = line_monitor(std::chrono::seconds(1));
  std::vector<Event> all;
  double time = 0;
  const auto see = [&](float y) {
    const auto events = monitor.update(std::vector{standing(1, 50, y)}, at(time += 0.25));
    all.insert(all.end(), events.begin(), events.end());
  };
  for (int i = 0; i < 20; ++i) see(i % 2 ? 101.f : 99.f);
  EXPECT_THAT(all, IsEmpty());
  for (int i = 0; i < 10; ++i) see(110);
  EXPECT_THAT(told(all), ElementsAre("cross 1@5 +1"));
}

TEST(ZoneMonitor, WhoVanishesRightBehindTheLineHasCrossedIt) {
  auto monitor = line_monitor(std::chrono::seconds(1));
  monitor.update(std::vector{standing(1, 50, 90)}, at(0));
  EXPECT_THAT(monitor.update(std::vector{standing(1, 50, 110)}, at(0.1)), IsEmpty());
  EXPECT_THAT(told(monitor.update({}, at(5))), ElementsAre("cross 1@0.1 +1"));
}

// Properties that must hold for every way that tracks may take.
struct RandomWalk {
  static constexpr int kTracks = 12;
  std::mt19937 random;
  std::vector<Point> places;
  double time = 0;

  explicit RandomWalk(unsigned seed) : random(seed) {
    for (int i = 0; i < kTracks; ++i) places.push_back({uniform(0, 300), uniform(0, 300)});
  }
  float uniform(float from, float to) { return std::uniform_real_distribution<float>(from, to)(random); }

  std::vector<Object> step(double seen_share) {
    time += uniform(0.01f, 0.3f);
    std::vector<Object> objects;
    for (int i = 0; i < kTracks; ++i) {
      Point& p = places[static_cast<size_t>(i)];
      p = {std::clamp(p.x + uniform(-25, 25), 0.f, 300.f), std::clamp(p.y + uniform(-25, 25), 0.f, 300.f)};
      if (uniform(0, 1) < seen_share) objects.push_back(standing(i + 1, p.x, p.y, i % 3 ? "person" : "car"));
    }
    return objects;
  }
};

class ZoneMonitorProperties : public ::testing::TestWithParam<unsigned> {};

TEST_P(ZoneMonitorProperties, EnterAndLeaveAlternateAndCountsFollow) {
  RandomWalk walk(GetParam());
  ZoneMonitor monitor(
      {.grace = std::chrono::milliseconds(GetParam() % 3 * 200),
       .lost = std::chrono::milliseconds(GetParam() % 4 * 400)},
      {{"a", kSquare, {}, from_seconds(0.5)}, {"b", {{50, 50}, {250, 150}, {50, 250}, {120, 150}}, {"person"}, {}}},
      {});
  std::map<std::pair<std::string, int64_t>, int> open;
  std::map<std::pair<std::string, std::string>, int64_t> inside, counted;
  int enters = 0, leaves = 0;
  const auto check = [&](const std::vector<Event>& events) {
    for (const Event& event : events) {
      if (event.kind == EventKind::kEnter) {
        ++enters;
        ASSERT_EQ(++open[std::pair(event.zone, *event.track_id)], 1);
        ++inside[std::pair(event.zone, event.label)];
      } else if (event.kind == EventKind::kLeave) {
        ++leaves;
        ASSERT_EQ(--open[std::pair(event.zone, *event.track_id)], 0);
        --inside[std::pair(event.zone, event.label)];
        ASSERT_GE(event.dwell_seconds, 0);
      } else if (event.kind == EventKind::kDwell) {
        ASSERT_EQ(open[std::pair(event.zone, *event.track_id)], 1);
        ASSERT_GE(event.dwell_seconds, 0.5);
      } else if (event.kind == EventKind::kCount) {
        ASSERT_GE(event.count, 0);
        ASSERT_NE(event.count, std::exchange(counted[std::pair(event.zone, event.label)], event.count));
      }
    }
    for (const auto& [key, number] : inside) ASSERT_EQ(number, counted[key]) << key.first << " " << key.second;
  };
  for (int i = 0; i < 2000; ++i) check(monitor.update(walk.step(0.8), at(walk.time)));
  check(monitor.finish());
  EXPECT_EQ(enters, leaves);
  EXPECT_GT(enters, 100);
  for (const auto& [key, number] : inside) EXPECT_EQ(number, 0);
  EXPECT_EQ(monitor.tracks(), 0u);
}

TEST_P(ZoneMonitorProperties, WithoutGraceCountsEqualBruteForce) {
  RandomWalk walk(GetParam());
  const std::vector<Point> concave{{50, 50}, {250, 150}, {50, 250}, {120, 150}};
  ZoneMonitor monitor({}, {{"zone", concave, {}, {}}}, {});
  std::map<std::string, int64_t> counted;
  for (int i = 0; i < 2000; ++i) {
    const auto objects = walk.step(0.9);
    std::map<std::string, int64_t> expected;
    for (const Object& object : objects)
      expected[object.label()] += contains(concave, anchor_of(object.box, Anchor::kFoot));
    for (const Event& event : monitor.update(objects, at(walk.time)))
      if (event.kind == EventKind::kCount) counted[event.label] = event.count;
    for (const auto& [label, number] : expected) ASSERT_EQ(counted[label], number) << label << " at step " << i;
  }
}

TEST_P(ZoneMonitorProperties, TheSumOfCrossingsTellsTheSide) {
  RandomWalk walk(GetParam());
  // The line spans the whole field, so the side at the end is the side at the beginning and the crossings in between.
  ZoneMonitor monitor({.grace = std::chrono::milliseconds(GetParam() % 3 * 300), .lost = std::chrono::hours(1)}, {},
                      {{"line", {-1, 120}, {301, 180}, {}}});
  const auto right = [](Point p) { return -(302.0 * (p.y - 120) - 60.0 * (p.x + 1)) <= 0; };
  std::map<int64_t, bool> first, last;
  std::map<int64_t, int64_t> sum;
  int crossings = 0;
  const auto add = [&](const std::vector<Event>& events) {
    for (const Event& event : events) {
      ASSERT_EQ(std::abs(event.count), 1);
      sum[*event.track_id] += event.count;
      ++crossings;
    }
  };
  for (int i = 0; i < 2000; ++i) {
    const auto objects = walk.step(0.7);
    for (const Object& object : objects) {
      const bool side = right(anchor_of(object.box, Anchor::kFoot));
      first.emplace(*object.track_id, side);
      last[*object.track_id] = side;
    }
    add(monitor.update(objects, at(walk.time)));
  }
  add(monitor.finish());
  EXPECT_GT(crossings, 50);
  for (const auto& [id, side] : first)
    EXPECT_EQ(sum[id], static_cast<int64_t>(last[id]) - static_cast<int64_t>(side)) << "track " << id;
}

INSTANTIATE_TEST_SUITE_P(Seeds, ZoneMonitorProperties, ::testing::Range(1u, 13u));

}  // namespace
}  // namespace vedette::modules
