#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

using testing::CollectingEmit;
using ::testing::HasSubstr;
using testing::settings_faults;
using testing::start_module;
using testing::test_object;
using testing::test_observation;
using testing::test_stream;

constexpr const char* kDoor = R"(
zones:
  - {name: door, points: [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]], dwell_s: 1}
lines:
  - {name: gate, points: [[0, 0.5], [1, 0.5]]}
grace_ms: 0
)";

std::vector<std::string> kinds(const Observation& observation) {
  std::vector<std::string> names;
  for (const Event& event : observation.events())
    names.push_back(std::string(to_string(event.kind)) + " " + event.zone);
  return names;
}

Object person_at(float x, float y) { return test_object({x - 5, y - 20, 10, 20}, "person", 0.9f, 1); }

TEST(Roi, AddsZonesAndEvents) {
  auto roi = start_module("roi", kDoor);
  CollectingEmit emit;
  roi->process(test_observation({.seconds = 0, .width = 400, .height = 200}, {person_at(200, 80)}), emit);
  roi->process(test_observation({.seconds = 1.5, .sequence = 1, .width = 400, .height = 200}, {person_at(200, 120)}),
               emit);
  roi->process(test_observation({.seconds = 2, .sequence = 2, .width = 400, .height = 200}, {person_at(200, 190)}),
               emit);
  ASSERT_EQ(emit.observations.size(), 3u);
  EXPECT_EQ(kinds(emit.observations[0]), (std::vector<std::string>{"enter door", "count door"}));
  EXPECT_EQ(kinds(emit.observations[1]), (std::vector<std::string>{"dwell door", "cross gate"}));
  EXPECT_EQ(kinds(emit.observations[2]), (std::vector<std::string>{"leave door", "count door"}));
  const auto zones = emit.observations[0].zones();
  ASSERT_EQ(zones.size(), 2u);
  EXPECT_EQ(zones[0].name, "door");
  EXPECT_EQ(zones[0].points[2], (Point{300, 150}));
  EXPECT_TRUE(zones[1].is_line());
  EXPECT_EQ(zones.data(), emit.observations[2].zones().data()) << "one vector for all frames of a size";
  EXPECT_EQ(emit.observations[0].objects().size(), 1u);
}

TEST(Roi, ZonesFollowAChangeOfSizeAndVisitsGoOn) {
  auto roi = start_module("roi", kDoor);
  CollectingEmit emit;
  roi->process(test_observation({.seconds = 0, .width = 400, .height = 200}, {person_at(200, 80)}), emit);
  roi->process(test_observation({.seconds = 0.5, .width = 800, .height = 400}, {person_at(400, 160)}), emit);
  EXPECT_TRUE(emit.observations[1].events().empty());
  EXPECT_EQ(emit.observations[1].zones()[0].points[2], (Point{600, 300}));
}

TEST(Roi, TheEndOfTheStreamClosesVisitsOnOneMoreObservation) {
  auto roi = start_module("roi", kDoor);
  CollectingEmit emit;
  const auto stream = test_stream();
  roi->process(test_observation({.seconds = 0, .sequence = 4, .width = 400, .height = 200, .stream = stream},
                                {person_at(200, 80)}),
               emit);
  roi->end_of_stream(*stream, emit);
  ASSERT_EQ(emit.observations.size(), 2u);
  const Observation& last = emit.observations[1];
  EXPECT_EQ(kinds(last), (std::vector<std::string>{"leave door", "count door"})) << "and not the enter again";
  EXPECT_EQ(last.shared_frame(), emit.observations[0].shared_frame());
  EXPECT_TRUE(last.objects().empty());
  EXPECT_EQ(last.zones().size(), 2u);
}

TEST(Roi, AnEmptyZoneTellsNothingAtTheEnd) {
  auto roi = start_module("roi", kDoor);
  CollectingEmit emit;
  const auto stream = test_stream();
  roi->end_of_stream(*stream, emit);
  roi->process(test_observation({.width = 400, .height = 200}, {person_at(10, 10)}), emit);
  roi->end_of_stream(*stream, emit);
  EXPECT_EQ(emit.observations.size(), 1u);
}

TEST(Roi, AddsToTheZonesAndEventsOfAnEarlierRoi) {
  auto first = start_module("roi", kDoor);
  auto second = start_module("roi", "{zones: [{name: all, points: [[0, 0], [1, 0], [1, 1], [0, 1]]}], grace_ms: 0}");
  CollectingEmit between, emit;
  first->process(test_observation({.width = 400, .height = 200}, {person_at(200, 80)}), between);
  second->process(between.observations[0], emit);
  EXPECT_EQ(emit.observations[0].zones().size(), 3u);
  EXPECT_EQ(emit.observations[0].events().size(), 4u);
}

constexpr const char* kLeftHalf =
    "zones: [{name: left, classes: [person], points: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}]\n";

TEST(Roi, WatchesDetectionsWithoutTracks) {
  auto roi = start_module("roi", std::string(kLeftHalf) + "watch: detections\ngrace_ms: 0\nmark: true\n");
  CollectingEmit emit;
  const auto stream = test_stream();
  const std::vector<Object> objects{test_object({50, 50, 20, 40}), test_object({60, 50, 20, 40}, "car"),
                                    test_object({300, 50, 20, 40})};
  roi->process(test_observation({.width = 400, .height = 200, .stream = stream}, objects), emit);
  ASSERT_EQ(kinds(emit.observations[0]), (std::vector<std::string>{"count left"}));
  EXPECT_EQ(emit.observations[0].events()[0].count, 1);
  const auto marked = emit.observations[0].objects();
  ASSERT_EQ(marked.size(), 3u);
  EXPECT_EQ(marked[0].attributes, (std::vector<std::pair<std::string, std::string>>{{"zone", "left"}}));
  EXPECT_TRUE(marked[1].attributes.empty()) << "a car does not count here";
  EXPECT_TRUE(marked[2].attributes.empty()) << "outside";
  roi->end_of_stream(*stream, emit);
  ASSERT_EQ(emit.observations.size(), 2u);
  EXPECT_EQ(emit.observations[1].events()[0].count, 0);
}

TEST(Roi, HandsOnOnlyWhatIsInsideIfAsked) {
  auto roi = start_module("roi", std::string(kLeftHalf) + "watch: detections\nonly_inside: true\nmark: true\n");
  auto second = start_module("roi", std::string(kLeftHalf) + "watch: detections\nmark: true\n");
  CollectingEmit between, emit;
  roi->process(
      test_observation({.width = 400, .height = 200}, {test_object({50, 50, 20, 40}), test_object({300, 50, 20, 40})}),
      between);
  ASSERT_EQ(between.observations[0].objects().size(), 1u);
  second->process(between.observations[0], emit);
  EXPECT_EQ(emit.observations[0].objects()[0].attributes,
            (std::vector<std::pair<std::string, std::string>>{{"zone", "left,left"}}))
      << "of both";
}

TEST(Roi, WatchingTracksOfObjectsThatHaveNoneIsAnError) {
  auto roi = start_module("roi", kDoor);
  CollectingEmit emit;
  roi->process(test_observation({.width = 400, .height = 200}), emit);
  EXPECT_THROW(roi->process(test_observation({.width = 400, .height = 200}, {test_object({1, 1, 9, 9})}), emit), Error);
  roi->process(test_observation({.width = 400, .height = 200}, {person_at(200, 80), test_object({1, 1, 9, 9})}), emit);
  roi->process(test_observation({.width = 400, .height = 200}, {test_object({1, 1, 9, 9})}), emit);
  EXPECT_EQ(emit.observations.size(), 3u) << "a frame in which nothing is tracked yet";
}

TEST(Roi, SettingsFaults) {
  EXPECT_EQ(settings_faults("roi", kDoor), "");
  EXPECT_THAT(settings_faults("roi", "{}"), HasSubstr("nothing to watch: give 'zones' or 'lines'"));
  EXPECT_EQ(settings_faults("roi",
                            "zones:\n  - {name: a, points: [[0, 0], [1, 0], [1, 1]]}\n  - name: b\n    points: [[0, "
                            "0], [1, 1], [1, 0], [0, 1]]\n"),
            "test.yaml:3: zone 'b': its points enclose no area\n");
  EXPECT_THAT(settings_faults("roi", "zones: [{name: a, points: [[0, 0], [1, 1], [1, 0], [0, 0.9]]}]"),
              HasSubstr("test.yaml:1: zone 'a': it crosses itself"));
  EXPECT_THAT(settings_faults("roi", "lines: [{name: a, points: [[0, 0], [1, 1], [1, 0]]}]"),
              HasSubstr("line 'a': a line has 2 points, not 3"));
  EXPECT_THAT(settings_faults("roi", "lines: [{name: a, points: [[0, 0], [0, 0]]}]"),
              HasSubstr("its two points are the same"));
  EXPECT_THAT(settings_faults("roi", "lines: [{name: a, points: [[0, 0], [9, 0]]}]"), HasSubstr("'units: px'"));
  EXPECT_THAT(
      settings_faults("roi", "lines: [{name: a, points: [[0, 0], [1, 0]]}, {name: a, points: [[0, 0], [0, 1]]}]"),
      HasSubstr("two zones or lines are named 'a'"));
  EXPECT_THAT(settings_faults("roi", "zones: [{points: [[0, 0], [1, 0], [1, 1]]}]"), HasSubstr("'name' is missing"));
  EXPECT_THAT(settings_faults("roi", std::string(kDoor) + "watch: detections"),
              HasSubstr("'lines' need 'watch: tracks'"));
  EXPECT_THAT(
      settings_faults("roi", "{watch: detections, zones: [{name: a, dwell_s: 3, points: [[0, 0], [1, 0], [1, 1]]}]}"),
      HasSubstr("zone 'a': 'dwell_s' needs 'watch: tracks'"));
  EXPECT_THAT(settings_faults("roi", "{mark: true, lines: [{name: a, points: [[0, 0], [1, 0]]}]}"),
              HasSubstr("'mark' and 'only_inside' need zones"));
  EXPECT_THAT(settings_faults("roi", "zones: [{name: a, dwel_s: 3, points: [[0, 0], [1, 0], [1, 1]]}]"),
              HasSubstr("did you mean 'dwell_s'?"));
}

}  // namespace
}  // namespace vedette::modules
