#include "vedette/graph/worker_pool.h"

#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/base/thread.h"

namespace vedette::graph {
namespace {

/// The worker that runs on this thread.
struct Worker {
  const WorkerPool* pool = nullptr;
  Runnable* next = nullptr;
};
thread_local Worker this_worker;

}  // namespace

WorkerPool::WorkerPool(size_t threads) {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  threads_.reserve(threads);
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { work(i); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    timed_.clear();
  }
  wake_.notify_all();
}

bool WorkerPool::next_is_waiting() { return this_worker.next != nullptr; }

void WorkerPool::schedule(Runnable& runnable, Where where) {
  if (where == Where::kNext && this_worker.pool == this && !this_worker.next) {
    this_worker.next = &runnable;
    return;
  }
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    ready_.push_back(&runnable);
    if (sleeping_ > waking_) {
      ++waking_;
      wake = true;
    }
  }
  if (wake) wake_.notify_one();
}

void WorkerPool::schedule_at(Runnable& runnable, MonotonicTime when) {
  {
    const std::lock_guard lock(mutex_);
    timed_.emplace_back(when, &runnable);
  }
  wake_.notify_one();
}

size_t WorkerPool::forget(const Runnable& runnable) {
  const std::lock_guard lock(mutex_);
  return std::erase_if(timed_, [&](const Timed& t) { return t.second == &runnable; });
}

void WorkerPool::promote_due(MonotonicTime now) {
  std::erase_if(timed_, [&](const Timed& t) {
    if (t.first > now) return false;
    ready_.push_back(t.second);
    return true;
  });
}

Runnable* WorkerPool::take() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!timed_.empty()) promote_due(Clock::system().monotonic());
    if (!ready_.empty()) {
      Runnable* first = ready_.front();
      ready_.pop_front();
      // Whoever kept the time has work now: another must wake for the timed turns.
      if (!timed_.empty() && keeping_time_ == 0 && sleeping_ > waking_) {
        ++waking_;
        wake_.notify_one();
      }
      return first;
    }
    if (stopping_) return nullptr;
    ++sleeping_;
    if (timed_.empty()) {
      wake_.wait(lock);
    } else {
      const auto earliest = std::min_element(timed_.begin(), timed_.end(),
                                             [](const Timed& a, const Timed& b) { return a.first < b.first; });
      ++keeping_time_;
      wake_.wait_until(lock, MonotonicTime(earliest->first));  // a copy: the list changes meanwhile
      --keeping_time_;
    }
    --sleeping_;
    if (waking_ > 0) --waking_;
  }
}

void WorkerPool::work(size_t index) {
  name_this_thread("worker-" + std::to_string(index));
  this_worker.pool = this;
  for (;;) {
    Runnable* runnable = std::exchange(this_worker.next, nullptr);
    if (!runnable) runnable = take();
    if (!runnable) return;
    runnable->turn();
  }
}

}  // namespace vedette::graph
