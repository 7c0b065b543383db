#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vedette/base/histogram.h"
#include "vedette/graph/bounded_queue.h"
#include "vedette/graph/module.h"
#include "vedette/graph/registry.h"
#include "vedette/graph/resequencer.h"
#include "vedette/graph/status.h"
#include "vedette/graph/worker_pool.h"

namespace vedette::graph {

/// Whoever puts observations into a stage and may have to wait for room there: another stage, or a source's feed.
class Upstream {
 public:
  virtual ~Upstream() = default;
  /// A lane that was found full has room again. Called from any thread, without locks held.
  virtual void room(uint32_t stream) = 0;
};

/// A module at work: its queue (one lane a stream), its instances and its counters.
///
/// A stage is given turns by the pool. In a turn it takes observations for which every stage downstream has room, calls
/// the module, and hands on what it emitted. A pool thread therefore never waits for a queue: a stage whose way is
/// barred is parked until the stage downstream has taken something, and the bar travels back to the source that way.
///
///   lane:  idle ──put──▶ ready ──taken──▶ busy (kPerStream) ──▶ idle | ready
///                          │  ▲
///             no room below▼  │room()
///                        parked
class Stage final : public Runnable, public Upstream {
 public:
  struct Options {
    std::string name;
    ModuleTraits traits;
    ModuleFactory factory;
    size_t parallel = 0;  ///< kStateless: calls at the same time; 0: as many as the pool has threads
  };

  Stage(Options options, WorkerPool& pool, ModuleContext context);
  ~Stage() override;

  // Building, before anything runs.
  void add_downstream(Stage& stage);
  /// Called after each successful call for an observation of a stage with nothing downstream.
  void on_delivered(std::function<void(const Observation&)> delivered) { delivered_ = std::move(delivered); }
  /// Called once a stream when its end has passed through.
  void on_stream_done(std::function<void()> done) { stream_done_ = std::move(done); }
  /// Makes a lane for a stream, after all add_downstream() calls. Streams are numbered 0, 1, 2, … (StreamInfo::index).
  void add_stream(std::shared_ptr<const StreamInfo> stream, QueueOptions queue);
  /// Says that a stream's source itself, too, puts its frames into this stage.
  void add_feed(uint32_t stream, Upstream& feed);
  /// Makes the instances and calls start() on each. Throws what the module throws, after stopping those already
  /// started.
  void start();

  // Running, from any thread.
  /// Reserves one place in the stream's lane. False when it is full and kBlock: every upstream will get room(). Lanes
  /// of the other policies always have room.
  bool reserve(uint32_t stream);
  void give_back(uint32_t stream);
  /// Puts an observation; `reserved` says that reserve() was called for it.
  void put(Observation observation, bool reserved);
  /// One of the upstreams will send no more of this stream.
  void put_end(uint32_t stream);
  ModuleStatus status() const;

  // Stopping.
  /// Refuses new work and forgets what is queued (counted as dropped, "stopped").
  void abandon();
  /// Waits until no turn is scheduled or running. Not from a pool thread.
  void wait_idle();
  /// Calls stop() on every instance still there. After wait_idle().
  void stop();

  void turn() override;
  void room(uint32_t stream) override;

 private:
  struct Item;
  struct Lane;
  struct Taken;
  struct Result;
  struct KeptResult;
  class Output;

  bool take(std::vector<Taken>& batch, MonotonicTime time);
  void take_from(Lane& lane, std::vector<Taken>& batch);
  bool reserve_downstream(Lane& lane);
  bool hold_for_batch(MonotonicTime time);
  void run(std::vector<Taken>& batch, MonotonicTime taken_at);
  void call(std::vector<Taken>& batch, Output& output, MonotonicTime taken_at);
  void call_end(Lane& lane, Output& output);
  void finish(std::vector<Taken>& batch, Output& output);
  void finish_alone(Lane& lane, const Result& result);
  void finish_in_order(Lane& lane, uint64_t ticket, const Result& result);
  void finish_others(std::span<Observation> observations);
  void hand_on(Lane& lane, const Result& result);
  void pass_end_on(Lane& lane);
  void make_ready(Lane& lane);
  bool wants_turn() const;
  void record_failure(const StreamInfo& stream, uint64_t sequence, size_t lost);
  Module& instance_of(const Lane& lane) const;
  void stop_instance(std::unique_ptr<Module>& instance);

  const Options options_;
  WorkerPool& pool_;
  const ModuleContext context_;
  std::vector<Stage*> downstream_;
  std::vector<Stage*> upstream_;
  std::function<void(const Observation&)> delivered_;
  std::function<void()> stream_done_;
  std::unique_ptr<Module> shared_instance_;  // null for kPerStream: its lanes own theirs
  BatchLimits batch_;
  size_t full_batch_ =
      1;  // as many observations as are worth waiting for: the largest batch, or what the queue can hold
  size_t most_turns_ = 1;  // that may run at the same time

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::deque<Lane> lanes_;
  std::deque<Lane*> ready_;
  size_t scheduled_ = 0;  // turns the pool owes us, the timed one included
  size_t active_ = 0;     // turns running
  size_t queued_ = 0;     // observations in all lanes
  size_t ends_waiting_ = 0;  // lanes whose end has come and was not taken yet
  std::vector<std::pair<Stage*, uint32_t>> refunds_;  // places downstream to give back once the lock is released
  std::optional<MonotonicTime> held_until_;  // a timed turn will come then to look at a batch that is not full yet
  bool abandoned_ = false;
  bool failing_ = false;  // the last call threw: its like are not logged again
  ModuleStatus counters_;
  Histogram wait_;
  Histogram execution_;
};

}  // namespace vedette::graph
