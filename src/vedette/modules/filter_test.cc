#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

using testing::CollectingEmit;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::settings_faults;
using testing::start_module;
using testing::test_object;
using testing::test_observation;

/// Left edges of the boxes that pass; the frame is 400 x 200.
std::vector<float> passing(const std::string& yaml, const std::vector<Object>& objects) {
  auto filter = start_module("filter", yaml);
  CollectingEmit emit;
  filter->process(test_observation({.width = 400, .height = 200}, objects), emit);
  std::vector<float> lefts;
  for (const auto& observation : emit.observations)
    for (const Object& object : observation.objects()) lefts.push_back(object.box.x);
  return lefts;
}

TEST(Filter, ByClass) {
  const std::vector objects{test_object({1, 0, 9, 9}, "person"), test_object({2, 0, 9, 9}, "car"),
                            test_object({3, 0, 9, 9}, "dog")};
  EXPECT_THAT(passing("classes: [person, dog]", objects), ElementsAre(1, 3));
  EXPECT_THAT(passing("classes: car", objects), ElementsAre(2));
  EXPECT_THAT(passing("{}", objects), ElementsAre(1, 2, 3));
}

TEST(Filter, ByScoreLimitsIncluded) {
  const std::vector objects{test_object({1, 0, 9, 9}, "person", 0.3f), test_object({2, 0, 9, 9}, "person", 0.6f),
                            test_object({3, 0, 9, 9}, "person", 0.9f)};
  EXPECT_THAT(passing("min_score: 0.6", objects), ElementsAre(2, 3));
  EXPECT_THAT(passing("{min_score: 0.3, max_score: 0.6}", objects), ElementsAre(1, 2));
}

TEST(Filter, BySizeInPixelsAndFractions) {
  const std::vector objects{test_object({1, 0, 10, 20}), test_object({2, 0, 40, 50}), test_object({3, 0, 200, 100})};
  EXPECT_THAT(passing("min_height: 50", objects), ElementsAre(2, 3));
  EXPECT_THAT(passing("max_width: 40", objects), ElementsAre(1, 2));
  EXPECT_THAT(passing("{min_area: 201, max_area: 2000}", objects), ElementsAre(2));
  EXPECT_THAT(passing("{size_units: fraction, min_width: 0.1, max_height: 0.25}", objects), ElementsAre(2));
  EXPECT_THAT(passing("{size_units: fraction, min_area: 0.25}", objects), ElementsAre(3));
}

TEST(Filter, ByPlace) {
  const std::vector objects{test_object({1, 10, 10, 60}), test_object({300, 10, 10, 60}),
                            test_object({2, 120, 10, 70})};
  const std::string left_upper = "zones: [{points: [[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]]}]\n";
  EXPECT_THAT(passing(left_upper, objects), ElementsAre(1));
  EXPECT_THAT(passing(left_upper + "inside: none", objects), ElementsAre(300, 2));
  const std::vector straddling{test_object({1, 60, 10, 60})};  // foot at 120, centre at 90
  EXPECT_THAT(passing(left_upper, straddling), IsEmpty());
  EXPECT_THAT(passing(left_upper + "anchor: center", straddling), ElementsAre(1));
}

TEST(Filter, EmptyFramesPassUnlessToldOtherwise) {
  auto keeps = start_module("filter", "classes: car");
  auto drops = start_module("filter", "{classes: car, drop_empty: true}");
  CollectingEmit kept, dropped;
  const auto person = test_observation({}, {test_object({0, 0, 9, 9}, "person")});
  keeps->process(person, kept);
  drops->process(person, dropped);
  ASSERT_EQ(kept.observations.size(), 1u);
  EXPECT_TRUE(kept.observations[0].objects().empty());
  EXPECT_TRUE(dropped.observations.empty());
  EXPECT_EQ(dropped.drops.at("empty"), 1);
  drops->process(person.with_events({Event{}}), dropped);
  EXPECT_EQ(dropped.observations.size(), 1u) << "an event is never dropped with its frame";
}

TEST(Filter, AnObservationThatPassesWholeIsShared) {
  auto filter = start_module("filter", "min_score: 0.1");
  CollectingEmit emit;
  const auto observation = test_observation({}, {test_object({0, 0, 9, 9})});
  filter->process(observation, emit);
  EXPECT_EQ(emit.observations[0].objects().data(), observation.objects().data());
}

TEST(Filter, SettingsFaults) {
  EXPECT_THAT(settings_faults("filter", "{min_score: 0.9, max_score: 0.1}"), HasSubstr("min_score is above max_score"));
  EXPECT_THAT(settings_faults("filter", "{min_width: 9, max_width: 3}"), HasSubstr("min_width is above max_width"));
  EXPECT_THAT(settings_faults("filter", "{min_width: 9, size_units: fraction}"), HasSubstr("at most 1"));
  EXPECT_THAT(settings_faults("filter", "inside: none"), HasSubstr("needs zones"));
  EXPECT_THAT(settings_faults("filter", "zones: [{points: [[0, 0], [1, 1]]}]"), HasSubstr("at least 3 points"));
  EXPECT_THAT(settings_faults("filter", "class: person"), HasSubstr("did you mean 'classes'?"));
}

}  // namespace
}  // namespace vedette::modules
