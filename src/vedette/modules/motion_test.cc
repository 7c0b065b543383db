#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

using testing::CollectingEmit;
using ::testing::HasSubstr;
using testing::plain_picture;
using testing::settings_faults;
using testing::start_module;
using testing::test_object;
using testing::test_observation;

/// Gray noise around 100, the same sequence in each run, and a bright square where `at` says.
std::shared_ptr<Picture> scene(unsigned seed, std::optional<Box> at = {}, int width = 384, int height = 288,
                               PixelFormat format = PixelFormat::kI420) {
  auto picture = plain_picture(width, height, 100, format);
  const Plane& plane = picture->plane(0);
  const int channels = format == PixelFormat::kBgr ? 3 : 1;
  std::mt19937 random(seed);
  for (int y = 0; y < height; ++y) {
    uint8_t* row = plane.data + static_cast<ptrdiff_t>(y) * plane.stride_bytes;
    for (int x = 0; x < width; ++x) {
      const bool bright = at && x >= at->x && x < at->right() && y >= at->y && y < at->bottom();
      for (int c = 0; c < channels; ++c)
        row[x * channels + c] = static_cast<uint8_t>((bright ? 220 : 98) + random() % 5);
    }
  }
  return picture;
}

/// Feeds frames at 10 a second and says of each whether it passed.
class Feed {
 public:
  explicit Feed(const std::string& yaml) : module_(start_module("motion", yaml)) {}

  bool operator()(std::shared_ptr<const Picture> picture, std::vector<Object> objects = {}) {
    const size_t before = emit.observations.size();
    module_->process(
        test_observation(
            {.seconds = static_cast<double>(frame_) / 10, .sequence = frame_, .picture = std::move(picture)},
            std::move(objects)),
        emit);
    ++frame_;
    return emit.observations.size() > before;
  }
  bool still() { return (*this)(scene(static_cast<unsigned>(frame_))); }
  bool moving(Box at) { return (*this)(scene(static_cast<unsigned>(frame_), at)); }

  CollectingEmit emit;

 private:
  std::unique_ptr<graph::Module> module_;
  uint64_t frame_ = 0;
};

const Box kMover{200, 100, 40, 60};

TEST(Motion, WarmUpPassesThenStillFramesAreDropped) {
  Feed feed("{warmup: 10, hold_ms: 0}");
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(feed.still()) << i;
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(feed.still()) << i;
  EXPECT_EQ(feed.emit.drops.at("no_motion"), 10);
}

TEST(Motion, PassesWhileSomethingMovesAndForTheHoldTimeAfter) {
  Feed feed("{warmup: 10, hold_ms: 500}");
  for (int i = 0; i < 15; ++i) feed.still();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(feed.moving({100 + 20.f * static_cast<float>(i), 100, 40, 60})) << i;
  int held = 0;
  while (feed.still()) ASSERT_LT(++held, 20);
  EXPECT_EQ(held, 5) << "500 ms at 10 frames a second";
}

TEST(Motion, SpotsSmallerThanMinAreaAreNoMotion) {
  Feed feed("{warmup: 10, hold_ms: 0, min_area: 0.05}");  // the mover is 0.022 of the frame
  for (int i = 0; i < 15; ++i) feed.still();
  EXPECT_FALSE(feed.moving(kMover));
  EXPECT_TRUE(feed.moving({100, 50, 120, 150}));
}

TEST(Motion, OnlyZonesCount) {
  Feed feed("{warmup: 10, hold_ms: 0, zones: [{points: [[0, 0], [0.4, 0], [0.4, 1], [0, 1]]}]}");
  for (int i = 0; i < 15; ++i) feed.still();
  EXPECT_FALSE(feed.moving(kMover));
  EXPECT_TRUE(feed.moving({20, 100, 40, 60}));
}

TEST(Motion, AddsObjectsWhereThingsMoveBesideThoseAlreadyThere) {
  Feed feed("{warmup: 10, gate: none, objects: true}");
  for (int i = 0; i < 15; ++i) EXPECT_TRUE(feed.still());
  EXPECT_TRUE(feed.emit.observations.back().objects().empty());
  feed(scene(99, kMover), {test_object({0, 0, 9, 9}, "car")});
  const auto objects = feed.emit.observations.back().objects();
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[0].label(), "car");
  EXPECT_EQ(objects[1].label(), "motion");
  EXPECT_GT(iou(objects[1].box, kMover), 0.7f);
}

TEST(Motion, AKnobThatMakesFramesSmallerForgetsNoBackground) {
  auto motion = start_module("motion", "{warmup: 10, hold_ms: 0, objects: true}");
  CollectingEmit emit;
  const auto see = [&](unsigned i, std::shared_ptr<const Picture> picture) {
    emit.observations.clear();
    motion->process(test_observation({.seconds = i / 10.0,
                                      .sequence = i,
                                      .width = 1536,
                                      .height = 1152,
                                      .picture = std::move(picture),
                                      .made_smaller = true}),
                    emit);
    return !emit.observations.empty();
  };
  for (unsigned i = 0; i < 15; ++i) see(i, scene(i));
  EXPECT_FALSE(see(15, scene(15)));
  EXPECT_FALSE(see(16, scene(16, {}, 768, 576))) << "it need not learn anew";
  ASSERT_TRUE(see(17, scene(17, kMover)));
  const Box on_the_frame{kMover.x * 4, kMover.y * 4, kMover.width * 4, kMover.height * 4};
  ASSERT_EQ(emit.observations[0].objects().size(), 1u);
  EXPECT_GT(iou(emit.observations[0].objects()[0].box, on_the_frame), 0.7F);
}

TEST(Motion, AnotherSizeStartsAnew) {
  Feed feed("{warmup: 10, hold_ms: 0}");
  for (int i = 0; i < 15; ++i) feed.still();
  EXPECT_FALSE(feed.still());
  for (unsigned i = 0; i < 10; ++i) EXPECT_TRUE(feed(scene(i, {}, 320, 240))) << i;
  EXPECT_FALSE(feed(scene(50, {}, 320, 240)));
  EXPECT_TRUE(feed(scene(51, kMover, 320, 240)));
}

TEST(Motion, BgrAndGrayAndTinyPicturesWork) {
  for (const auto format : {PixelFormat::kBgr, PixelFormat::kGray}) {
    Feed feed("{warmup: 10, hold_ms: 0}");
    for (unsigned i = 0; i < 12; ++i) feed(scene(i, {}, 384, 288, format));
    EXPECT_FALSE(feed(scene(60, {}, 384, 288, format)));
    EXPECT_TRUE(feed(scene(61, kMover, 384, 288, format)));
  }
  Feed feed("{warmup: 1, hold_ms: 0}");
  EXPECT_TRUE(feed(scene(1, {}, 1, 1)));
  EXPECT_TRUE(feed(scene(1, {}, 300, 1)));
}

TEST(Motion, ACaptureTimeThatJumpsBackHoldsNothingUp) {
  auto motion = start_module("motion", "{warmup: 5, hold_ms: 1000}");
  CollectingEmit emit;
  uint64_t n = 0;
  const auto see = [&](double seconds, std::optional<Box> mover) {
    const size_t before = emit.observations.size();
    motion->process(
        test_observation({.seconds = seconds, .sequence = n, .picture = scene(static_cast<unsigned>(n), mover)}), emit);
    ++n;
    return emit.observations.size() > before;
  };
  for (int i = 0; i < 10; ++i) see(1000 + i * 0.1, {});
  EXPECT_TRUE(see(1001, kMover));
  EXPECT_TRUE(see(5, {})) << "still within the hold time";
  EXPECT_FALSE(see(6.5, {}));
}

TEST(Motion, SettingsFaults) {
  EXPECT_EQ(settings_faults("motion", "{}"), "");
  EXPECT_THAT(settings_faults("motion", "gate: none"), HasSubstr("does nothing"));
  EXPECT_THAT(settings_faults("motion", "width: 3"), HasSubstr("from 32"));
  EXPECT_THAT(settings_faults("motion", "zones: [{points: [[0, 0], [5, 5], [1, 0]]}]"), HasSubstr("no fraction"));
}

// A figure to look at, not to fail on: the machine may be busy.
TEST(Motion, CostOfAFrame) {
  auto motion = start_module("motion", "{}");
  CollectingEmit emit;
  std::vector<Observation> frames;
  for (unsigned i = 0; i < 8; ++i)
    frames.push_back(test_observation(
        {.seconds = i * 0.1, .picture = scene(i, Box{static_cast<float>(i) * 40, 200, 40, 90}, 768, 576)}));
  for (int i = 0; i < 40; ++i) motion->process(frames[static_cast<size_t>(i) % frames.size()], emit);
  const Duration before = thread_cpu_time();
  constexpr int kFrames = 100;
  for (int i = 0; i < kFrames; ++i) motion->process(frames[static_cast<size_t>(i) % frames.size()], emit);
  const double microseconds = to_seconds(thread_cpu_time() - before) * 1e6 / kFrames;
  RecordProperty("microseconds_per_frame", std::to_string(microseconds));
  std::printf("motion: %.0f us of CPU a 768x576 frame\n", microseconds);
  EXPECT_EQ(emit.observations.size() + static_cast<size_t>(emit.drops["no_motion"]), 140u);
}

}  // namespace
}  // namespace vedette::modules
