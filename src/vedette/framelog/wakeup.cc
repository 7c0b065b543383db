#include "vedette/framelog/wakeup.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

#include "vedette/base/thread.h"

namespace vedette::framelog {
namespace {

uint32_t* word(std::atomic<uint32_t>& value) {
  static_assert(sizeof(value) == sizeof(uint32_t) && std::atomic<uint32_t>::is_always_lock_free);
  return reinterpret_cast<uint32_t*>(&value);
}

void futex_wake(std::atomic<uint32_t>& value, int threads) {
  ::syscall(SYS_futex, word(value), FUTEX_WAKE_PRIVATE, threads, nullptr, nullptr, 0);
}

void futex_wait(std::atomic<uint32_t>& value, uint32_t seen, MonotonicTime deadline) {
  // FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC, which is what steady_clock reads.
  timespec until{};
  timespec* limit = nullptr;
  if (deadline != MonotonicTime::max()) {
    const auto since = deadline.time_since_epoch();
    if (since.count() <= 0) return;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    until.tv_sec = seconds.count();
    until.tv_nsec = (since - seconds).count();
    limit = &until;
  }
  ::syscall(SYS_futex, word(value), FUTEX_WAIT_BITSET_PRIVATE, seen, limit, nullptr, FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

Wakeup::~Wakeup() {
  if (!helper_.joinable()) return;
  stopping_.store(true);
  calls_.fetch_add(1);
  futex_wake(calls_, 1);
}

void Wakeup::help() {
  name_this_thread("log-wakeup");
  // A batch thread that is woken does not preempt whoever woke it (sched(7)); refused, it merely costs the waker more.
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_BATCH, &none);
  while (!stopping_.load()) {
    const uint32_t seen = calls_.load();
    passed_on_.store(epoch_.load());
    futex_wake(epoch_, INT_MAX);
    helper_sleeps_.store(true);
    if (calls_.load() == seen) futex_wait(calls_, seen, std::chrono::steady_clock::now() + std::chrono::seconds(10));
    helper_sleeps_.store(false);
  }
}

void Wakeup::wait(uint32_t seen, MonotonicTime deadline) {
  if (sleepers_.fetch_add(1, std::memory_order_seq_cst) >= kFewSleepers) {
    std::call_once(once_, [this] {
      helper_ = std::jthread([this] { help(); });
      helped_.store(true);
    });
  }
  futex_wait(epoch_, seen, deadline);
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
  // The writer woke one thread: the first that comes by here wakes the others, unless the helper did.
  const uint32_t now = epoch_.load(std::memory_order_seq_cst);
  uint32_t passed = passed_on_.load(std::memory_order_relaxed);
  while (static_cast<int32_t>(now - passed) > 0) {
    if (passed_on_.compare_exchange_weak(passed, now, std::memory_order_seq_cst)) {
      futex_wake(epoch_, INT_MAX);
      break;
    }
  }
}

void Wakeup::notify() {
  epoch_.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
  if (!helped_.load()) {
    futex_wake(epoch_, 1);
    return;
  }
  calls_.fetch_add(1);
  if (helper_sleeps_.load()) futex_wake(calls_, 1);
}

}  // namespace vedette::framelog
