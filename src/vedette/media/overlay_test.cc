#include "vedette/media/overlay.h"

#include <cstring>
#include <set>

#include "vedette/media/convert.h"
#include "vedette/media/testing.h"

namespace vedette::media {
namespace {

using testing::difference;
using testing::ramp;

Observation observation(PixelFormat format, int width, int height, float x = 20) {
  auto frame = std::make_shared<Frame>();
  frame->stream = std::make_shared<StreamInfo>();
  frame->picture = ramp(format, width, height);
  frame->width = width;
  frame->height = height;
  Object object;
  object.box = {x, 20, 40, 60};
  object.score = .9f;
  object.track_id = 7;
  object.labels = std::make_shared<Labels>(Labels{"person"});
  return Observation(frame).with_objects({object});
}

double apart(Rgb a, Rgb b) { return std::abs(a.r - b.r) + std::abs(a.g - b.g) + std::abs(a.b - b.b); }

TEST(StableColor, IsStableAndWellApart) {
  EXPECT_EQ(stable_color(7), stable_color(7));
  for (int i = 0; i < 300; ++i)
    for (int near = 1; near <= 4; ++near)
      EXPECT_GT(apart(stable_color(i), stable_color(i + near)), 50) << i << " " << near;
  stable_color(-5);
  stable_color(std::numeric_limits<int64_t>::max());
}

TEST(Overlay, DrawsOnEveryFormatAndNeverOnItsInput) {
  for (const PixelFormat format : {PixelFormat::kI420, PixelFormat::kBgr, PixelFormat::kGray}) {
    const Observation seen = observation(format, 200, 150);
    const auto before = copy_of(*seen.frame().picture);
    const auto drawn = Overlay().draw(seen);
    EXPECT_EQ(drawn->format(), format);
    EXPECT_EQ(difference(*before, *seen.frame().picture), 0);
    EXPECT_GT(difference(*before, *drawn), 0.5) << to_string(format);
  }
}

TEST(Overlay, UsesTheTracksColor) {
  const auto bgr = to_bgr(*Overlay({.labels = false, .line_px = 4}).draw(observation(PixelFormat::kI420, 200, 150)));
  const uint8_t* p = bgr->plane(0).data + 50 * bgr->plane(0).stride_bytes + 3 * 21;
  EXPECT_LT(apart({p[2], p[1], p[0]}, stable_color(7)), 20);
}

TEST(Overlay, DrawsTheTraceOfFootPoints) {
  Overlay with({.boxes = false, .labels = false}), without({.boxes = false, .labels = false, .traces = false});
  std::shared_ptr<Picture> a, b;
  for (int i = 0; i < 10; ++i) {
    const Observation seen = observation(PixelFormat::kI420, 300, 150, 20.f + 15.f * static_cast<float>(i));
    a = with.draw(seen);
    b = without.draw(seen);
  }
  EXPECT_GT(difference(*a, *b), 0.1);
  const Plane& plane = a->plane(0);
  bool changed = false;
  for (int y = 76; y < 84; ++y)
    changed |= plane.data[y * plane.stride_bytes + 80] != b->plane(0).data[y * plane.stride_bytes + 80];
  EXPECT_TRUE(changed) << "the foot passed (80, 80)";
}

TEST(Overlay, DrawsWhereThingsAreInAFrameThatWasMadeSmaller) {
  const Observation large = observation(PixelFormat::kI420, 400, 300);
  Frame small = large.frame();
  small.picture = Picture::make(PixelFormat::kI420, 200, 150);
  for (int i = 0; i < 3; ++i) {
    const Plane& plane = small.picture->plane(i);
    std::memset(plane.data, 128, static_cast<size_t>(plane.stride_bytes) * static_cast<size_t>(plane.height));
  }
  const OverlayOptions boxes_only{.boxes = true, .labels = false, .traces = false, .zones = false, .line_px = 2};
  const auto drawn = Overlay(boxes_only).draw(large.with_frame(small));
  const Box box = large.objects()[0].box;
  const auto luma = [&](float x, float y) {
    return drawn->plane(0).data[static_cast<ptrdiff_t>(y) * drawn->plane(0).stride_bytes + static_cast<ptrdiff_t>(x)];
  };
  EXPECT_NE(luma(box.x / 2 + 0.5F, box.center_y() / 2), 128) << "its left edge";
  EXPECT_NE(luma(box.right() / 2 - 1, box.center_y() / 2), 128) << "its right edge";
  EXPECT_EQ(luma(box.center_x() / 2, box.center_y() / 2), 128) << "nothing within";
  EXPECT_EQ(luma(box.right() / 2 + 4, box.center_y() / 2), 128) << "nothing beyond";
}

TEST(Overlay, SurvivesAnythingOutsideThePicture) {
  Observation seen = observation(PixelFormat::kI420, 31, 17, 1e9f);
  auto zones = std::make_shared<std::vector<Zone>>();
  zones->push_back({"gate", {{-1e9f, 5}, {1e9f, 5}}});
  zones->push_back({"a name much longer than the picture is wide", {{-5, -5}, {500, 0}, {500, 500}}});
  zones->push_back({"empty", {}});
  seen = seen.with_zones(zones);
  for (const PixelFormat format : {PixelFormat::kI420, PixelFormat::kBgr}) {
    Frame frame = seen.frame();
    frame.picture = ramp(format, 31, 17);
    EXPECT_EQ(Overlay().draw(seen.with_frame(frame))->width(), 31);
  }
}

}  // namespace
}  // namespace vedette::media
