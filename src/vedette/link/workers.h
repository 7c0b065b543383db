#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace vedette::link {

/// A few threads for work that would hold up the connections: JPEG. Bounded by whoever posts: a channel has at most as
/// many tasks here as it has observations.
class Workers {
 public:
  explicit Workers(size_t threads);
  ~Workers() { stop(); }
  /// Dropped after stop().
  void post(std::function<void()> task);
  /// Waits for the tasks that run; forgets the others.
  void stop();

 private:
  void run(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopped_ = false;
  std::vector<std::jthread> threads_;
};

/// Tasks one at a time, in order, on whichever worker is free.
class Strand : public std::enable_shared_from_this<Strand> {
 public:
  explicit Strand(Workers& workers) : workers_(workers) {}
  void post(std::function<void()> task);
  /// Takes the turn of a task, to run right here, when nothing is under way or waits. If true, leave() must follow.
  bool try_enter();
  void leave();

 private:
  void drain();

  Workers& workers_;
  std::mutex mutex_;
  std::deque<std::function<void()>> tasks_;
  bool busy_ = false;
};

}  // namespace vedette::link
