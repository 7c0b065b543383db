#include "vedette/modules/recognizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::test_object;
using testing::test_observation;

/// Sees two things in a picture: how bright its middle is (numbers 0 and 1), and nothing else (2 to 3).
class FakeEmbedder final : public infer::Embedder {
 public:
  std::vector<std::vector<float>> embed(std::span<const Picture* const> crops) override {
    if (fails) throw std::runtime_error("the model fails");
    calls.push_back(crops.size());
    std::vector<std::vector<float>> vectors;
    for (const Picture* crop : crops) {
      const Plane& plane = crop->plane(0);
      const uint8_t middle = plane.data[plane.height / 2 * plane.stride_bytes + plane.width / 2];
      vectors.push_back({static_cast<float>(middle) / 255, 1 - static_cast<float>(middle) / 255, 0, 0});
    }
    return vectors;
  }
  size_t size() const override { return 4; }
  size_t largest_batch() const override { return 8; }

  std::vector<size_t> calls;
  bool fails = false;
};

/// Bright on the left, dark on the right, 640 × 480.
std::shared_ptr<const Picture> half_and_half() {
  static const auto picture = [] {
    auto made = testing::plain_picture(640, 480, 10);
    const Plane& plane = made->plane(0);
    for (int y = 0; y < 480; ++y) std::fill_n(plane.data + y * plane.stride_bytes, 320, uint8_t{250});
    return made;
  }();
  return picture;
}
constexpr Box kBright{100, 100, 40, 100};
constexpr Box kDark{500, 100, 40, 100};

Observation seen(uint64_t sequence, std::vector<Object> objects) {
  return test_observation({.sequence = sequence, .picture = half_and_half()}, std::move(objects));
}
Object tracked(int64_t id, Box box, const std::string& label = "person") { return test_object(box, label, 0.9F, id); }

using Attributes = std::vector<std::pair<std::string, std::string>>;

class RecognizerTest : public ::testing::Test {
 protected:
  RecognizerTest() {
    gallery_->add("bright", std::vector<float>{1, 0, 0, 0});
    gallery_->add("dark", std::vector<float>{0, 1, 0, 0});
  }
  Recognizer make(RecognizerOptions options = {}) { return {std::move(options), embedder_, gallery_}; }
  /// "name" or "-" of each object of the observations.
  static std::vector<std::string> names(const std::vector<Observation>& observations) {
    std::vector<std::string> all;
    for (const auto& observation : observations)
      for (const Object& object : observation.objects())
        all.push_back(object.attributes.empty() ? "-" : object.attributes[0].second);
    return all;
  }
  std::vector<std::string> names(Recognizer& recognizer, const std::vector<Observation>& observations) {
    return names(recognizer.recognize(observations, nullptr));
  }

  std::shared_ptr<FakeEmbedder> embedder_ = std::make_shared<FakeEmbedder>();
  std::shared_ptr<identity::Gallery> gallery_ =
      std::make_shared<identity::Gallery>(identity::Gallery::Options{.dimension = 4});
};

TEST_F(RecognizerTest, WhoResemblesATemplateEnoughIsGivenItsName) {
  auto recognizer = make();
  const auto results = recognizer.recognize(
      std::vector{seen(0, {test_object(kBright), test_object(kDark), test_object(kDark, "car")})}, nullptr);
  ASSERT_EQ(results.size(), 1U);
  const auto objects = results[0].objects();
  EXPECT_EQ(objects[0].attributes, (Attributes{{"identity", "bright"}, {"similarity", "1.00"}}));
  EXPECT_EQ(objects[1].attributes[0].second, "dark");
  ASSERT_TRUE(objects[0].embedding);
  EXPECT_NEAR((*objects[0].embedding)[0], 250.0 / 255, 1e-6);
  EXPECT_FALSE(objects[2].embedding) << "not of the classes";
  EXPECT_THAT(embedder_->calls, ElementsAre(2)) << "together";
}

TEST_F(RecognizerTest, InAFrameThatWasMadeSmallerItLooksAtTheSamePlace) {
  auto recognizer = make();
  const auto large = [](const Box& box) { return Box{box.x * 3, box.y * 2, box.width * 3, box.height * 2}; };
  const auto results = recognizer.recognize(
      std::vector{
          test_observation({.width = 1920, .height = 960, .picture = half_and_half(), .made_smaller = true},
                           {test_object(large(kBright)), test_object(large(kDark)), test_object({900, 0, 120, 94})})},
      nullptr);
  EXPECT_EQ(results[0].objects()[0].attributes[0].second, "bright");
  EXPECT_EQ(results[0].objects()[1].attributes[0].second, "dark");
  EXPECT_FALSE(results[0].objects()[2].embedding) << "47 pixels are left of its height";
}

TEST_F(RecognizerTest, BelowTheThresholdThereIsAnEmbeddingButNoName) {
  gallery_->clear();
  gallery_->add("other", std::vector<float>{0.6F, 0.6F, 0, 0});
  auto recognizer = make({.threshold = 0.8F});
  const auto results = recognizer.recognize(std::vector{seen(0, {test_object(kBright)})}, nullptr);
  EXPECT_THAT(results[0].objects()[0].attributes, IsEmpty());
  EXPECT_TRUE(results[0].objects()[0].embedding);
  EXPECT_EQ(recognizer.counts().recognized, 0U);
}

TEST_F(RecognizerTest, ATrackKeepsItsNameAndIsLookedAtNowAndThen) {
  auto recognizer = make({.refresh = {.every_frames = 5}});
  for (uint64_t i = 0; i < 20; ++i) {
    // It walks into the dark from frame 7 on, which is seen in frame 10.
    const Box box = i < 7 ? kBright : kDark;
    EXPECT_THAT(names(recognizer, {seen(i, {tracked(1, box)})}), ElementsAre(i < 10 ? "bright" : "dark")) << i;
  }
  EXPECT_EQ(embedder_->calls.size(), 4U);
  EXPECT_EQ(recognizer.counts().embedded, 4U);
  EXPECT_EQ(recognizer.counts().reused, 16U);
  EXPECT_EQ(recognizer.counts().recognized, 20U);
}

TEST_F(RecognizerTest, ABoxOfAnotherSizeIsLookedAtAtOnce) {
  auto recognizer = make({.refresh = {.every_frames = 100, .resize = 0.3}});
  names(recognizer, {seen(0, {tracked(1, kBright)})});
  EXPECT_THAT(names(recognizer, {seen(1, {tracked(1, kDark)})}), ElementsAre("bright")) << "only moved";
  EXPECT_THAT(names(recognizer, {seen(2, {tracked(1, {500, 100, 40, 140})})}), ElementsAre("dark"));
}

TEST_F(RecognizerTest, ObservationsHandedOverTogetherGiveTheSameAsOneByOne) {
  auto one_by_one = make({.refresh = {.every_frames = 3}}), together = make({.refresh = {.every_frames = 3}});
  std::vector<Observation> all;
  for (uint64_t i = 0; i < 12; ++i)
    all.push_back(seen(i, {tracked(1, i % 4 < 2 ? kBright : kDark), tracked(2, kDark), test_object(kBright)}));
  std::vector<std::string> expected;
  for (const auto& observation : all)
    for (auto& name : names(one_by_one, {observation})) expected.push_back(std::move(name));
  const size_t calls = embedder_->calls.size();
  EXPECT_EQ(names(together, all), expected);
  EXPECT_EQ(embedder_->calls.size(), calls + 1);
  EXPECT_EQ(together.counts().embedded, one_by_one.counts().embedded);
}

TEST_F(RecognizerTest, TheSmallAndTheManyAreCountedAndKeepWhatTheirTrackHas) {
  auto recognizer = make({.min_height_px = 60, .max_objects = 2, .refresh = {.every_frames = 1}});
  EXPECT_THAT(names(recognizer, {seen(0, {tracked(1, kBright), tracked(2, {100, 100, 20, 59}),
                                          tracked(3, {100, 450, 20, 90}), tracked(4, {900, 100, 40, 100})})}),
              ElementsAre("bright", "-", "-", "-"))
      << "too low, too low where it is seen, out of the frame";
  EXPECT_EQ(recognizer.counts().too_small, 3U);
  EXPECT_THAT(names(recognizer, {seen(1, {tracked(1, {100, 100, 20, 50})})}), ElementsAre("bright"));

  EXPECT_THAT(names(recognizer,
                    {seen(2, {tracked(5, kBright), tracked(6, {500, 100, 50, 120}), tracked(7, {500, 100, 50, 130})})}),
              ElementsAre("-", "dark", "dark"))
      << "the largest first";
  EXPECT_EQ(recognizer.counts().too_many, 1U);
}

TEST_F(RecognizerTest, CropsAndEmbeddingsThatAreThereAreUsed) {
  auto recognizer = make();
  Object cropped = test_object(kBright);
  cropped.crop = testing::plain_picture(20, 40, 5, PixelFormat::kBgr);
  Object embedded = test_object(kBright);
  embedded.embedding = std::make_shared<const std::vector<float>>(std::vector<float>{0.2F, 0.9F, 0, 0});
  Object of_another_model = test_object(kBright);
  of_another_model.embedding = std::make_shared<const std::vector<float>>(std::vector<float>{1, 2});
  EXPECT_THAT(names(recognizer, {seen(0, {cropped, embedded, of_another_model})}),
              ElementsAre("dark", "dark", "bright"));
  EXPECT_THAT(embedder_->calls, ElementsAre(2));
}

TEST_F(RecognizerTest, WhatAnEarlierOneFoundIsReplaced) {
  auto recognizer = make();
  Object known = test_object(kBright);
  known.attributes = {{"colour", "red"}, {"identity", "somebody"}, {"similarity", "0.71"}};
  const auto results = recognizer.recognize(std::vector{seen(0, {known})}, nullptr);
  EXPECT_EQ(results[0].objects()[0].attributes,
            (Attributes{{"colour", "red"}, {"identity", "bright"}, {"similarity", "1.00"}}));
}

TEST_F(RecognizerTest, NothingToLookAtLeavesTheObservationAsItIs) {
  auto recognizer = make();
  const auto empty = seen(0, {}), cars = seen(1, {test_object(kBright, "car")});
  const auto results = recognizer.recognize(std::vector{empty, cars}, nullptr);
  EXPECT_EQ(results[1].objects().data(), cars.objects().data()) << "shared, not copied";
  EXPECT_THAT(embedder_->calls, IsEmpty());
}

TEST_F(RecognizerTest, AFailureCostsTheseObservationsOnly) {
  auto recognizer = make();
  embedder_->fails = true;
  EXPECT_THROW(names(recognizer, {seen(0, {tracked(1, kBright)})}), std::runtime_error);
  embedder_->fails = false;
  EXPECT_THAT(names(recognizer, {seen(1, {tracked(1, kBright)})}), ElementsAre("bright"));
  EXPECT_EQ(recognizer.counts().embedded, 1U);
}

TEST_F(RecognizerTest, ForgetsWithTheStream) {
  auto recognizer = make();
  names(recognizer, {seen(0, {tracked(1, kBright)})});
  recognizer.forget();
  EXPECT_THAT(names(recognizer, {seen(1, {tracked(1, kDark)})}), ElementsAre("dark"));
}

}  // namespace
}  // namespace vedette::modules
