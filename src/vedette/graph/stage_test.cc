// One stage or two: what a module may count on, and what is counted of it. Whole flows are in stage_flow_test.cc.
#include "vedette/graph/stage.h"

#include <gmock/gmock.h>

#include <numeric>

#include "vedette/base/error.h"
#include "vedette/graph/stage_rig.h"

namespace vedette::graph {
namespace {

using testing::counting;
using testing::Door;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Record;
using testing::Rig;
using testing::Script;

constexpr WhenFull kBlock = WhenFull::kBlock;

TEST(Stage, LatestLetsGoWhatWasNotTakenInTime) {
  WorkerPool pool(2);
  Record record;
  Door door;
  Script slow = record.script();
  slow.process = [&](const Observation& observation, Emit&) { door.pass(), record.add(observation); };
  Rig rig(pool, 1, {{.name = "slow", .script = slow, .queue = {.capacity = 4, .when_full = WhenFull::kLatest}}});
  rig.put(0, 0);
  door.wait_for(1);  // 0 is being worked on; of the others only the last stays
  for (uint64_t n = 1; n <= 9; ++n) rig.put(0, n);
  EXPECT_EQ(rig[0].status().queue_depth, 1u);
  EXPECT_EQ(rig[0].status().queue_capacity, 1u);
  door.open();
  rig.end(0);
  rig.wait_done();
  EXPECT_THAT(record.of(0), ElementsAre(0, 9));
  EXPECT_EQ(Rig::dropped(rig[0].status(), "superseded"), 8u);
  rig.expect_balanced();
}

TEST(Stage, DropOldestKeepsTheNewestFew) {
  WorkerPool pool(1);
  Record record;
  Door door;
  Script slow;
  slow.process = [&](const Observation& observation, Emit&) { door.pass(), record.add(observation); };
  Rig rig(pool, 1, {{.name = "slow", .script = slow, .queue = {.capacity = 3, .when_full = WhenFull::kDropOldest}}});
  rig.put(0, 0);
  door.wait_for(1);
  for (uint64_t n = 1; n <= 9; ++n) rig.put(0, n);
  door.open();
  rig.end(0);
  rig.wait_done();
  EXPECT_THAT(record.of(0), ElementsAre(0, 7, 8, 9));
  EXPECT_EQ(Rig::dropped(rig[0].status(), "queue_full"), 6u);
  rig.expect_balanced();
}

TEST(Stage, AFullBlockingQueueRefusesAndTellsWhenThereIsRoom) {
  WorkerPool pool(1);
  Door door;
  Script slow;
  slow.process = [&](const Observation&, Emit&) { door.pass(); };
  Rig rig(pool, 1, {{.name = "slow", .script = slow, .queue = {.capacity = 2, .when_full = kBlock}}});
  rig.put(0, 0);
  door.wait_for(1);
  EXPECT_TRUE(rig.lane(0, 0)->reserve());
  EXPECT_TRUE(rig.lane(0, 0)->reserve());
  EXPECT_FALSE(rig.lane(0, 0)->reserve());
  rig.lane(0, 0)->give_back();
  EXPECT_TRUE(rig.lane(0, 0)->reserve());
  rig.lane(0, 0)->give_back();
  rig.lane(0, 0)->give_back();
  rig.feed(20);  // waits for room time and again
  door.open();
  rig.wait_done();
  EXPECT_EQ(rig[0].status().processed, 21u);
}

/// A module that blocks below bars the way above: nothing is lost, and no queue holds more than it may.
TEST(Stage, BackPressureTravelsUpAndNothingIsLost) {
  WorkerPool pool(2);
  Record record;
  Door door;
  Script slow;
  slow.process = [&](const Observation& observation, Emit&) { door.pass(), record.add(observation); };
  const QueueOptions queue{.capacity = 2, .when_full = kBlock};
  Rig rig(pool, 1,
          {{.name = "a", .queue = queue},
           {.name = "b", .inputs = {0}, .queue = queue},
           {.name = "slow", .script = slow, .inputs = {1}, .queue = queue}});
  rig.feed(100);
  door.wait_for(1);
  while (rig[0].status().queue_depth + rig[1].status().queue_depth + rig[2].status().queue_depth < 6)
    std::this_thread::yield();
  EXPECT_EQ(rig[0].status().received, 7u);  // 1 in slow, 2 in each queue
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(rig[i].status().queue_depth, 2u);
  door.open();
  rig.wait_done();
  EXPECT_EQ(record.of(0), counting(100));
  rig.expect_balanced();
  rig.expect_all_places_free();
}

TEST(Stage, AThrowCostsThatObservationOnly) {
  WorkerPool pool(2);
  Record record;
  Script bad;
  bad.process = [](const Observation& observation, Emit& emit) {
    emit(observation);  // what was emitted before the throw goes, too
    const uint64_t n = observation.frame().sequence;
    if (n == 3) throw Error(ErrorCode::kTimeout, "too slow", "try a smaller one");
    if (n == 4) throw std::runtime_error("other");
    if (n == 7) throw 7;
  };
  Rig rig(pool, 1, {{.name = "bad", .script = bad}, {.name = "sink", .script = record.script(), .inputs = {0}}});
  rig.run(10);
  EXPECT_THAT(record.of(0), ElementsAre(0, 1, 2, 5, 6, 8, 9));
  const ModuleStatus status = rig[0].status();
  EXPECT_EQ(status.errors, 3u);
  EXPECT_EQ(Rig::dropped(status, "error"), 3u);
  EXPECT_EQ(status.processed, 7u);
  EXPECT_EQ(status.emitted, 7u);
  EXPECT_EQ(status.failure, ErrorCode::kTimeout);
  EXPECT_THAT(status.last_error, HasSubstr("no exception"));
}

TEST(Stage, ThrowsAtTheEndOfAStreamAndAtTheStopAreErrorsToo) {
  WorkerPool pool(1);
  Record record;
  Script bad;
  bad.end = [](const StreamInfo&, Emit&) { throw Error(ErrorCode::kExhausted, "disk full"); };
  bad.stop = [] { throw std::runtime_error("stop"); };
  Rig rig(pool, 2, {{.name = "bad", .script = bad}, {.name = "sink", .script = record.script(), .inputs = {0}}});
  rig.run(3);
  EXPECT_EQ(record.of(0), counting(3));
  EXPECT_EQ(record.of(1), counting(3));
  EXPECT_EQ(rig[0].status().errors, 4u);
  EXPECT_EQ(rig[0].status().failure, ErrorCode::kExhausted);
}

TEST(Stage, AModuleNamesItsReasonsForDropping) {
  WorkerPool pool(2);
  Record record;
  Script gate;
  gate.process = [](const Observation& observation, Emit& emit) {
    if (observation.frame().sequence % 3 == 0) return emit(observation);
    emit.drop(observation.frame().sequence % 3 == 1 ? "no_motion" : "too_dark");
  };
  Rig rig(pool, 1, {{.name = "gate", .script = gate}, {.name = "sink", .script = record.script(), .inputs = {0}}});
  rig.run(30);
  EXPECT_EQ(record.size(), 10u);
  const ModuleStatus status = rig[0].status();
  EXPECT_EQ(status.processed, 30u);
  EXPECT_EQ(status.emitted, 10u);
  EXPECT_EQ(Rig::dropped(status, "no_motion"), 10u);
  EXPECT_EQ(Rig::dropped(status, "too_dark"), 10u);
}

TEST(Stage, BatchesAreNoLargerThanAsked) {
  WorkerPool pool(2);
  std::vector<size_t> sizes;
  std::vector<uint64_t> seen;
  Script batch;
  batch.batch.largest = 3;
  batch.process_batch = [&](std::span<const Observation> all, Emit&) {
    sizes.push_back(all.size());
    for (const auto& o : all) seen.push_back(o.frame().sequence);
  };
  batch.process = [&](const Observation& o, Emit&) {
    sizes.push_back(1);
    seen.push_back(o.frame().sequence);
  };
  Rig rig(pool, 1, {{.name = "batch", .script = batch, .queue = {.capacity = 8}}});
  rig.run(100);
  EXPECT_EQ(seen, counting(100));
  EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), size_t{0}), 100u);
  EXPECT_LE(*std::max_element(sizes.begin(), sizes.end()), 3u);
}

/// With a wait of an hour, only full batches and the end of a stream can bring anything out at all.
class BatchWait : public ::testing::TestWithParam<Concurrency> {};

TEST_P(BatchWait, AFullBatchAndTheEndOfAStreamGoAtOnce) {
  WorkerPool pool(2);
  std::mutex mutex;
  std::vector<size_t> sizes;
  Record record;
  Script batch;
  batch.batch = {.largest = 4, .longest_wait = std::chrono::hours(1)};
  batch.process_batch = [&](std::span<const Observation> all, Emit&) {
    {
      const std::lock_guard lock(mutex);
      sizes.push_back(all.size());
    }
    for (const auto& o : all) record.add(o);
  };
  Rig rig(pool, 1, {{.name = "batch", .concurrency = GetParam(), .script = batch, .queue = {.capacity = 16}}});
  for (uint64_t n = 0; n < 4; ++n) rig.put(0, n);
  record.wait_for(4);
  for (uint64_t n = 4; n < 7; ++n) rig.put(0, n);
  EXPECT_EQ(record.size(), 4u);
  rig.end(0);
  rig.wait_done();
  EXPECT_EQ(record.of(0), counting(7));
  EXPECT_THAT(sizes, ElementsAre(4, 3));
}

INSTANTIATE_TEST_SUITE_P(Kinds, BatchWait,
                         ::testing::Values(Concurrency::kStateless, Concurrency::kPerStream, Concurrency::kGlobal));

TEST(Stage, ABatchIsNotWaitedForThatTheQueueCannotHold) {
  WorkerPool pool(1);
  Record record;
  Script batch = record.script();
  batch.batch = {.largest = 100, .longest_wait = std::chrono::hours(1)};
  Rig rig(pool, 1, {{.name = "batch", .script = batch, .queue = {.capacity = 2}}});
  for (uint64_t n = 0; n < 10; ++n) rig.put(0, n);
  record.wait_for(10);
}

TEST(Stage, AnIncompleteBatchGoesWhenItsTimeHasCome) {
  WorkerPool pool(1);
  Record record;
  Script batch = record.script();
  const Duration wait = std::chrono::milliseconds(2);
  batch.batch = {.largest = 100, .longest_wait = wait};
  Rig rig(pool, 2,
          {{.name = "batch", .concurrency = Concurrency::kGlobal, .script = batch, .queue = {.capacity = 100}}});
  for (uint64_t n = 0; n < 5; ++n) {
    const MonotonicTime put = Clock::system().monotonic();
    rig.put(n % 2, n);
    record.wait_for(n + 1);
    EXPECT_GE(Clock::system().monotonic() - put, wait);
  }
  // One stream's end does not end the waiting for the other.
  rig.end(0);
  const MonotonicTime put = Clock::system().monotonic();
  rig.put(1, 7);
  record.wait_for(6);
  rig.end(1);
  rig.wait_done();
  EXPECT_GE(Clock::system().monotonic() - put, Duration(0));
}

/// Turns that were timed and turns that came because a batch was full must not run a global module side by side.
TEST(Stage, TimedAndFullBatchesOfAGlobalModuleNeverOverlap) {
  WorkerPool pool(4);
  Record record;
  Script batch;
  batch.batch = {.largest = 3, .longest_wait = std::chrono::microseconds(20)};
  batch.process_batch = [&](std::span<const Observation> all, Emit&) {
    for (const auto& o : all) testing::uneven_work(o.frame().sequence), record.add(o);
  };
  batch.process = [&](const Observation& o, Emit&) { testing::uneven_work(o.frame().sequence), record.add(o); };
  Rig rig(pool, 3, {{.name = "batch", .concurrency = Concurrency::kGlobal, .script = batch}});
  rig.run(1000);
  for (uint32_t s = 0; s < 3; ++s) EXPECT_EQ(record.of(s), counting(1000));
}

TEST(Stage, WhatEndOfStreamEmitsComesBeforeTheEnd) {
  WorkerPool pool(2);
  for (const Concurrency kind : {Concurrency::kPerStream, Concurrency::kGlobal}) {
    Record record;
    std::atomic<int> ends{0};
    Rig* at = nullptr;
    Script last;
    last.end = [&](const StreamInfo& stream, Emit& emit) {
      for (uint64_t n = 10; n < 15; ++n) emit(testing::make_observation(at->stream(stream.index), n));
    };
    Script sink = record.script();
    sink.end = [&](const StreamInfo& stream, Emit&) {
      EXPECT_EQ(record.of(stream.index), counting(15));
      ++ends;
    };
    Rig rig(pool, 2,
            {{.name = "last", .concurrency = kind, .script = last}, {.name = "sink", .script = sink, .inputs = {0}}});
    at = &rig;
    rig.run(10);
    EXPECT_EQ(ends, 2);
  }
}

TEST(Stage, AStatelessModuleSeesNoEndOfStreamAndStillPassesItOn) {
  WorkerPool pool(2);
  std::atomic<int> ends{0};
  Script none;
  none.end = [](const StreamInfo&, Emit&) { ADD_FAILURE(); };
  Script sink;
  sink.end = [&](const StreamInfo&, Emit&) { ++ends; };
  Rig rig(pool, 3,
          {{.name = "none", .concurrency = Concurrency::kStateless, .script = none},
           {.name = "sink", .script = sink, .inputs = {0}}});
  rig.run(5);
  EXPECT_EQ(ends, 3);
}

TEST(Stage, AGlobalModuleMayEmitForAnyStreamThatHasNotEnded) {
  WorkerPool pool(2);
  Record record;
  Rig* at = nullptr;
  Script mirror;  // whatever comes, on whichever stream, goes out on both
  mirror.process = [&](const Observation& observation, Emit& emit) {
    for (uint32_t s = 0; s < 2; ++s) emit(testing::make_observation(at->stream(s), observation.frame().sequence));
  };
  Rig rig(pool, 2,
          {{.name = "mirror", .concurrency = Concurrency::kGlobal, .script = mirror},
           {.name = "sink", .script = record.script(), .inputs = {0}}});
  at = &rig;
  for (uint64_t n = 0; n < 5; ++n) rig.put(0, n);
  record.wait_for(10);
  rig.end(1);
  while (rig[1].status().processed < 10) std::this_thread::yield();
  for (uint64_t n = 5; n < 8; ++n) rig.put(0, n);
  rig.end(0);
  rig.wait_done();
  EXPECT_EQ(record.of(0), counting(8));
  // Stream 1 may have ended for the module before 5, 6 and 7 came; whatever was emitted for it after its end is
  // counted.
  EXPECT_EQ(record.of(1).size() + Rig::dropped(rig[0].status(), "stream_ended"), 8u);
  rig.expect_balanced();
  rig.expect_all_places_free();
}

TEST(Stage, ManyForOneMayGoBeyondTheQueueAndIsNotLost) {
  WorkerPool pool(2);
  Script three;
  three.process = [](const Observation& observation, Emit& emit) {
    for (int i = 0; i < 3; ++i) emit(observation);
  };
  for (const Concurrency kind : {Concurrency::kStateless, Concurrency::kPerStream, Concurrency::kGlobal}) {
    Record all;
    Rig rig(pool, 2,
            {{.name = "three", .concurrency = kind, .script = three, .queue = {.capacity = 1}},
             {.name = "sink", .script = all.script(), .inputs = {0}, .queue = {.capacity = 1}}});
    rig.run(200);
    const auto seen = all.of(0);
    EXPECT_EQ(seen.size(), 600u);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  }
}

/// One stuck call of a stateless module must not let the others' results pile up without bound.
TEST(Stage, WorkDoneOutOfOrderIsBounded) {
  WorkerPool pool(2);
  Door door;
  Record record;
  std::atomic<int> done{0};
  Script script;
  script.process = [&](const Observation& observation, Emit& emit) {
    if (observation.frame().sequence == 0) door.pass();
    ++done;
    emit(observation);
  };
  const QueueOptions open{.capacity = 1000, .when_full = WhenFull::kDropOldest};
  Rig rig(pool, 1,
          {{.name = "stuck",
            .concurrency = Concurrency::kStateless,
            .script = script,
            .queue = {.capacity = 1000, .when_full = kBlock}},
           {.name = "sink", .script = record.script(), .inputs = {0}, .queue = open}});
  for (uint64_t n = 0; n < 200; ++n) rig.put(0, n);
  door.wait_for(1);
  while (done < 7) std::this_thread::yield();  // window of 4 a thread, one of them stuck
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  EXPECT_EQ(done, 7);
  EXPECT_EQ(record.size(), 0u);
  door.open();
  rig.end(0);
  rig.wait_done();
  EXPECT_EQ(record.of(0), counting(200));
}

TEST(Stage, AStatelessModuleRunsManyCallsOfOneStreamAtATimeButNotMoreThanAsked) {
  for (const size_t parallel : {1u, 2u, 3u}) {
    WorkerPool pool(4);
    Door door;
    std::atomic<size_t> inside{0}, most{0};
    Script script;
    script.process = [&](const Observation& observation, Emit& emit) {
      const size_t now = ++inside;
      for (size_t old = most; old < now && !most.compare_exchange_weak(old, now);) {
      }
      if (observation.frame().sequence < parallel) door.pass();
      --inside;
      emit(observation);
    };
    Record record;
    Rig rig(pool, 1,
            {{.name = "par", .concurrency = Concurrency::kStateless, .script = script, .parallel = parallel},
             {.name = "sink", .script = record.script(), .inputs = {0}}});
    rig.feed(50);
    door.wait_for(parallel);
    door.open();
    rig.wait_done();
    EXPECT_EQ(most, parallel);
    EXPECT_EQ(record.of(0), counting(50));
  }
}

TEST(Stage, AStartThatThrowsStopsThoseAlreadyStarted) {
  WorkerPool pool(1);
  int started = 0, stopped = 0;
  Script script;
  script.start = [&] {
    if (started == 2) throw Error(ErrorCode::kNotFound, "no such model");
    ++started;
  };
  script.stop = [&] { ++stopped; };
  EXPECT_THROW(Rig(pool, 4, {{.name = "fails", .script = script}}), Error);
  EXPECT_EQ(started, 2);
  EXPECT_EQ(stopped, 2);
}

}  // namespace
}  // namespace vedette::graph
