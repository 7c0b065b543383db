#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/link/shared_ring.h"

namespace vedette::link {

/// Waits for descriptors, for a time, or for something to be posted. Runs on the machine's own clock, on a thread of
/// its own or on one that lends itself: who waits for what comes in by this loop need not be woken by another thread.
///
///   own thread runs ──lend()──▶ guest runs ──its wish came true──▶ nobody, for kGrace ──▶ own thread runs
///          ▲                                                         │ something was posted, or a guest came second
///          └─────────────────────────────────────────────────────────┘
///
/// "The thread" below is whichever runs the loop at the time.
class IoLoop {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    /// Something came in, the other side hung up, or (while writes are watched) there is room to write. Edge-triggered:
    /// read and write until told to wait.
    virtual void on_ready() = 0;
  };

  /// `tick` is called on the thread when its time has come and returns when it wants to be called next.
  explicit IoLoop(std::function<MonotonicTime(MonotonicTime now)> tick);
  ~IoLoop();

  void start();
  /// Runs what was posted, then ends the thread. Not from the thread itself.
  void stop();

  /// Runs the loop on this thread until `done()`, the deadline or stop(). False at once when somebody else lends a
  /// thread or waits already: the caller then waits for whoever runs the loop, and says wait_is_over() afterwards.
  bool lend(const std::function<bool()>& done, MonotonicTime deadline);
  void wait_is_over();

  // From any thread; nothing happens after stop().
  void post(std::function<void()> task);
  /// tick() is called at `at` at the latest.
  void wake_by(MonotonicTime at);
  bool on_thread() const { return std::this_thread::get_id() == thread_id_.load(); }

  /// Whether room to write is waited for, too; it is after add(). Only while something is to be written: else a reader
  /// that frees room would wake this thread for nothing. `number` is what add() gave.
  void watch_writes(int fd, uint64_t number, bool watch);

  // On the thread, or before start().
  uint64_t add(int fd, std::shared_ptr<Handler> handler);
  void remove(int fd);

 private:
  void run(const std::stop_token& stop);
  void turn(MonotonicTime deadline);
  bool begin_own_turns(const std::stop_token& stop);
  void end_turns();
  void call_own_thread();
  void wake();
  bool run_posted();

  const std::function<MonotonicTime(MonotonicTime)> tick_;
  Descriptor epoll_, event_;
  struct Registered {
    int fd = -1;
    std::shared_ptr<Handler> handler;
  };
  std::map<uint64_t, Registered> registered_;  // by a number that is never used again, so that late events find nothing
  uint64_t last_number_ = 0;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  bool stopped_ = false;
  bool woken_ = false;  // the event was given and not yet taken
  std::atomic<int64_t> next_tick_ns_;  // on the monotonic clock
  std::atomic<std::thread::id> thread_id_{};

  std::mutex turns_mutex_;  // of who runs the loop
  std::condition_variable_any turns_;
  bool running_ = false;  // somebody does
  bool called_ = false;  // the own thread is to, without waiting for another guest
  size_t waiting_ = 0;  // threads that would have lent themselves
  MonotonicTime guest_left_{};
  std::atomic<bool> guest_{false};  // one runs the loop, or is about to
  std::atomic<bool> stopping_{false};
  std::jthread thread_;
};

}  // namespace vedette::link
