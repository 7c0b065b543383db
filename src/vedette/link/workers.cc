#include "vedette/link/workers.h"

#include <utility>

#include "vedette/base/thread.h"

namespace vedette::link {

Workers::Workers(size_t threads) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
}

void Workers::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void Workers::stop() {
  std::deque<std::function<void()>> forgotten;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    forgotten.swap(tasks_);
  }
  for (auto& thread : threads_) thread.request_stop();
  changed_.notify_all();
  threads_.clear();
}

void Workers::run(const std::stop_token& stop) {
  name_this_thread("link-codec");
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return !tasks_.empty(); })) {
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

void Strand::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    if (std::exchange(busy_, true)) return;
  }
  workers_.post([self = shared_from_this()] { self->drain(); });
}

bool Strand::try_enter() {
  const std::lock_guard lock(mutex_);
  return !std::exchange(busy_, true);
}

void Strand::leave() {
  {
    const std::lock_guard lock(mutex_);
    if (tasks_.empty()) {
      busy_ = false;
      return;
    }
  }
  workers_.post([self = shared_from_this()] { self->drain(); });
}

void Strand::drain() {
  for (;;) {
    std::function<void()> task;
    {
      const std::lock_guard lock(mutex_);
      if (tasks_.empty()) {
        busy_ = false;
        return;
      }
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace vedette::link
