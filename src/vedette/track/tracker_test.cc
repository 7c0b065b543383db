#include "vedette/track/tracker.h"

#include <gmock/gmock.h>

#include <limits>
#include <map>
#include <random>
#include <string>

namespace vedette::track {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Object seen(float x, float y, int class_id = 0, float score = 0.9f) {
  Object o;
  o.box = {x, y, 40, 80};
  o.class_id = class_id;
  o.score = score;
  return o;
}

std::vector<int64_t> ids(const std::vector<Object>& objects) {
  std::vector<int64_t> result;
  for (const Object& o : objects) result.push_back(o.track_id.value_or(-1));
  return result;
}

FrameContext after(int gap = 1) { return {768, 576, gap, {}}; }

TrackerOptions options(Algorithm algorithm) {
  TrackerOptions o;
  o.algorithm = algorithm;
  return o;
}

std::unique_ptr<Tracker> tracker(Algorithm algorithm) { return make_tracker(options(algorithm)); }

std::string name_of(const testing::TestParamInfo<Algorithm>& algorithm) {
  const std::map<Algorithm, std::string> names{{Algorithm::kCentroid, "Centroid"},
                                               {Algorithm::kCentroidKalman, "CentroidKalman"},
                                               {Algorithm::kIou, "Iou"},
                                               {Algorithm::kSort, "Sort"},
                                               {Algorithm::kByteTrack, "ByteTrack"},
                                               {Algorithm::kBotSort, "BotSort"}};
  return names.at(algorithm.param);
}

/// What every algorithm promises.
class EveryTracker : public testing::TestWithParam<Algorithm> {
 protected:
  std::unique_ptr<Tracker> tracker_ = tracker(GetParam());
};

TEST_P(EveryTracker, FollowsTwoObjectsUnderSteadyIdsFromOne) {
  std::vector<Object> last;
  for (int i = 0; i < 20; ++i) {
    const auto x = static_cast<float>(i);
    last = tracker_->update(std::vector{seen(50 + 3 * x, 100), seen(600 - 3 * x, 300)}, after());
    if (i >= 5) {
      ASSERT_THAT(ids(last), ElementsAre(1, 2)) << "frame " << i;
    }
  }
  EXPECT_NEAR(last[0].box.x, 50 + 3 * 19, 4);
  EXPECT_NEAR(last[1].box.x, 600 - 3 * 19, 4);
  EXPECT_THAT(tracker_->take_ended(), IsEmpty());
}

TEST_P(EveryTracker, HandsOnWhatTheDetectionHeld) {
  const auto labels = std::make_shared<const Labels>(Labels{"person"});
  Object o = seen(50, 50);
  o.labels = labels;
  o.attributes = {{"colour", "red"}};
  std::vector<Object> last;
  for (int i = 0; i < 5; ++i) last = tracker_->update(std::vector{o}, after());
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].labels, labels);
  EXPECT_EQ(last[0].score, 0.9f);
  EXPECT_THAT(last[0].attributes, ElementsAre(testing::Pair("colour", "red")));
}

TEST_P(EveryTracker, TellsOnceThatATrackEndedAndNeverUsesItsIdAgain) {
  for (int i = 0; i < 6; ++i) tracker_->update(std::vector{seen(50, 50)}, after());
  std::vector<int64_t> ended;
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(tracker_->update({}, after()), IsEmpty());
    for (const int64_t id : tracker_->take_ended()) ended.push_back(id);
  }
  EXPECT_THAT(ended, ElementsAre(1));
  std::vector<Object> last;
  for (int i = 0; i < 6; ++i) last = tracker_->update(std::vector{seen(50, 50)}, after());
  EXPECT_THAT(ids(last), ElementsAre(2));
}

TEST_P(EveryTracker, DoesNotTellOfTracksNeverReported) {
  for (int i = 0; i < 6; ++i) tracker_->update(std::vector{seen(50, 50)}, after());
  tracker_->update(std::vector{seen(50, 50), seen(500, 300)}, after());
  for (int i = 0; i < 6; ++i) tracker_->update(std::vector{seen(50, 50)}, after());
  EXPECT_THAT(tracker_->take_ended(), IsEmpty());
}

TEST_P(EveryTracker, MatchesOnlyObjectsOfOneClassUnlessTold) {
  for (int i = 0; i < 6; ++i) tracker_->update(std::vector{seen(50, 50, 0)}, after());
  std::vector<Object> last;
  for (int i = 0; i < 6; ++i) last = tracker_->update(std::vector{seen(50, 50, 2)}, after());
  EXPECT_THAT(ids(last), ElementsAre(2));
  EXPECT_EQ(last[0].class_id, 2);

  TrackerOptions blind = options(GetParam());
  blind.class_aware = false;
  const auto other = make_tracker(blind);
  for (int i = 0; i < 6; ++i) other->update(std::vector{seen(50, 50, 0)}, after());
  EXPECT_THAT(ids(other->update(std::vector{seen(50, 50, 2)}, after())), ElementsAre(1));
}

TEST_P(EveryTracker, PassesOverBoxesThatAreNone) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
  std::vector<Object> bad{seen(nan, 50), seen(50, infinite), seen(50, 50, 0, nan), seen(0, 0), seen(0, 0)};
  bad[3].box = {10, 10, 0, 20};
  bad[4].box = {10, 10, 20, -5};
  std::vector<Object> all = bad;
  all.push_back(seen(300, 300));
  for (int i = 0; i < 5; ++i) EXPECT_THAT(tracker_->update(bad, after()), IsEmpty());
  std::vector<Object> last;
  for (int i = 0; i < 5; ++i) last = tracker_->update(all, after());
  EXPECT_THAT(ids(last), ElementsAre(1));
}

TEST_P(EveryTracker, GivesTheSameForTheSame) {
  const auto twin = tracker(GetParam());
  std::mt19937 random(7);
  std::uniform_real_distribution<float> place(0, 500), score(0.05f, 1);
  for (int i = 0; i < 100; ++i) {
    std::vector<Object> detections;
    for (int k = 0; k < 12; ++k) detections.push_back(seen(place(random), place(random), k % 2, score(random)));
    const FrameContext context = after(1 + i % 3);
    const auto a = tracker_->update(detections, context), b = twin->update(detections, context);
    ASSERT_EQ(ids(a), ids(b));
    for (size_t k = 0; k < a.size(); ++k) ASSERT_EQ(a[k].box, b[k].box);
    EXPECT_EQ(tracker_->take_ended(), twin->take_ended());
  }
}

/// Wild input must not break the filters, whatever it makes of the tracks.
TEST_P(EveryTracker, StaysFiniteOnJumpsAndLongGaps) {
  std::mt19937 random(8);
  std::uniform_real_distribution<float> place(-2000, 4000), length(0.01f, 3000);
  for (int i = 0; i < 200; ++i) {
    std::vector<Object> detections;
    for (int k = 0; k < 6; ++k) {
      detections.push_back(seen(0, 0));
      detections.back().box = {place(random), place(random), length(random), length(random)};
    }
    for (const Object& o : tracker_->update(detections, after(i % 10 == 9 ? 1'000'000 : 1 + i % 7))) {
      ASSERT_TRUE(std::isfinite(o.box.x) && std::isfinite(o.box.y) && std::isfinite(o.box.width) &&
                  std::isfinite(o.box.height));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryTracker,
                         testing::Values(Algorithm::kCentroid, Algorithm::kCentroidKalman, Algorithm::kIou,
                                         Algorithm::kSort, Algorithm::kByteTrack, Algorithm::kBotSort),
                         name_of);

class MotionTracker : public testing::TestWithParam<Algorithm> {};

TEST_P(MotionTracker, PredictsOverLostFrames) {
  const auto t = tracker(GetParam());
  for (int i = 0; i < 30; ++i) t->update(std::vector{seen(50 + 6 * static_cast<float>(i), 100)}, after());
  // Seven frames later it has moved by more than its own width: only a tracker that knows of the gap finds it.
  const auto objects = t->update(std::vector{seen(50 + 6 * 36, 100)}, after(7));
  EXPECT_THAT(ids(objects), ElementsAre(1));
}

INSTANTIATE_TEST_SUITE_P(All, MotionTracker,
                         testing::Values(Algorithm::kCentroidKalman, Algorithm::kSort, Algorithm::kByteTrack,
                                         Algorithm::kBotSort),
                         name_of);

TEST(Sort, ReportsAtOnceInTheFirstFramesAndAfterMinHitsLater) {
  const auto t = tracker(Algorithm::kSort);
  EXPECT_EQ(t->update(std::vector{seen(50, 50)}, after()).size(), 1u);
  for (int i = 0; i < 5; ++i) t->update(std::vector{seen(50, 50)}, after());
  const std::vector both{seen(50, 50), seen(400, 300)};
  for (int i = 0; i < 3; ++i) EXPECT_THAT(ids(t->update(both, after())), ElementsAre(1)) << i;
  EXPECT_THAT(ids(t->update(both, after())), ElementsAre(1, 2));
}

TEST(Sort, ForgetsAfterMaxAge) {
  const auto t = tracker(Algorithm::kSort);
  for (int i = 0; i < 6; ++i) t->update(std::vector{seen(50, 50)}, after());
  t->update({}, after());
  EXPECT_THAT(t->take_ended(), IsEmpty());
  t->update({}, after());
  EXPECT_THAT(t->take_ended(), ElementsAre(1));
}

TEST(Iou, NeedsOneConfidentDetection) {
  const auto t = tracker(Algorithm::kIou);
  for (int i = 0; i < 5; ++i) EXPECT_THAT(t->update(std::vector{seen(50, 50, 0, 0.3f)}, after()), IsEmpty());
  EXPECT_EQ(t->update(std::vector{seen(50, 50, 0, 0.6f)}, after()).size(), 1u);
  EXPECT_EQ(t->update(std::vector{seen(50, 50, 0, 0.3f)}, after()).size(), 1u);
}

TEST(ByteTrack, FaintDetectionsContinueATrackButStartNone) {
  const auto t = tracker(Algorithm::kByteTrack);
  for (int i = 0; i < 3; ++i) t->update(std::vector{seen(50, 50)}, after());
  const std::vector faint{seen(50, 50, 0, 0.2f), seen(400, 300, 0, 0.2f)};
  for (int i = 0; i < 10; ++i) EXPECT_THAT(ids(t->update(faint, after())), ElementsAre(1));
  EXPECT_THAT(t->update(std::vector{seen(50, 50, 0, 0.05f)}, after()), IsEmpty());
}

TEST(ByteTrack, FindsALostTrackAgainWithinTheBuffer) {
  TrackerOptions o = options(Algorithm::kByteTrack);
  o.bytetrack.buffer = 5;
  const auto t = make_tracker(o);
  const std::vector there{seen(50, 50)};
  for (int i = 0; i < 10; ++i) t->update(there, after());
  for (int i = 0; i < 4; ++i) EXPECT_THAT(t->update({}, after()), IsEmpty());
  EXPECT_THAT(ids(t->update(there, after())), ElementsAre(1));
  for (int i = 0; i < 6; ++i) t->update({}, after());
  EXPECT_THAT(t->take_ended(), ElementsAre(1));
}

TEST(ByteTrack, ReportsANewcomerFromItsSecondSighting) {
  const auto t = tracker(Algorithm::kByteTrack);
  t->update(std::vector{seen(50, 50)}, after());
  const std::vector both{seen(50, 50), seen(400, 300)};
  EXPECT_THAT(ids(t->update(both, after())), ElementsAre(1));
  EXPECT_THAT(ids(t->update(both, after())), ElementsAre(1, 2));
}

TEST(BotSort, AppearanceDecidesBetweenNeighbours) {
  TrackerHooks hooks;
  hooks.appearance_distance = [](const Object& a, const Object& b) { return a.attributes == b.attributes ? 0.0 : 1.0; };
  const auto t = make_tracker(options(Algorithm::kBotSort), hooks);
  Object red = seen(100, 100), blue = seen(108, 100);
  red.attributes = {{"colour", "red"}};
  blue.attributes = {{"colour", "blue"}};
  for (int i = 0; i < 5; ++i) t->update(std::vector{red, blue}, after());
  std::swap(red.box, blue.box);
  const auto objects = t->update(std::vector{red, blue}, after());
  ASSERT_THAT(ids(objects), ElementsAre(1, 2));
  EXPECT_EQ(objects[0].attributes[0].second, "red");
  EXPECT_EQ(objects[1].attributes[0].second, "blue");
}

TEST(BotSort, FollowsTheCamera) {
  double shift = 0;
  TrackerHooks hooks;
  hooks.camera_motion = [&](const FrameContext&) { return Affine{1, 0, shift, 0, 1, 0}; };
  const auto steady = make_tracker(options(Algorithm::kBotSort)),
             warped = make_tracker(options(Algorithm::kBotSort), hooks);
  for (int i = 0; i < 5; ++i) {
    steady->update(std::vector{seen(100, 100)}, after());
    warped->update(std::vector{seen(100, 100)}, after());
  }
  shift = 200;
  EXPECT_THAT(ids(warped->update(std::vector{seen(300, 100)}, after())), ElementsAre(1));
  EXPECT_THAT(steady->update(std::vector{seen(300, 100)}, after()), IsEmpty());
}

TEST(TrackerOptions, AreReadFromYamlAndRefusedWhenWrong) {
  Faults good;
  const auto o = read_settings<TrackerOptions>(parse_config("algorithm: sort\nsort: {max_age: 7}\n", "t.yaml"), good);
  EXPECT_TRUE(good.empty());
  EXPECT_EQ(o.algorithm, Algorithm::kSort);
  EXPECT_EQ(o.sort.max_age, 7);

  Faults bad;
  read_settings<TrackerOptions>(parse_config("algorithm: bytetrak\nbytetrack: {low: 0.6, high: 0.5}\n", "t.yaml"), bad);
  ASSERT_EQ(bad.lines().size(), 2u);
  EXPECT_THAT(bad.lines()[0], testing::HasSubstr("bytetrack"));
  EXPECT_THAT(bad.lines()[1], testing::HasSubstr("low must not be above high"));
}

}  // namespace
}  // namespace vedette::track
