#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vedette/base/histogram.h"
#include "vedette/base/trace.h"
#include "vedette/graph/lane.h"
#include "vedette/graph/module.h"
#include "vedette/graph/parallelism.h"
#include "vedette/graph/registry.h"
#include "vedette/graph/status.h"
#include "vedette/graph/worker_pool.h"

namespace vedette::graph {

/// A module at work: its instances, its lanes (one a stream; they come and go while it runs) and its counters.
///
/// A stage is given turns by the pool. In a turn it takes observations for which every reader has room, calls the
/// module, and hands on what it emitted. A pool thread therefore never waits for a queue: a lane whose way is barred is
/// parked until the reader has taken something, and the bar travels back to the source that way.
///
/// Three files: lane.cc is the queueing, stage.cc the turns and what is taken in them, stage_call.cc the calling of the
/// module and the handing on.
class Stage final : public Runnable, public std::enable_shared_from_this<Stage> {
 public:
  struct Options {
    std::string key;
    std::string name;
    ModuleTraits traits;
    ModuleFactory factory;
    Parallel parallel;
    std::function<void()> on_lane_ended;  ///< called from pool threads, without locks held
    TraceBuffer* traces = nullptr;
  };

  static constexpr Duration kPatience = std::chrono::seconds(10);

  Stage(Options options, WorkerPool& pool, ModuleContext context);
  ~Stage() override;

  // Building: from one thread at a time, also while the stage runs.
  /// Makes the instance of a module that is not kPerStream and calls its start(). Throws what that throws.
  void start();
  /// Makes a lane. For a kPerStream module this makes and starts the lane's instance; throws what that throws.
  std::shared_ptr<Lane> add_stream(std::shared_ptr<const StreamInfo> stream, QueueOptions queue);
  /// Takes a lane out: at once what is still queued is forgotten (counted as dropped, "stopped"), then it waits for the
  /// call that runs. False when that has not returned within `limit`: the lane is still in, and nothing new is called
  /// for it; ask again. Not from a pool thread.
  [[nodiscard]] bool remove_stream(Lane& lane, Duration limit);

  /// Refuses new work and forgets what is queued (counted as dropped, "stopped"). Before stop() where several stages
  /// stop together, so that none works for the others any more.
  void abandon();
  /// Every lane is removed and every instance stopped; nothing is called any more. False when a call has not returned
  /// within `limit`: only abandon() is done then; ask again. Not from a pool thread.
  bool stop(Duration limit = kPatience);

  ModuleStatus status() const;
  const Options& options() const { return options_; }

  void turn() override;

 private:
  friend class Lane;
  struct Taken;
  struct Result;
  class Output;

  // Lanes (lane.cc), with the mutex held.
  void make_ready(Lane& lane);
  bool wants_turn();

  // Turns (stage.cc).
  bool take(std::vector<Taken>& batch, MonotonicTime time);
  void take_from(Lane& lane, std::vector<Taken>& batch);
  bool reserve_readers(Lane& lane, const Readers& readers);
  bool hold_for_batch(MonotonicTime time);
  void resize();
  void begin_instance(std::unique_ptr<Module>& slot, const std::shared_ptr<const StreamInfo>& stream);
  void stop_instance(std::unique_ptr<Module>& instance);

  // Calls (stage_call.cc).
  void run(std::vector<Taken>& batch, MonotonicTime taken_at);
  void call(std::vector<Taken>& batch, Output& output, MonotonicTime taken_at);
  void call_end(Lane& lane, Output& output);
  void trace(const Taken& taken, MonotonicTime taken_at, MonotonicTime done) const;
  void finish(std::vector<Taken>& batch, Output& output);
  void finish_alone(Lane& lane, const Result& result);
  void finish_in_order(Lane& lane, uint64_t ticket, const Result& result);
  void leave_in_order(Lane& lane, uint64_t ticket, std::shared_ptr<Inlet> reader);
  void see_off_departing();
  void release(Lane& lane, std::unique_lock<std::mutex> lock);
  void finish_others(std::span<Observation> observations);
  void hand_on(Lane& lane, const Result& result);
  void pass_end_on(Lane& lane);
  void record_failure(const StreamInfo& stream, uint64_t sequence, size_t lost);
  Module& instance_of(const Lane& lane) const { return shared_instance_ ? *shared_instance_ : *lane.instance_; }

  const Options options_;
  WorkerPool& pool_;
  const ModuleContext context_;
  std::unique_ptr<Module> shared_instance_;  // null for kPerStream: its lanes own theirs

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::vector<std::shared_ptr<Lane>> lanes_;
  std::deque<Lane*> ready_;
  BatchLimits batch_;
  size_t full_batch_ =
      1;   // as many observations as are worth waiting for: the largest batch, or what the queue can hold
  size_t most_turns_ = 1;   // that may run at the same time
  size_t scheduled_ = 0;    // turns the pool owes us, the timed one included
  size_t active_ = 0;       // turns running
  size_t queued_ = 0;       // observations in all lanes
  size_t ends_waiting_ = 0;  // lanes whose end has come and was not taken yet
  size_t departures_ = 0;    // readers that wait in lanes for the call that runs
  std::vector<std::shared_ptr<Inlet>> refunds_;  // places to give back once the lock is released
  std::optional<MonotonicTime> held_until_;  // a timed turn will come then to look at a batch that is not full yet
  bool calling_ = false;     // kGlobal: a call runs, which may emit into any lane
  bool abandoned_ = false;
  bool failing_ = false;  // the last call threw: its like are not logged again
  ParallelismMeter meter_;
  ModuleStatus counters_;
  Histogram wait_;
  Histogram execution_;
  Histogram latency_;
};

}  // namespace vedette::graph
