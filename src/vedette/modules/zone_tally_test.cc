#include "vedette/modules/zone_tally.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "vedette/modules/polygon.h"
#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::test_object;

const std::vector<Point> kSquare{{100, 100}, {200, 100}, {200, 200}, {100, 200}};

Timestamp at(double seconds) { return Timestamp{} + from_seconds(seconds); }

std::vector<Object> standing(std::initializer_list<std::pair<float, std::string>> all) {
  std::vector<Object> objects;
  for (const auto& [x, label] : all) objects.push_back(test_object({x - 10, 110, 20, 40}, label));
  return objects;
}

std::vector<std::string> told(const std::vector<Event>& events) {
  std::vector<std::string> lines;
  for (const Event& event : events) {
    EXPECT_EQ(event.kind, EventKind::kCount);
    EXPECT_FALSE(event.track_id);
    lines.push_back(event.zone + " " + event.label + "=" + std::to_string(event.count));
  }
  return lines;
}

TEST(ZoneTally, CountsEachClassInEachZoneWithoutTracks) {
  ZoneTally tally({}, {{"all", kSquare, {}, {}}, {"cars", kSquare, {"car"}, {}}});
  EXPECT_THAT(told(tally.update(standing({{150, "person"}, {160, "person"}, {150, "car"}, {300, "car"}}), at(0))),
              ElementsAre("all car=1", "all person=2", "cars car=1"));
  EXPECT_THAT(tally.update(standing({{120, "person"}, {190, "person"}, {110, "car"}}), at(1)), IsEmpty());
  const auto events = tally.update(standing({{120, "person"}}), at(2));
  EXPECT_THAT(told(events), ElementsAre("all car=0", "all person=1", "cars car=0"));
  EXPECT_EQ(events[0].time, at(2));
  EXPECT_THAT(told(tally.finish()), ElementsAre("all person=0"));
  EXPECT_THAT(tally.finish(), IsEmpty());
}

TEST(ZoneTally, AMissedDetectionWithinGraceTellsNothing) {
  ZoneTally tally({.grace = std::chrono::milliseconds(500)}, {{"square", kSquare, {}, {}}});
  const auto one = standing({{150, "person"}});
  EXPECT_THAT(tally.update(one, at(0)), IsEmpty());
  EXPECT_THAT(told(tally.update(one, at(0.5))), ElementsAre("square person=1"));
  for (int i = 0; i < 20; ++i)
    EXPECT_THAT(tally.update(i % 2 ? one : std::vector<Object>{}, at(0.6 + 0.1 * i)), IsEmpty()) << i;
  EXPECT_THAT(tally.update({}, at(3)), IsEmpty());
  EXPECT_THAT(tally.update(one, at(3.2)), IsEmpty());
  EXPECT_THAT(tally.update({}, at(3.4)), IsEmpty());
  EXPECT_THAT(told(tally.update({}, at(3.9))), ElementsAre("square person=0"));
}

TEST(ZoneTally, IntervalSizeAndAnchor) {
  ZoneTally tally({.anchor = Anchor::kCenter, .count_interval = std::chrono::seconds(2)},
                  {{"square", kSquare, {}, {}}});
  EXPECT_THAT(told(tally.update(standing({{150, "person"}}), at(0))), ElementsAre("square person=1"));
  EXPECT_THAT(tally.update(standing({{150, "person"}, {170, "person"}}), at(1)), IsEmpty());
  EXPECT_THAT(told(tally.update(standing({{150, "person"}, {170, "person"}}), at(2))), ElementsAre("square person=2"));
  tally.reshape(std::vector<std::vector<Point>>{{{400, 100}, {500, 100}, {500, 200}, {400, 200}}});
  EXPECT_THAT(told(tally.update(standing({{450, "person"}}), at(9))), ElementsAre("square person=1"));
}

TEST(ZoneTally, TheSumOfWhatIsToldIsWhatIsThere) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    std::mt19937 random(seed);
    ZoneTally tally({}, {{"square", kSquare, {}, {}}});
    std::map<std::string, int64_t> last;
    for (int frame = 0; frame < 100; ++frame) {
      std::vector<Object> objects;
      std::map<std::string, int64_t> there{{"person", 0}, {"car", 0}};
      for (size_t n = random() % 8; n > 0; --n) {
        const auto x = static_cast<float>(random() % 300);
        const std::string label = random() % 2 ? "person" : "car";
        objects.push_back(test_object({x - 10, 110, 20, 40}, label));
        if (contains(kSquare, {x, 150})) ++there[label];
      }
      for (const Event& event : tally.update(objects, at(frame))) last[event.label] = event.count;
      for (const auto& [label, count] : there) EXPECT_EQ(last[label], count) << seed << " " << frame;
    }
  }
}

}  // namespace
}  // namespace vedette::modules
