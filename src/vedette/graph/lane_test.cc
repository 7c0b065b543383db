// Readers that come and go while frames flow: who stays loses nothing, who comes gets everything from then on, who goes
// gets what was taken before that and then the end.
#include "vedette/graph/lane.h"

#include <gmock/gmock.h>

#include <numeric>
#include <random>

#include "vedette/graph/stage.h"
#include "vedette/graph/stage_rig.h"

namespace vedette::graph {
namespace {

using testing::counting;
using testing::Record;
using testing::Rig;
using testing::Script;

class LaneChange : public ::testing::TestWithParam<std::tuple<Concurrency, size_t>> {
 protected:
  Concurrency kind() const { return std::get<0>(GetParam()); }
  WorkerPool pool_{std::get<1>(GetParam())};
};

/// A stage of one stream that remembers what it got, to be attached and detached.
struct Visitor {
  Visitor(WorkerPool& pool, const std::shared_ptr<const StreamInfo>& stream) {
    Script script = record.script();
    script.end = [this](const StreamInfo&, Emit&) { ended = true; };
    Stage::Options options;
    options.name = "visitor";
    options.traits.concurrency = Concurrency::kPerStream;
    options.factory = [script] { return std::make_unique<testing::ScriptedModule>(script, Concurrency::kPerStream); };
    options.on_lane_ended = [this] {
      const std::lock_guard lock(mutex);
      over = true;
      changed.notify_all();
    };
    stage = std::make_shared<Stage>(std::move(options), pool, ModuleContext{});
    lane = stage->add_stream(stream, {.capacity = 2});
  }
  ~Visitor() { stage->stop(); }
  void wait_over() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return over; });
  }

  Record record;
  std::atomic<bool> ended{false};
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  std::shared_ptr<Stage> stage;
  std::shared_ptr<Lane> lane;
};

TEST_P(LaneChange, WhoStaysLosesNothingAndWhoVisitsGetsAnUnbrokenRun) {
  Record stays;
  Script uneven;
  uneven.process = [](const Observation& observation, Emit& emit) {
    testing::uneven_work(observation.frame().sequence);
    emit(observation);
  };
  Rig rig(pool_, 1,
          {{.name = "shared", .concurrency = kind(), .script = uneven},
           {.name = "stays", .script = stays.script(), .inputs = {0}}});
  constexpr uint64_t kFrames = 3000;
  rig.feed(kFrames);
  uint64_t visits = 0;
  while (stays.size() < kFrames - 200) {
    Visitor visitor(pool_, rig.stream(0));
    connect(rig.lane(0, 0), visitor.lane);
    if (++visits % 2) visitor.record.wait_for(std::min<size_t>(visits % 7, 3));
    rig.lane(0, 0)->remove_reader(visitor.lane);
    visitor.wait_over();
    EXPECT_TRUE(visitor.ended);
    const auto seen = visitor.record.of(0);
    if (!seen.empty()) {
      std::vector<uint64_t> unbroken(seen.size());
      std::iota(unbroken.begin(), unbroken.end(), seen.front());
      EXPECT_EQ(seen, unbroken);
    }
  }
  rig.wait_done();
  EXPECT_EQ(stays.of(0), counting(kFrames));
  EXPECT_GT(visits, 3u);
}

TEST_P(LaneChange, AReaderMayChangeItsProducerWithoutAGap) {
  Record sink;
  Rig rig(pool_, 1,
          {{.name = "source", .concurrency = kind()},
           {.name = "old", .concurrency = kind(), .inputs = {0}},
           {.name = "sink", .script = sink.script(), .inputs = {1}}});
  rig.feed(2000);
  sink.wait_for(100);
  // As a change of settings does it: the new one is connected from the sink up before the old one is parted.
  Script pass;
  Stage::Options options;
  options.name = "new";
  options.traits.concurrency = kind();
  options.factory = [pass, kind = kind()] { return std::make_unique<testing::ScriptedModule>(pass, kind); };
  const auto fresh = std::make_shared<Stage>(std::move(options), pool_, ModuleContext{});
  fresh->start();
  const auto lane = fresh->add_stream(rig.stream(0), QueueOptions{});
  connect(lane, rig.lane(2, 0));
  lane->join(rig.lane(0, 0));
  rig.lane(0, 0)->change_readers({lane}, {rig.lane(1, 0)});
  rig.wait_done();
  fresh->stop();
  // Each went one way or the other; where the ways meet again the new one may be ahead of the old for a moment.
  auto seen = sink.of(0);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, counting(2000));
}

TEST_P(LaneChange, ALaneThatIsTakenOutLeavesTheOtherStreamsAlone) {
  Record sink;
  Rig rig(pool_, 3,
          {{.name = "shared", .concurrency = kind()}, {.name = "sink", .script = sink.script(), .inputs = {0}}});
  rig.feed(1000);
  sink.wait_for(50);
  rig.feed_of(1).remove_reader(rig.lane(0, 1));
  while (!rig.lane(0, 1)->ended()) std::this_thread::yield();
  EXPECT_TRUE(rig[0].remove_stream(*rig.lane(0, 1), Stage::kPatience));
  rig.wait_done();
  EXPECT_EQ(sink.of(0), counting(1000));
  EXPECT_EQ(sink.of(2), counting(1000));
  const auto cut = sink.of(1);
  EXPECT_EQ(cut, counting(cut.size()));
}

INSTANTIATE_TEST_SUITE_P(Kinds, LaneChange,
                         ::testing::Combine(::testing::Values(Concurrency::kStateless, Concurrency::kPerStream,
                                                              Concurrency::kGlobal),
                                            ::testing::Values(1, 4)));

}  // namespace
}  // namespace vedette::graph
