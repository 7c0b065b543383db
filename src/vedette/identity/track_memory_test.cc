#include "vedette/identity/track_memory.h"

#include <gtest/gtest.h>

namespace vedette::identity {
namespace {

constexpr Box kBox{100, 100, 40, 100};

TrackMemory::Known looked_at(uint64_t sequence, const std::string& name = "anna") {
  return {.look = {sequence, kBox}, .embedding = nullptr, .match = Match{name, 0.9F}, .seen = sequence};
}

TEST(TrackMemory, KeepsWhoATrackIs) {
  TrackMemory memory({});
  EXPECT_EQ(memory.see(1, 5), nullptr);
  memory.learn(1, looked_at(5));
  const auto* known = memory.see(1, 9);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->match->name, "anna");
  EXPECT_EQ(known->seen, 9U);
  EXPECT_EQ(known->look.sequence, 5U) << "seeing is not looking";
  memory.learn(1, looked_at(10, "bert"));
  EXPECT_EQ(memory.find(1)->match->name, "bert");
}

TEST(TrackMemory, DueAfterSoManyFrames) {
  const TrackMemory memory({.every_frames = 10});
  EXPECT_FALSE(memory.due({20, kBox}, kBox, 20));
  EXPECT_FALSE(memory.due({20, kBox}, kBox, 29));
  EXPECT_TRUE(memory.due({20, kBox}, kBox, 30));
  EXPECT_TRUE(memory.due({20, kBox}, kBox, 3)) << "a recording that began anew";
  for (const uint64_t always : {0U, 1U}) EXPECT_TRUE(TrackMemory({.every_frames = always}).due({20, kBox}, kBox, 21));
}

TEST(TrackMemory, DueWhenTheSizeHasChangedButNotThePlace) {
  const TrackMemory memory({.every_frames = 100, .resize = 0.3});
  EXPECT_FALSE(memory.due({0, kBox}, {500, 300, 40, 100}, 1));
  EXPECT_FALSE(memory.due({0, kBox}, {100, 100, 51, 129}, 1));
  EXPECT_TRUE(memory.due({0, kBox}, {100, 100, 53, 100}, 1));
  EXPECT_TRUE(memory.due({0, kBox}, {100, 100, 40, 69}, 1));
  EXPECT_FALSE(TrackMemory({.every_frames = 100, .resize = 0}).due({0, kBox}, {100, 100, 400, 10}, 1));
}

TEST(TrackMemory, ForgetsTheUnseenAndIsBounded) {
  TrackMemory memory({.forget_frames = 50, .max_tracks = 3});
  memory.learn(1, looked_at(0));
  memory.learn(2, looked_at(0));
  memory.see(2, 40);
  memory.tidy(50);
  EXPECT_TRUE(memory.find(1));
  memory.tidy(51);
  EXPECT_FALSE(memory.find(1));
  EXPECT_TRUE(memory.find(2));
  for (int64_t track = 3; track < 100; ++track) memory.learn(track, looked_at(60));
  EXPECT_EQ(memory.size(), 3U);
  EXPECT_FALSE(memory.find(2)) << "the longest unseen";
  memory.tidy(5);
  EXPECT_EQ(memory.size(), 0U) << "sequence numbers ran back: other people";
}

}  // namespace
}  // namespace vedette::identity
