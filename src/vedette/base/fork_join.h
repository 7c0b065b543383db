#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace vedette {

/// Spreads the parts of one piece of work over a few threads of its own and the caller's. The threads start when there
/// is first something to spread.
class ForkJoin {
 public:
  /// `helpers` threads besides the caller's; `name` is theirs, as name_this_thread() takes it.
  ForkJoin(size_t helpers, std::string name) : helpers_(helpers), name_(std::move(name)) {}
  ForkJoin(const ForkJoin&) = delete;
  ForkJoin& operator=(const ForkJoin&) = delete;

  /// Calls work(0) … work(parts - 1), several at a time, and returns when all are through. Rethrows the first exception
  /// of one; parts that had not begun by then are left out. May be called from many threads at once: a caller works on
  /// its own parts, so it never waits for another's to begin.
  void run(size_t parts, const std::function<void(size_t part)>& work);

 private:
  struct Task;
  static bool take(Task& task, std::unique_lock<std::mutex>& lock);
  void help(const std::stop_token& stop);

  const size_t helpers_;
  const std::string name_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::shared_ptr<Task>> open_;  ///< guarded by mutex_, as all below; with parts that have not begun
  std::vector<std::jthread> threads_;       ///< last: they stop before the rest goes
};

}  // namespace vedette
