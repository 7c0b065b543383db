#include "vedette/graph/import.h"

#include <gmock/gmock.h>

#include "vedette/graph/stage_rig.h"

namespace vedette::graph {
namespace {

/// Takes as many as it is told to have room for.
class Reader final : public Inlet {
 public:
  void join(std::weak_ptr<Outlet> outlet) override { outlet_ = std::move(outlet); }
  bool reserve() override {
    if (room == 0) return false;
    --room;
    return true;
  }
  void give_back() override { ++room; }
  void put(Observation observation, bool) override { seen.push_back(observation.frame().sequence); }
  void end(const Outlet&, Ending why) override { ended = why; }
  void make_room(int places) {
    room += places;
    if (const auto outlet = outlet_.lock()) outlet->room();
  }

  int room = 0;
  std::vector<uint64_t> seen;
  std::optional<Ending> ended;

 private:
  std::weak_ptr<Outlet> outlet_;
};

class ImportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    import_->on_taken([this](size_t count) { taken_ += count; });
    connect(import_, reader_);
  }
  void deliver(uint64_t first, uint64_t last) {
    for (uint64_t n = first; n <= last; ++n) import_->deliver(testing::make_observation(stream_, n));
  }

  const std::shared_ptr<const StreamInfo> stream_ = std::make_shared<const StreamInfo>();
  const std::shared_ptr<Import> import_ = std::make_shared<Import>(4);
  const std::shared_ptr<Reader> reader_ = std::make_shared<Reader>();
  size_t taken_ = 0;
};

TEST_F(ImportTest, HoldsWhatNobodyHasRoomForAndGivesCreditAsItGoesOn) {
  reader_->room = 2;
  deliver(0, 3);
  EXPECT_EQ(reader_->seen, (std::vector<uint64_t>{0, 1}));
  EXPECT_EQ(taken_, 2u);
  reader_->make_room(5);
  EXPECT_EQ(reader_->seen, (std::vector<uint64_t>{0, 1, 2, 3}));
  EXPECT_EQ(taken_, 4u);
}

TEST_F(ImportTest, WaitsForTheSlowestReaderAndKeepsPlacesBalanced) {
  const auto slow = std::make_shared<Reader>();
  connect(import_, slow);
  reader_->room = 3;
  deliver(0, 1);
  EXPECT_TRUE(reader_->seen.empty());
  EXPECT_EQ(reader_->room, 3) << "the place was given back";
  slow->make_room(1);
  EXPECT_EQ(reader_->seen, std::vector<uint64_t>{0});
  import_->remove_reader(slow);
  EXPECT_EQ(slow->ended, Ending::kParted);
  EXPECT_EQ(reader_->seen, (std::vector<uint64_t>{0, 1}));
}

TEST_F(ImportTest, WhatTakesItsPlaceWaitsForWhatIsUnderWay) {
  reader_->room = 10;
  deliver(0, 1);
  const auto next = std::make_shared<Import>(4);
  auto link = std::make_shared<int>(0);
  const std::weak_ptr<int> kept = link;
  connect(next, reader_);
  next->follow(import_, std::move(link));
  next->deliver(testing::make_observation(stream_, 3));
  next->deliver(testing::make_observation(stream_, 4));
  EXPECT_EQ(reader_->seen, (std::vector<uint64_t>{0, 1}));
  EXPECT_FALSE(kept.expired());
  deliver(2, 2);
  EXPECT_EQ(reader_->seen, (std::vector<uint64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(reader_->ended, Ending::kParted) << "… from the one that was";
  EXPECT_TRUE(kept.expired());
  EXPECT_TRUE(next->counts().gaps.empty());
}

TEST_F(ImportTest, WhatTakesItsPlaceGoesOnOnceTheSenderIsClosed) {
  reader_->room = 10;
  deliver(0, 1);
  const auto next = std::make_shared<Import>(4);
  connect(next, reader_);
  next->follow(import_, nullptr);
  next->deliver(testing::make_observation(stream_, 8));  // frames between were let go by whoever made them
  EXPECT_EQ(reader_->seen.size(), 2u);
  import_->sender_closed();
  EXPECT_EQ(reader_->seen, (std::vector<uint64_t>{0, 1, 8}));
  EXPECT_TRUE(next->counts().gaps.empty());
}

TEST_F(ImportTest, WhatTakesItsPlaceDoesNotWaitForASenderThatDied) {
  reader_->room = 10;
  deliver(0, 1);
  const auto next = std::make_shared<Import>(2);
  connect(next, reader_);
  next->follow(import_, nullptr);
  next->deliver(testing::make_observation(stream_, 5));
  EXPECT_EQ(reader_->seen.size(), 2u);
  next->deliver(testing::make_observation(stream_, 6));
  EXPECT_EQ(reader_->seen, (std::vector<uint64_t>{0, 1, 5, 6}));
  EXPECT_EQ(next->counts().gaps.at("moved"), 3u);
}

TEST_F(ImportTest, WhatWentOnByTheOldWayIsLeftOutWhenItComesOnceMore) {
  reader_->room = 10;
  deliver(0, 5);
  const auto next = std::make_shared<Import>(4);
  size_t taken = 0;
  next->on_taken([&](size_t count) { taken += count; });
  connect(next, reader_);
  next->follow(import_, nullptr);
  next->deliver(testing::make_observation(stream_, 3));
  EXPECT_FALSE(reader_->ended) << "it says nothing of what is under way";
  next->deliver(testing::make_observation(stream_, 6));
  EXPECT_EQ(reader_->seen, (std::vector<uint64_t>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(taken, 2u) << "it took a place, too";
}

TEST_F(ImportTest, AStreamThatBeginsAnewAtThatMomentGoesOn) {
  reader_->room = 20;
  deliver(100, 105);
  const auto next = std::make_shared<Import>(2);
  connect(next, reader_);
  next->follow(import_, nullptr);
  for (uint64_t n = 0; n < 5; ++n) next->deliver(testing::make_observation(stream_, n));
  EXPECT_THAT(reader_->seen, ::testing::ElementsAre(100, 101, 102, 103, 104, 105, 2, 3, 4));
}

TEST_F(ImportTest, WhatFollowsOneThatGotNothingWaitsForTheOneBefore) {
  reader_->room = 10;
  deliver(0, 1);
  const auto middle = std::make_shared<Import>(4);
  connect(middle, reader_);
  middle->follow(import_, nullptr);
  const auto next = std::make_shared<Import>(4);
  connect(next, reader_);
  next->follow(middle, nullptr);
  middle->sender_closed();
  EXPECT_FALSE(middle->ended());
  next->deliver(testing::make_observation(stream_, 3));
  EXPECT_EQ(reader_->seen.size(), 2u);
  deliver(2, 2);
  EXPECT_EQ(reader_->seen, (std::vector<uint64_t>{0, 1, 2, 3}));
  EXPECT_TRUE(middle->ended() && import_->ended());
  EXPECT_TRUE(next->counts().gaps.empty());
}

TEST_F(ImportTest, TheStreamIsNotOverBeforeTheOldWayIs) {
  reader_->room = 10;
  deliver(0, 0);
  const auto next = std::make_shared<Import>(4);
  connect(next, reader_);
  next->follow(import_, nullptr);
  next->end(Ending::kStreamOver);
  EXPECT_FALSE(next->ended());
  deliver(1, 1);
  import_->sender_closed();
  EXPECT_EQ(reader_->seen, (std::vector<uint64_t>{0, 1}));
  EXPECT_EQ(reader_->ended, Ending::kStreamOver) << "the last that it hears";
}

TEST_F(ImportTest, WhoLetsGoOfANewWayLetsGoOfTheOldOne) {
  const auto next = std::make_shared<Import>(4);
  next->follow(import_, nullptr);
  next->end(Ending::kParted);
  EXPECT_TRUE(next->ended() && import_->ended());
}

TEST_F(ImportTest, CutOffItDropsWhatWaitsAndTheNextCountsIt) {
  reader_->room = 1;
  deliver(0, 3);
  const auto next = std::make_shared<Import>(4);
  connect(next, reader_);
  next->follow(import_, nullptr);
  next->deliver(testing::make_observation(stream_, 5));
  import_->cut_off();
  EXPECT_TRUE(import_->ended());
  reader_->make_room(5);
  EXPECT_EQ(reader_->seen, (std::vector<uint64_t>{0, 5}));
  EXPECT_EQ(next->counts().gaps.at("moved"), 4u);
}

TEST_F(ImportTest, TellsItsReadersWhenItGoesWithoutRoom) {
  auto gone = std::make_shared<Import>(4);
  connect(gone, reader_);
  gone->deliver(testing::make_observation(stream_, 0));
  gone->end(Ending::kParted);
  EXPECT_FALSE(reader_->ended);
  gone.reset();
  EXPECT_EQ(reader_->ended, Ending::kParted);
}

TEST_F(ImportTest, EndsAfterTheLastObservation) {
  deliver(0, 0);
  import_->end(Ending::kStreamOver);
  EXPECT_FALSE(reader_->ended);
  reader_->make_room(1);
  EXPECT_EQ(reader_->ended, Ending::kStreamOver);
  deliver(1, 1);
  EXPECT_EQ(reader_->seen, std::vector<uint64_t>{0});
}

TEST_F(ImportTest, WhatIsMissingSinceAnotherWayEndedIsAGap) {
  reader_->room = 9;
  import_->resume_after(10);
  deliver(15, 17);
  import_->gap(2, "deadline");
  EXPECT_THAT(import_->counts().gaps,
              ::testing::ElementsAre(::testing::Pair("deadline", 2), ::testing::Pair("moved", 4)));
  EXPECT_EQ(import_->last_sequence(), 17u);
}

}  // namespace
}  // namespace vedette::graph
