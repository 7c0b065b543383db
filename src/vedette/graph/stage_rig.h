#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "vedette/graph/stage.h"

/// For the tests of this folder: modules made of lambdas, and stages wired to feeds that are the test itself.
namespace vedette::graph::testing {

/// A module as a test writes it down. What is empty does nothing, but `process`, which passes on.
struct Script {
  std::function<void()> start;
  std::function<void(const Observation&, Emit&)> process;
  std::function<void(std::span<const Observation>, Emit&)> process_batch;
  std::function<void(const StreamInfo&, Emit&)> end;
  std::function<void()> stop;
  BatchLimits batch;
};

/// Plays a script and holds the executor to the specification in module.h: the order of the calls and which may
/// overlap.
class ScriptedModule final : public Module {
 public:
  ScriptedModule(Script script, Concurrency concurrency) : script_(std::move(script)), concurrency_(concurrency) {}
  ~ScriptedModule() override { EXPECT_EQ(started_, stopped_); }

  void start(const ModuleContext& context) override {
    EXPECT_FALSE(started_);
    EXPECT_EQ(context.stream != nullptr, concurrency_ == Concurrency::kPerStream);
    stream_ = context.stream;
    if (script_.start) script_.start();
    started_ = true;
  }
  void process(const Observation& observation, Emit& emit) override {
    const Call call(*this, concurrency_ != Concurrency::kStateless);
    EXPECT_TRUE(!stream_ || observation.stream().index == stream_->index);
    EXPECT_TRUE(concurrency_ == Concurrency::kStateless || !ended_.contains(observation.stream().index));
    script_.process ? script_.process(observation, emit) : emit(observation);
  }
  void process_batch(std::span<const Observation> observations, Emit& emit) override {
    if (!script_.process_batch) return Module::process_batch(observations, emit);
    const Call call(*this, concurrency_ != Concurrency::kStateless);
    script_.process_batch(observations, emit);
  }
  BatchLimits batch() const override { return script_.batch; }
  void end_of_stream(const StreamInfo& stream, Emit& emit) override {
    const Call call(*this, true);
    EXPECT_TRUE(ended_.insert(stream.index).second);
    if (script_.end) script_.end(stream, emit);
  }
  void stop() override {
    const Call call(*this, true);
    stopped_ = true;
    if (script_.stop) script_.stop();
  }

 private:
  /// That a call runs, and whether it must be the only one.
  struct Call {
    Call(ScriptedModule& m, bool alone) : module(m) {
      EXPECT_TRUE(module.started_ && !module.stopped_);
      const int others = module.calls_.fetch_add(1);
      EXPECT_TRUE(!alone || others == 0);
    }
    ~Call() { --module.calls_; }
    ScriptedModule& module;
  };

  const Script script_;
  const Concurrency concurrency_;
  std::shared_ptr<const StreamInfo> stream_;
  std::atomic<int> calls_{0};
  bool started_ = false;
  bool stopped_ = false;
  std::set<uint32_t> ended_;
};

inline Observation make_observation(std::shared_ptr<const StreamInfo> stream, uint64_t sequence) {
  Frame frame;
  frame.stream = std::move(stream);
  frame.sequence = sequence;
  frame.arrival = Clock::system().monotonic();
  return Observation(std::make_shared<const Frame>(std::move(frame)));
}

/// What came to a module: sequence numbers by stream, in the order of the calls.
class Record {
 public:
  void add(const Observation& observation) {
    const std::lock_guard lock(mutex_);
    seen_[observation.stream().index].push_back(observation.frame().sequence);
    changed_.notify_all();
  }
  std::vector<uint64_t> of(uint32_t stream) const {
    const std::lock_guard lock(mutex_);
    const auto found = seen_.find(stream);
    return found == seen_.end() ? std::vector<uint64_t>() : found->second;
  }
  size_t size() const {
    const std::lock_guard lock(mutex_);
    return total();
  }
  void wait_for(size_t count) const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return total() >= count; });
  }
  Script script() {
    Script script;
    script.process = [this](const Observation& observation, Emit&) { add(observation); };
    return script;
  }

 private:
  size_t total() const {
    size_t sum = 0;
    for (const auto& [stream, list] : seen_) sum += list.size();
    return sum;
  }
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<uint32_t, std::vector<uint64_t>> seen_;
};

inline std::vector<uint64_t> counting(uint64_t count) {
  std::vector<uint64_t> list;
  for (uint64_t i = 0; i < count; ++i) list.push_back(i);
  return list;
}

/// A door that a module's process() can be made to wait at.
class Door {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  /// Until so many have come to the door.
  void wait_for(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  size_t waiting_ = 0;
};

struct Spec {
  std::string name;
  Concurrency concurrency = Concurrency::kPerStream;
  Script script = {};
  std::vector<size_t> inputs = {};  ///< of earlier stages; empty: the feeds
  QueueOptions queue = {};
  size_t parallel = 0;
};

/// Stages on a pool, fed by the test.
class Rig {
 public:
  Rig(WorkerPool& pool, size_t streams, std::vector<Spec> specs) : specs_(std::move(specs)) {
    for (uint32_t s = 0; s < streams; ++s) {
      auto info = std::make_shared<StreamInfo>();
      info->name = "stream-" + std::to_string(s);
      info->index = s;
      feeds_.push_back(std::make_shared<Feed>(info));
    }
    for (auto& spec : specs_) {
      ModuleTraits traits;
      traits.type = spec.name;
      traits.concurrency = spec.concurrency;
      ModuleContext context;
      context.application = "test";
      context.module = spec.name;
      Stage::Options options{
          .key = spec.name,
          .name = spec.name,
          .traits = traits,
          .factory = [script = spec.script,
                      concurrency = spec.concurrency] { return std::make_unique<ScriptedModule>(script, concurrency); },
          .parallel = {.calls = spec.parallel},
          .on_lane_ended =
              [this] {
                const std::lock_guard lock(mutex_);
                --ends_missing_;
                changed_.notify_all();
              }};
      stages_.push_back(std::make_shared<Stage>(std::move(options), pool, context));
    }
    ends_missing_ = static_cast<int64_t>(streams * specs_.size());
    for (size_t i = 0; i < specs_.size(); ++i) {
      try {
        stages_[i]->start();
        for (const auto& feed : feeds_) lanes_[i].push_back(stages_[i]->add_stream(feed->stream, specs_[i].queue));
      } catch (...) {
        stop();
        throw;
      }
    }
    for (size_t i = 0; i < specs_.size(); ++i) {
      for (uint32_t s = 0; s < streams; ++s) {
        for (const size_t input : specs_[i].inputs) connect(lanes_[input][s], lanes_[i][s]);
        if (specs_[i].inputs.empty()) connect(feeds_[s], lanes_[i][s]);
      }
    }
  }
  ~Rig() { stop(); }

  Stage& operator[](size_t i) { return *stages_[i]; }
  const std::shared_ptr<Lane>& lane(size_t i, uint32_t s) const { return lanes_.at(i)[s]; }
  Outlet& feed_of(uint32_t s) { return *feeds_[s]; }
  const std::shared_ptr<const StreamInfo>& stream(uint32_t s) const { return feeds_[s]->stream; }

  /// Puts an observation into every lane that reads from the feed; waits for room. False when the rig was stopped.
  bool put(uint32_t s, uint64_t sequence) {
    const Observation observation = make_observation(stream(s), sequence);
    for (const auto& reader : feeds_[s]->readers()) {
      if (feeds_[s]->wait_for_room(*reader)) reader->put(observation, true);
    }
    return !feeds_[s]->is_stopped();
  }
  void end(uint32_t s) {
    for (const auto& reader : feeds_[s]->readers()) reader->end(*feeds_[s], Ending::kStreamOver);
  }
  /// Puts 0, 1, … count-1 into every stream, from a thread each, then the ends.
  void feed(uint64_t count) {
    for (uint32_t s = 0; s < feeds_.size(); ++s) {
      threads_.emplace_back([this, s, count] {
        for (uint64_t n = 0; n < count; ++n)
          if (!put(s, n)) return;
        end(s);
      });
    }
  }
  /// Until every end has passed through every stage.
  void wait_done() {
    threads_.clear();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ends_missing_ == 0; });
  }
  void run(uint64_t count) {
    feed(count);
    wait_done();
    expect_balanced();
    expect_all_places_free();
  }
  void stop() {
    for (const auto& feed : feeds_) feed->stop();
    for (const auto& stage : stages_) stage->abandon();
    for (const auto& stage : stages_) stage->stop();
    threads_.clear();
  }

  /// received = processed + what the executor dropped, with nothing left in the queues. Once the rig rests.
  void expect_balanced() {
    for (auto& stage : stages_) {
      const ModuleStatus status = stage->status();
      uint64_t gone = status.processed + status.queue_depth;
      for (const char* reason : {"queue_full", "superseded", "stopped", "error"})
        if (const auto found = status.dropped.find(reason); found != status.dropped.end()) gone += found->second;
      EXPECT_EQ(status.received, gone) << status.name;
      EXPECT_EQ(status.queue_depth, 0u) << status.name;
      EXPECT_EQ(status.wait.count, status.received - dropped(status, "queue_full") - dropped(status, "superseded") -
                                       dropped(status, "stopped"))
          << status.name;
    }
  }
  static uint64_t dropped(const ModuleStatus& status, const std::string& reason) {
    const auto found = status.dropped.find(reason);
    return found == status.dropped.end() ? 0 : found->second;
  }
  /// Every reserved place was used or given back. Takes all the places, so nothing can run afterwards.
  void expect_all_places_free() {
    for (size_t i = 0; i < stages_.size(); ++i) {
      if (specs_[i].queue.when_full != WhenFull::kBlock) continue;
      for (uint32_t s = 0; s < feeds_.size(); ++s) {
        size_t free = 0;
        while (free <= specs_[i].queue.capacity && lanes_[i][s]->reserve()) ++free;
        EXPECT_EQ(free, specs_[i].queue.capacity) << specs_[i].name << " stream " << s;
      }
    }
  }

 private:
  struct Feed final : Outlet {
    explicit Feed(std::shared_ptr<const StreamInfo> info) : stream(std::move(info)) {}
    void change_readers(const Readers& add, const Readers& remove) override {
      {
        const std::lock_guard lock(mutex);
        for (const auto& reader : add) list.add(reader);
        for (const auto& reader : remove) list.remove(*reader);
        ++rooms;
        changed.notify_all();
      }
      for (const auto& reader : remove) reader->end(*this, Ending::kParted);
    }
    void room() override {
      const std::lock_guard lock(mutex);
      ++rooms;
      changed.notify_all();
    }
    Readers readers() {
      const std::lock_guard lock(mutex);
      return *list.now();
    }
    void stop() {
      const std::lock_guard lock(mutex);
      stopped = true;
      changed.notify_all();
    }
    bool is_stopped() {
      const std::lock_guard lock(mutex);
      return stopped;
    }
    /// False when the rig was stopped meanwhile, or the reader removed.
    bool wait_for_room(Inlet& reader) {
      for (;;) {
        uint64_t seen = 0;
        {
          const std::lock_guard lock(mutex);
          seen = rooms;
        }
        if (reader.reserve()) return true;
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return rooms != seen || stopped; });
        const auto now = list.now();
        if (stopped || std::none_of(now->begin(), now->end(), [&](const auto& r) { return r.get() == &reader; }))
          return false;
      }
    }
    const std::shared_ptr<const StreamInfo> stream;
    std::mutex mutex;
    std::condition_variable changed;
    ReaderList list;
    uint64_t rooms = 0;
    bool stopped = false;
  };

  const std::vector<Spec> specs_;
  std::vector<std::shared_ptr<Stage>> stages_;
  std::map<size_t, std::vector<std::shared_ptr<Lane>>> lanes_;
  std::vector<std::shared_ptr<Feed>> feeds_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t ends_missing_ = 0;
  std::vector<std::jthread> threads_;
};

/// Work of a length that depends on `seed` only, up to some microseconds, at times giving the processor away.
inline void uneven_work(uint64_t seed) {
  uint64_t x = (seed + 1) * 0x9E3779B97F4A7C15u;
  x ^= x >> 29;
  if (x % 7 == 0) std::this_thread::yield();
  volatile uint64_t sink = 0;
  for (uint64_t i = 0; i < x % 2000; ++i) sink = sink + i;
}

}  // namespace vedette::graph::testing
