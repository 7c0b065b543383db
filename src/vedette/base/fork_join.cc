#include "vedette/base/fork_join.h"

#include <algorithm>
#include <utility>

#include "vedette/base/thread.h"

namespace vedette {

struct ForkJoin::Task {
  const std::function<void(size_t)>* work;
  size_t parts;
  size_t begun = 0;
  size_t ended = 0;
  std::exception_ptr failure{};

  bool all_begun() const { return begun == parts; }
};

/// Does one part of `task`, unlocked. False when all have begun.
bool ForkJoin::take(Task& task, std::unique_lock<std::mutex>& lock) {
  if (task.all_begun()) return false;
  const size_t part = task.begun++;
  lock.unlock();
  std::exception_ptr failure;
  try {
    (*task.work)(part);
  } catch (...) {
    failure = std::current_exception();
  }
  lock.lock();
  ++task.ended;
  if (failure && !task.failure) {
    task.failure = failure;
    task.ended += task.parts - task.begun;
    task.begun = task.parts;
  }
  return true;
}

void ForkJoin::run(size_t parts, const std::function<void(size_t)>& work) {
  if (parts == 0) return;
  if (parts == 1 || helpers_ == 0) {
    for (size_t i = 0; i < parts; ++i) work(i);
    return;
  }
  const auto task = std::make_shared<Task>(Task{&work, parts});
  std::unique_lock lock(mutex_);
  for (size_t i = threads_.size(); i < helpers_; ++i)
    threads_.emplace_back([this](const std::stop_token& stop) { help(stop); });
  open_.push_back(task);
  changed_.notify_all();
  while (take(*task, lock)) {
  }
  // Whoever began a part of ours ends it, so this wait ends when the work does.
  changed_.wait(lock, [&] { return task->ended == task->parts; });
  std::erase(open_, task);
  if (task->failure) std::rethrow_exception(task->failure);
}

void ForkJoin::help(const std::stop_token& stop) {
  name_this_thread(name_);
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !open_.empty(); })) {
    const auto task = open_.front();
    if (!take(*task, lock)) {
      std::erase(open_, task);
      continue;
    }
    if (task->ended == task->parts) changed_.notify_all();
  }
}

}  // namespace vedette
