// Whole flows under hostile settings: every size of queue and pool must give the same result.
#include <gmock/gmock.h>

#include <functional>
#include <random>

#include "vedette/graph/stage.h"
#include "vedette/graph/stage_rig.h"

namespace vedette::graph {
namespace {

using testing::counting;
using testing::Door;
using testing::Record;
using testing::Rig;
using testing::Script;
using testing::Spec;

struct Hostile {
  size_t threads;
  size_t queue;
  size_t batch;
};

void PrintTo(const Hostile& h, std::ostream* out) {
  *out << h.threads << " threads, queues of " << h.queue << ", batches of " << h.batch;
}

class StageFlow : public ::testing::TestWithParam<Hostile> {
 protected:
  QueueOptions queue() const { return {.capacity = GetParam().queue, .when_full = WhenFull::kBlock}; }
  WorkerPool pool_{GetParam().threads};
};

TEST_P(StageFlow, EachKindKeepsTheOrderOfEachStream) {
  for (const Concurrency kind : {Concurrency::kStateless, Concurrency::kPerStream, Concurrency::kGlobal}) {
    Record record;
    Script uneven;
    uneven.batch.largest = GetParam().batch;
    uneven.process = [](const Observation& observation, Emit& emit) {
      testing::uneven_work(observation.frame().sequence * 31 + observation.stream().index);
      emit(observation);
    };
    Rig rig(pool_, 5,
            {{.name = "uneven", .concurrency = kind, .script = uneven, .queue = queue()},
             {.name = "sink", .script = record.script(), .inputs = {0}, .queue = queue()}});
    rig.run(300);
    for (uint32_t s = 0; s < 5; ++s) EXPECT_EQ(record.of(s), counting(300));
  }
}

TEST_P(StageFlow, NoQueueHoldsMoreThanItsCapacityAndNothingIsLost) {
  constexpr size_t kStreams = 3;
  std::vector<Spec> specs;
  std::atomic<Rig*> at{nullptr};
  const std::array kinds{Concurrency::kStateless, Concurrency::kPerStream, Concurrency::kGlobal};
  for (size_t i = 0; i < 6; ++i) {
    Script script;
    script.batch.largest = GetParam().batch;
    script.process = [&at, i](const Observation& observation, Emit& emit) {
      testing::uneven_work(observation.frame().sequence + 1000 * i);
      Rig* const rig = at;
      EXPECT_TRUE(!rig || (*rig)[i].status().queue_depth <= kStreams * GetParam().queue);
      emit(observation);
    };
    specs.push_back({.name = "m" + std::to_string(i),
                     .concurrency = kinds[i % 3],
                     .script = script,
                     .inputs = i ? std::vector<size_t>{i - 1} : std::vector<size_t>{},
                     .queue = queue()});
  }
  Rig rig(pool_, kStreams, specs);
  at = &rig;
  rig.run(200);
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(rig[i].status().processed, kStreams * 200);
}

/// A whole DAG at random. Each module notes its number in what it passes on, so that every observation tells its path.
/// Along each path, each observation must come exactly as often as the modules on it multiply it, and in order.
TEST_P(StageFlow, EveryObservationReachesEveryReaderOnEveryPathExactlyOnceAndInOrder) {
  constexpr uint64_t kCount = 60;
  constexpr size_t kStreams = 3;
  for (unsigned seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const size_t stages = 2 + random() % 6;
    using Path = std::vector<int>;
    std::mutex mutex;
    std::map<std::tuple<size_t, uint32_t, Path>, std::vector<uint64_t>> seen;
    std::vector<std::function<int(uint64_t)>> copies(stages);
    std::vector<Spec> specs;
    for (size_t i = 0; i < stages; ++i) {
      const unsigned temper = random() % 6;
      copies[i] = [temper](uint64_t n) {
        return temper == 0 ? 3 * static_cast<int>(n % 2) : temper == 1 ? static_cast<int>(n % 2) : 1;
      };
      Spec spec{.name = "m" + std::to_string(i),
                .concurrency = static_cast<Concurrency>(random() % 3),
                .script = {},
                .inputs = {},
                .queue = queue()};
      for (size_t input = 0; input < i; ++input)
        if (random() % 3 == 0 && spec.inputs.size() < 3) spec.inputs.push_back(input);
      if (spec.inputs.empty() && i > 0 && random() % 3 != 0) spec.inputs.push_back(random() % i);
      if (temper > 1 && random() % 2)
        spec.script.batch = {.largest = GetParam().batch, .longest_wait = std::chrono::microseconds(random() % 2 * 50)};
      spec.script.process = [&, i, seed](const Observation& observation, Emit& emit) {
        const uint64_t n = observation.frame().sequence;
        testing::uneven_work(n * 7919 + i + seed);
        Path path;
        for (const auto& object : observation.objects()) path.push_back(object.class_id);
        {
          const std::lock_guard lock(mutex);
          seen[{i, observation.stream().index, path}].push_back(n);
        }
        std::vector<Object> tagged(observation.objects().begin(), observation.objects().end());
        tagged.emplace_back().class_id = static_cast<int>(i);
        const Observation out = observation.with_objects(std::move(tagged));
        for (int c = 0; c < copies[i](n); ++c) emit(out);
        if (copies[i](n) == 0) emit.drop("odd");
      };
      specs.push_back(std::move(spec));
    }
    {
      Rig rig(pool_, kStreams, specs);
      rig.run(kCount);
    }
    std::map<std::tuple<size_t, uint32_t, Path>, std::vector<uint64_t>> expected;
    const std::function<void(size_t, Path, const std::vector<uint64_t>&)> follow =
        [&](size_t i, Path path, const std::vector<uint64_t>& numbers) {
          if (numbers.empty()) return;
          for (uint32_t s = 0; s < kStreams; ++s) expected[{i, s, path}] = numbers;
          path.push_back(static_cast<int>(i));
          std::vector<uint64_t> out;
          for (const uint64_t n : numbers) out.insert(out.end(), static_cast<size_t>(copies[i](n)), n);
          for (size_t reader = 0; reader < stages; ++reader)
            if (std::count(specs[reader].inputs.begin(), specs[reader].inputs.end(), i)) follow(reader, path, out);
        };
    for (size_t i = 0; i < stages; ++i)
      if (specs[i].inputs.empty()) follow(i, {}, counting(kCount));
    // A stateless module's own calls run side by side, so only what it hands on is in order.
    for (auto& [key, numbers] : seen)
      if (specs[std::get<0>(key)].concurrency == Concurrency::kStateless) std::sort(numbers.begin(), numbers.end());
    EXPECT_EQ(seen, expected);
  }
}

TEST_P(StageFlow, ManyStreamsThroughManyApplicationsOnOnePool) {
  std::vector<std::unique_ptr<Record>> records;
  std::vector<std::unique_ptr<Rig>> rigs;
  for (size_t a = 0; a < 6; ++a) {
    records.push_back(std::make_unique<Record>());
    rigs.push_back(std::make_unique<Rig>(
        pool_, 8,
        std::vector<Spec>{{.name = "one", .queue = queue()},
                          {.name = "two", .concurrency = Concurrency::kStateless, .inputs = {0}, .queue = queue()},
                          {.name = "sink",
                           .concurrency = Concurrency::kGlobal,
                           .script = records.back()->script(),
                           .inputs = {1},
                           .queue = queue()}}));
  }
  for (auto& rig : rigs) rig->feed(50);
  for (auto& rig : rigs) {
    rig->wait_done();
    rig->expect_balanced();
    rig->expect_all_places_free();
  }
  for (const auto& record : records)
    for (uint32_t s = 0; s < 8; ++s) EXPECT_EQ(record->of(s), counting(50));
}

/// Stopped in the midst of things, with every queue full: everything joins, and the counters add up.
TEST_P(StageFlow, AStopInTheMidstOfThingsJoinsAndCounts) {
  for (uint64_t after = 0; after < 40; after += 3) {
    Record record;
    const auto kind = static_cast<Concurrency>(after % 3);
    Script script;
    script.batch = {.largest = GetParam().batch, .longest_wait = std::chrono::microseconds(after % 2 * 30)};
    script.process = [](const Observation& observation, Emit& emit) {
      testing::uneven_work(observation.frame().sequence);
      emit(observation);
    };
    Rig rig(pool_, 4,
            {{.name = "a", .concurrency = kind, .script = script, .queue = queue()},
             {.name = "b", .script = script, .inputs = {0}, .queue = queue()},
             {.name = "c", .concurrency = kind, .script = script, .inputs = {0}, .queue = queue()},
             {.name = "sink", .script = record.script(), .inputs = {1, 2}, .queue = queue()}});
    rig.feed(100000);
    record.wait_for(after);
    rig.stop();
    rig.expect_balanced();
    for (uint32_t s = 0; s < 4; ++s) EXPECT_LT(record.of(s).size(), 200000u);
  }
}

TEST_P(StageFlow, AStopWaitsForTheCallThatRunsAndForNoMore) {
  Door door;
  std::atomic<int> calls{0};
  Script slow;
  slow.process = [&](const Observation&, Emit&) { ++calls, door.pass(); };
  Rig rig(pool_, 1,
          {{.name = "a", .queue = queue()}, {.name = "slow", .script = slow, .inputs = {0}, .queue = queue()}});
  rig.feed(1000);
  door.wait_for(1);
  rig.lane(1, 0)->put(testing::make_observation(rig.stream(0), 5000), false);  // so that there is something to drop
  std::jthread stopper([&] { rig.stop(); });
  while (Rig::dropped(rig[1].status(), "stopped") == 0) std::this_thread::yield();
  door.open();
  stopper.join();
  EXPECT_EQ(calls, 1);
  rig.expect_balanced();
}

INSTANTIATE_TEST_SUITE_P(Hostile, StageFlow,
                         ::testing::Values(Hostile{1, 1, 1}, Hostile{1, 4, 3}, Hostile{2, 1, 4}, Hostile{2, 4, 1},
                                           Hostile{8, 1, 1}, Hostile{8, 4, 8}));

}  // namespace
}  // namespace vedette::graph
