#include <gtest/gtest.h>

#include <cstring>

#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

using testing::CollectingEmit;
using testing::plain_picture;
using testing::settings_faults;
using testing::start_module;
using testing::test_object;
using testing::test_observation;

bool same_luma(const Picture& a, const Picture& b) {
  for (int y = 0; y < a.height(); ++y)
    if (std::memcmp(a.plane(0).data + static_cast<ptrdiff_t>(y) * a.plane(0).stride_bytes,
                    b.plane(0).data + static_cast<ptrdiff_t>(y) * b.plane(0).stride_bytes,
                    static_cast<size_t>(a.width())) != 0)
      return false;
  return true;
}

TEST(OverlayModule, HandsOnADrawnCopyAndLeavesTheOriginalAlone) {
  auto overlay = start_module("overlay", "{}");
  CollectingEmit emit;
  const auto before = plain_picture(320, 240, 90);
  Frame frame = test_observation({.sequence = 3, .picture = before}).frame();
  frame.jpeg = std::make_shared<const Bytes>(Bytes{1});
  overlay->process(Observation(std::make_shared<const Frame>(frame))
                       .with_objects({test_object({100, 60, 80, 120}, "person", 0.9f, 4)}),
                   emit);
  ASSERT_EQ(emit.observations.size(), 1u);
  const Frame& after = emit.observations[0].frame();
  EXPECT_FALSE(same_luma(*after.picture, *before));
  EXPECT_TRUE(same_luma(*before, *plain_picture(320, 240, 90)));
  EXPECT_EQ(after.jpeg, nullptr) << "the camera's JPEG shows no boxes";
  EXPECT_EQ(after.sequence, 3u);
  EXPECT_EQ(emit.observations[0].objects().size(), 1u);
}

TEST(OverlayModule, TakesTheOverlaysSettings) {
  EXPECT_EQ(settings_faults("overlay", "{boxes: false, labels: false}"), "");
  EXPECT_NE(settings_faults("overlay", "{box: false}"), "");
}

}  // namespace
}  // namespace vedette::modules
