#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <queue>
#include <thread>
#include <utility>
#include <vector>

#include "vedette/base/time.h"

namespace vedette::graph {

/// Something with work to do. A turn is short: it gives the thread back after a fraction of a millisecond or one heavy
/// call.
class Runnable {
 public:
  virtual ~Runnable() = default;
  virtual void turn() = 0;
};

/// A few threads that give turns to whatever is scheduled, first come first served. A turn scheduled `kNext` by a
/// worker runs on that same worker right after its present turn (the pixels are still in its cache, and nobody need be
/// woken); everything else goes to one shared list and wakes a sleeper. Each schedule() leads to exactly one turn().
class WorkerPool {
 public:
  enum class Where {
    kNext,      ///< on this worker if its one place is free, else anywhere
    kAnywhere,  ///< on the first worker that is free
  };

  /// threads = 0: as many as the process may use cores.
  explicit WorkerPool(size_t threads = 0);
  /// Gives a turn to everything still scheduled, then joins. Timed turns that are not due yet are dropped.
  ~WorkerPool();

  void schedule(Runnable& runnable, Where where = Where::kAnywhere);
  /// A turn not before `when`.
  void schedule_at(Runnable& runnable, MonotonicTime when);
  /// Takes out the timed turns of a runnable that is about to go; returns how many.
  size_t forget(const Runnable& runnable);
  size_t threads() const { return threads_.size(); }

  /// On a worker: whether another turn waits for this very thread.
  static bool next_is_waiting();

 private:
  using Timed = std::pair<MonotonicTime, Runnable*>;

  void work(size_t index);
  Runnable* take();
  void promote_due(MonotonicTime now);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Runnable*> ready_;
  std::vector<Timed> timed_;  // few; unsorted
  size_t sleeping_ = 0;
  size_t keeping_time_ = 0;  // of those sleeping: with a deadline
  size_t waking_ = 0;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace vedette::graph
