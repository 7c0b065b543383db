#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/base/time.h"
#include "vedette/infer/batch_policy.h"

namespace vedette::infer {

/// Groups the items of many calling threads into batches. It has no thread of its own: the caller that finds a batch
/// due runs it and wakes the others whose items were in it. `Item` holds what goes in and what comes out.
template <typename Item>
class Batcher {
 public:
  struct Options {
    BatchPolicy::Options policy;
    size_t max_waiting = 256;                          ///< items; a caller beyond is refused
    Duration deadline = std::chrono::seconds(30);      ///< longest wait of a caller for a batch to take its item
  };
  /// `run` gets 1 … largest items, and may be called from several threads at once. What it throws reaches every caller
  /// whose item was in the batch.
  using Run = std::function<void(std::span<Item* const>)>;

  Batcher(Options options, Run run) : options_(options), run_(std::move(run)), policy_(options.policy) {}
  ~Batcher() { stop(); }
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  /// Returns when `item` has been run. Throws Error(kExhausted) when too many wait, kTimeout, kUnavailable after
  /// stop().
  void submit(Item& item) {
    std::unique_lock lock(mutex_);
    if (stopped_) throw Error(ErrorCode::kUnavailable, "the model is being closed");
    if (waiting_.size() >= options_.max_waiting)
      throw Error(ErrorCode::kExhausted, "too many pictures wait for the model");
    Entry entry{&item};
    ++callers_;
    waiting_.push_back(&entry);
    const auto begin = Clock::system().monotonic();
    policy_.arrived(begin);
    wait(lock, entry, begin + options_.deadline);
    if (--callers_ == 0) changed_.notify_all();
    if (entry.failure) std::rethrow_exception(entry.failure);
  }

  /// Refuses new items, fails those that wait, and returns when no caller is left inside.
  void stop() {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return callers_ == 0; });
  }

 private:
  enum class State { kWaiting, kRunning, kDone };
  struct Entry {
    Item* item;
    State state = State::kWaiting;
    std::exception_ptr failure{};
  };

  void wait(std::unique_lock<std::mutex>& lock, Entry& entry, MonotonicTime deadline) {
    while (entry.state != State::kDone) {
      const auto now = Clock::system().monotonic();
      if (entry.state == State::kRunning) {
        changed_.wait(lock);  // the caller that runs it always reports back
      } else if (stopped_ || now >= deadline) {
        withdraw(entry, stopped_ ? Error(ErrorCode::kUnavailable, "the model is being closed")
                                 : Error(ErrorCode::kTimeout, "no batch took the picture in time"));
      } else if (const size_t count = policy_.due(now)) {
        run_batch(lock, count);
      } else {
        changed_.wait_until(lock, std::min(deadline, policy_.next_due().value_or(deadline)));
      }
    }
  }

  void run_batch(std::unique_lock<std::mutex>& lock, size_t count) {
    std::vector<Entry*> batch(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    policy_.taken(count);
    std::vector<Item*> items;
    for (Entry* each : batch) {
      each->state = State::kRunning;
      items.push_back(each->item);
    }
    lock.unlock();
    std::exception_ptr failure;
    try {
      run_(items);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    for (Entry* each : batch) {
      each->failure = failure;
      each->state = State::kDone;
    }
    changed_.notify_all();
  }

  void withdraw(Entry& entry, const Error& why) {
    const auto found = std::find(waiting_.begin(), waiting_.end(), &entry);
    policy_.withdrawn(static_cast<size_t>(found - waiting_.begin()));
    waiting_.erase(found);
    entry.failure = std::make_exception_ptr(why);
    entry.state = State::kDone;
  }

  const Options options_;
  const Run run_;
  std::mutex mutex_;
  std::condition_variable changed_;
  BatchPolicy policy_;          // guarded by mutex_, as all below
  std::deque<Entry*> waiting_;  // oldest first, in step with policy_
  size_t callers_ = 0;
  bool stopped_ = false;
};

}  // namespace vedette::infer
