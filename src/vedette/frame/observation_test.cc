#include "vedette/frame/observation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <thread>
#include <vector>

namespace vedette {
namespace {

std::shared_ptr<const Frame> some_frame() {
  Frame frame;
  frame.stream = std::make_shared<const StreamInfo>(StreamInfo{.name = "yard", .index = 3});
  frame.sequence = 41;
  return std::make_shared<const Frame>(frame.with_picture(Picture::make(PixelFormat::kI420, 32, 16)));
}

Event event_in(const std::string& zone) {
  Event event;
  event.zone = zone;
  return event;
}

TEST(Observation, SharesWhatItDoesNotChange) {
  const Observation first(some_frame());
  const auto found = first.with_objects(std::vector<Object>(3));
  const auto told = found.with_events({event_in("door")});
  EXPECT_EQ(told.shared_frame(), first.shared_frame());
  EXPECT_EQ(told.frame().picture->plane(0).data, first.frame().picture->plane(0).data);
  EXPECT_EQ(told.objects().data(), found.objects().data()) << "objects are not copied";
  EXPECT_TRUE(first.objects().empty()) << "the old one stays as it was";
  EXPECT_TRUE(found.events().empty());
  EXPECT_EQ(told.stream().name, "yard");
}

TEST(Observation, ACopyCopiesNothing) {
  const auto original = Observation(some_frame()).with_objects(std::vector<Object>(100));
  const Observation copy = original;  // NOLINT(performance-unnecessary-copy-initialization): what is tested
  EXPECT_EQ(copy.objects().data(), original.objects().data());
  EXPECT_EQ(copy.shared_frame(), original.shared_frame());
}

TEST(Observation, EventsAndZonesAddUp) {
  const auto zones = std::make_shared<const std::vector<Zone>>(std::vector<Zone>{{"door", {{0, 0}, {5, 5}}}});
  const auto more = std::make_shared<const std::vector<Zone>>(std::vector<Zone>{{"gate", {{0, 0}, {5, 0}, {5, 5}}}});
  const auto one = Observation(some_frame()).with_events({event_in("a")}).with_zones(zones);
  EXPECT_EQ(one.zones().data(), zones->data()) << "the first zones are shared";
  const auto two = one.with_events({event_in("b")}).with_zones(more);
  ASSERT_EQ(two.events().size(), 2u);
  EXPECT_EQ(two.events()[0].zone, "a");
  EXPECT_EQ(two.events()[1].zone, "b");
  ASSERT_EQ(two.zones().size(), 2u);
  EXPECT_TRUE(two.zones()[0].is_line());
  EXPECT_FALSE(two.zones()[1].is_line());
  EXPECT_EQ(one.events().size(), 1u);
}

TEST(Frame, OtherPixelsForgetWhatWasMadeOfTheOldOnes) {
  Frame frame = *some_frame();
  frame.jpeg = std::make_shared<const Bytes>(Bytes{1, 2, 3});
  const auto make = [](int value) { return [value] { return std::make_shared<const int>(value); }; };
  EXPECT_EQ(*frame.derived<int>(1, make(10)), 10);
  const auto changed = frame.with_picture(Picture::make(PixelFormat::kBgr, 8, 4));
  EXPECT_EQ(changed.width, 32) << "what the camera took stays the measure";
  EXPECT_EQ(changed.height, 16);
  EXPECT_EQ(changed.sequence, 41u);
  EXPECT_EQ(changed.jpeg, nullptr) << "it showed the old pixels";
  EXPECT_EQ(*changed.derived<int>(1, make(20)), 20);
  EXPECT_EQ(*frame.derived<int>(1, make(30)), 10);
}

TEST(Frame, ADerivedFormIsMadeOnceForAllThreads) {
  const auto frame = some_frame();
  std::atomic<int> made = 0;
  constexpr int kThreads = 8;
  std::vector<std::shared_ptr<const int>> forms(kThreads);
  std::barrier start(kThreads);
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        start.arrive_and_wait();
        forms[t] = frame->derived<int>(7, [&] { return std::make_shared<const int>(++made); });
      });
  }
  EXPECT_EQ(made, 1);
  for (const auto& form : forms) EXPECT_EQ(form.get(), forms[0].get());
}

TEST(Frame, AFailureToDeriveIsNotRemembered) {
  const auto frame = some_frame();
  EXPECT_THROW(frame->derived<int>(1, []() -> std::shared_ptr<const int> { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_EQ(*frame->derived<int>(1, [] { return std::make_shared<const int>(5); }), 5);
}

TEST(Object, IsCalledByItsClassOrByItsNumber) {
  const auto labels = std::make_shared<const Labels>(Labels{"person", "car"});
  const auto called = [](int class_id, std::shared_ptr<const Labels> names) {
    Object object;
    object.class_id = class_id;
    object.labels = std::move(names);
    return object.label();
  };
  EXPECT_EQ(called(1, labels), "car");
  EXPECT_EQ(called(7, labels), "7");
  EXPECT_EQ(called(-1, labels), "-1");
  EXPECT_EQ(called(2, nullptr), "2");
}

}  // namespace
}  // namespace vedette
