// What a hop between two modules costs: queue in, schedule, queue out. Two promises, checked in the same run:
//
//   load   CPU time of the whole process per observation and hop, through a chain of pass-through modules: at most 2 µs
//   wake   from putting an observation into an idle stage to its process(), against a bare hand-over between two
//   threads by a
//          mutex and a condition variable: at most 1.2 ×
//
// The rounds of both sides of a comparison alternate, so that noise hits both; the figures are medians over the rounds.
//
//   hop [--json FILE] [--rounds N]        exit status 1 when a promise is broken
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "vedette/graph/stage.h"

namespace vedette::graph {
namespace {

constexpr double kMostMicrosecondsPerHop = 2.0;
constexpr double kMostWakeRatio = 1.2;
constexpr size_t kHops = 8;
constexpr uint64_t kObservations = 20000;
constexpr size_t kWakes = 400;

class PassOn final : public Module {
 public:
  void process(const Observation& observation, Emit& emit) override { emit(observation); }
};

/// Tells when it was called.
class Bell final : public Module {
 public:
  explicit Bell(std::function<void()> ring) : ring_(std::move(ring)) {}
  void process(const Observation&, Emit&) override { ring_(); }

 private:
  std::function<void()> ring_;
};

std::shared_ptr<Stage> make_stage(WorkerPool& pool, ModuleFactory factory, std::function<void()> ended) {
  ModuleTraits traits;
  traits.type = "hop";
  Stage::Options options;
  options.name = "hop";
  options.traits = std::move(traits);
  options.factory = std::move(factory);
  options.on_lane_ended = std::move(ended);
  return std::make_shared<Stage>(std::move(options), pool, ModuleContext{});
}

/// The test's own side of a stage: waits for room as a source's thread does.
class Feed final : public Outlet {
 public:
  void change_readers(const Readers& add, const Readers&) override { reader_ = add.front(); }
  void room() override {
    {
      const std::lock_guard lock(mutex_);
      ++rooms_;
    }
    changed_.notify_one();
  }
  void put(Observation observation) {
    std::unique_lock lock(mutex_);
    for (;;) {
      const uint64_t seen = rooms_;
      lock.unlock();
      if (reader_->reserve()) break;
      lock.lock();
      changed_.wait(lock, [&] { return rooms_ != seen; });
    }
    reader_->put(std::move(observation), true);
  }
  void end() { reader_->end(*this, Ending::kStreamOver); }

 private:
  std::shared_ptr<Inlet> reader_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t rooms_ = 0;
};

double process_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Observation make_observation(const std::shared_ptr<const StreamInfo>& stream) {
  Frame frame;
  frame.stream = stream;
  return Observation(std::make_shared<const Frame>(std::move(frame)));
}

struct Load {
  double cpu_us_per_hop;
  double observations_per_second;
};

Load load_round(size_t threads) {
  WorkerPool pool(threads);
  const auto stream = std::make_shared<const StreamInfo>();
  std::mutex mutex;
  std::condition_variable changed;
  size_t ended = 0;
  const auto note_end = [&] {
    const std::lock_guard lock(mutex);
    ++ended;
    changed.notify_all();
  };
  const auto feed = std::make_shared<Feed>();
  std::vector<std::shared_ptr<Stage>> stages;
  std::shared_ptr<Outlet> before = feed;
  for (size_t i = 0; i < kHops; ++i) {
    stages.push_back(make_stage(pool, [] { return std::make_unique<PassOn>(); }, note_end));
    stages.back()->start();
    const auto lane = stages.back()->add_stream(stream, QueueOptions{});
    connect(before, lane);
    before = lane;
  }
  const Observation observation = make_observation(stream);

  const double cpu = process_cpu_seconds();
  const MonotonicTime began = Clock::system().monotonic();
  for (uint64_t n = 0; n < kObservations; ++n) feed->put(observation);
  feed->end();
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ended == kHops; });
  }
  const double seconds = to_seconds(Clock::system().monotonic() - began);
  const double used = process_cpu_seconds() - cpu;
  for (auto& stage : stages) stage->stop();
  return {used * 1e6 / (static_cast<double>(kObservations) * kHops), static_cast<double>(kObservations) / seconds};
}

/// Both sides tell the one who waits here in the same way, so that only the way there differs.
class Answer {
 public:
  void give() {
    at_ = Clock::system().monotonic();
    const std::lock_guard lock(mutex_);
    ++given_;
    changed_.notify_one();
  }
  MonotonicTime await(uint64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return given_ >= count; });
    return at_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t given_ = 0;
  MonotonicTime at_{};
};

/// Lets the other thread fall asleep again before it is woken.
void settle() { std::this_thread::sleep_for(std::chrono::microseconds(200)); }

/// Binds the calling thread, and threads it makes from now on, to one core. Both sides of the comparison wake a thread
/// on the other core: left alone, the system moves the woken thread to and fro, and the ratio measures that.
void bind_to_core(unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core % std::max(1u, static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN))), &set);
  sched_setaffinity(0, sizeof set, &set);
}

double stage_wake_round() {
  bind_to_core(1);
  WorkerPool pool(1);
  bind_to_core(0);
  const auto stream = std::make_shared<const StreamInfo>();
  Answer answer;
  auto stage = make_stage(pool, [&] { return std::make_unique<Bell>([&] { answer.give(); }); }, [] {});
  const auto feed = std::make_shared<Feed>();
  stage->start();
  connect(feed, stage->add_stream(stream, QueueOptions{}));
  const Observation observation = make_observation(stream);
  std::vector<double> us;
  for (size_t n = 1; n <= kWakes; ++n) {
    settle();
    const MonotonicTime put = Clock::system().monotonic();
    feed->put(observation);
    us.push_back(to_seconds(answer.await(n) - put) * 1e6);
  }
  stage->stop();
  return median(us);
}

double bare_wake_round() {
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t put_count = 0;
  Answer answer;
  std::jthread other([&] {
    bind_to_core(1);
    for (uint64_t taken = 0; taken < kWakes; ++taken) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return put_count > taken; });
      }
      answer.give();
    }
  });
  std::vector<double> us;
  for (size_t n = 1; n <= kWakes; ++n) {
    settle();
    const MonotonicTime put = Clock::system().monotonic();
    {
      const std::lock_guard lock(mutex);
      ++put_count;
    }
    changed.notify_one();
    us.push_back(to_seconds(answer.await(n) - put) * 1e6);
  }
  return median(us);
}

int main(int count, char** arguments) {
  std::string json;
  int rounds = 15;
  for (int i = 1; i + 1 < count; i += 2) {
    if (std::string_view(arguments[i]) == "--json") json = arguments[i + 1];
    if (std::string_view(arguments[i]) == "--rounds") rounds = std::max(1, std::atoi(arguments[i + 1]));
  }
  std::vector<double> one, two, rate, wake, bare, ratio;
  for (int round = 0; round < rounds; ++round) {
    const Load on_one = load_round(1);
    const Load on_two = load_round(2);
    one.push_back(on_one.cpu_us_per_hop);
    two.push_back(on_two.cpu_us_per_hop);
    rate.push_back(on_two.observations_per_second);
    cpu_set_t all;
    sched_getaffinity(0, sizeof all, &all);
    wake.push_back(stage_wake_round());
    bare.push_back(bare_wake_round());
    sched_setaffinity(0, sizeof all, &all);
    ratio.push_back(wake.back() / bare.back());
  }
  const double worst_load = std::max(median(one), median(two));
  const bool load_kept = worst_load <= kMostMicrosecondsPerHop;
  const bool wake_kept = median(ratio) <= kMostWakeRatio;
  fmt::print("CPU per observation and hop, 1 worker    {:8.2f} µs   promise ≤ {} µs\n", median(one),
             kMostMicrosecondsPerHop);
  fmt::print("CPU per observation and hop, 2 workers   {:8.2f} µs   promise ≤ {} µs\n", median(two),
             kMostMicrosecondsPerHop);
  fmt::print("observations a second through {} modules  {:8.0f}\n", kHops, median(rate));
  fmt::print("waking an idle stage                     {:8.2f} µs\n", median(wake));
  fmt::print("bare condition-variable hand-over        {:8.2f} µs\n", median(bare));
  fmt::print("ratio                                    {:8.2f}      promise ≤ {}\n", median(ratio), kMostWakeRatio);
  fmt::print("{}\n", load_kept && wake_kept ? "both promises kept" : "A PROMISE IS BROKEN");
  if (!json.empty()) {
    std::ofstream(json) << fmt::format(
        R"({{"benchmark": "hop", "hops": {}, "rounds": {}, "cpu_us_per_hop_1_worker": {:.4f}, "cpu_us_per_hop_2_workers": {:.4f}, )"
        R"("observations_per_second": {:.1f}, "wake_us": {:.4f}, "bare_wake_us": {:.4f}, "wake_ratio": {:.4f}, "kept": {}}})"
        "\n",
        kHops, rounds, median(one), median(two), median(rate), median(wake), median(bare), median(ratio),
        load_kept && wake_kept);
  }
  return load_kept && wake_kept ? 0 : 1;
}

}  // namespace
}  // namespace vedette::graph

int main(int count, char** arguments) { return vedette::graph::main(count, arguments); }
