#include "vedette/net/connection_threads.h"

#include "vedette/base/thread.h"

namespace vedette::net {
namespace {

thread_local bool t_turning_away = false;

}  // namespace

bool ConnectionThreads::turning_away() { return t_turning_away; }

void ConnectionThreads::enqueue(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (busy_ + tasks_.size() < limit_) {
      tasks_.push_back(std::move(task));
      if (idle_ < tasks_.size()) threads_.emplace_back([this] { run(); });
      wake_.notify_one();
      return;
    }
  }
  t_turning_away = true;
  task();
  t_turning_away = false;
}

void ConnectionThreads::shutdown() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  threads_.clear();
}

void ConnectionThreads::run() {
  name_this_thread("http");
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
    --idle_;
    if (tasks_.empty()) return;
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    ++busy_;
    lock.unlock();
    task();
    lock.lock();
    --busy_;
  }
}

}  // namespace vedette::net
