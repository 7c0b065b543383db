#include "vedette/link/io_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/base/thread.h"

namespace vedette::link {
namespace {

constexpr std::chrono::milliseconds kLongestWait{1000};
/// A guest that left is likely to come again; meanwhile only what is posted matters.
constexpr std::chrono::milliseconds kGrace{50};
constexpr uint64_t kEventNumber = 0;

constexpr uint32_t kReads = EPOLLIN | EPOLLRDHUP | EPOLLET;

MonotonicTime system_now() { return Clock::system().monotonic(); }

}  // namespace

IoLoop::IoLoop(std::function<MonotonicTime(MonotonicTime)> tick)
    : tick_(std::move(tick)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      next_tick_ns_(system_now().time_since_epoch().count()) {
  epoll_event about{};
  about.events = EPOLLIN;
  about.data.u64 = kEventNumber;
  if (!epoll_.valid() || !event_.valid() || epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event_.get(), &about) != 0)
    throw_errno(errno, "cannot wait for connections");
}

IoLoop::~IoLoop() { stop(); }

void IoLoop::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void IoLoop::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  thread_.request_stop();
  post([] {});
  {
    std::unique_lock lock(turns_mutex_);
    turns_.notify_all();
    turns_.wait(lock, [&] { return !running_; });  // a guest's turn, or the own thread's
  }
  thread_.join();
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  run_posted();
  registered_.clear();
}

void IoLoop::wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

void IoLoop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    posted_.push_back(std::move(task));
    if (std::exchange(woken_, true)) return;
  }
  wake();
  call_own_thread();
}

void IoLoop::wake_by(MonotonicTime at) {
  const int64_t ns = at.time_since_epoch().count();
  int64_t seen = next_tick_ns_.load();
  while (ns < seen)
    if (next_tick_ns_.compare_exchange_weak(seen, ns)) return post([] {});
}

uint64_t IoLoop::add(int fd, std::shared_ptr<Handler> handler) {
  const uint64_t number = ++last_number_;
  epoll_event about{};
  about.events = kReads | EPOLLOUT;
  about.data.u64 = number;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &about) != 0) throw_errno(errno, "cannot wait for a connection");
  registered_[number] = {fd, std::move(handler)};
  return number;
}

void IoLoop::watch_writes(int fd, uint64_t number, bool watch) {
  epoll_event about{};
  about.events = watch ? kReads | EPOLLOUT : kReads;
  about.data.u64 = number;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &about);  // fails when it was removed, which is fine
  if (watch) call_own_thread();
}

void IoLoop::remove(int fd) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  std::erase_if(registered_, [&](const auto& entry) { return entry.second.fd == fd; });
}

bool IoLoop::run_posted() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
    woken_ = false;
  }
  for (const auto& task : tasks) task();
  return !tasks.empty();
}

void IoLoop::turn(MonotonicTime deadline) {
  std::array<epoll_event, 64> events{};
  const auto wait = std::min(MonotonicTime{Duration{next_tick_ns_.load()}}, deadline) - system_now();
  const auto milliseconds = std::clamp<int64_t>((wait.count() + 999'999) / 1'000'000, 0, kLongestWait.count());
  const int count = epoll_wait(epoll_.get(), events.data(), events.size(), static_cast<int>(milliseconds));
  for (int i = 0; i < count; ++i) {
    const uint64_t number = events[static_cast<size_t>(i)].data.u64;
    if (number == kEventNumber) {
      uint64_t taken = 0;
      [[maybe_unused]] const ssize_t read_bytes = ::read(event_.get(), &taken, sizeof taken);
      continue;
    }
    const auto found = registered_.find(number);
    if (found == registered_.end()) continue;
    const auto handler = found->second.handler;  // it may remove itself
    handler->on_ready();
  }
  run_posted();
  const MonotonicTime now = system_now();
  if (now.time_since_epoch().count() >= next_tick_ns_.load()) {
    next_tick_ns_ = (now + kLongestWait).time_since_epoch().count();  // wake_by() may bring it forward meanwhile
    const int64_t next = tick_(now).time_since_epoch().count();
    int64_t seen = next_tick_ns_.load();
    while (next < seen && !next_tick_ns_.compare_exchange_weak(seen, next)) {
    }
  }
}

bool IoLoop::begin_own_turns(const std::stop_token& stop) {
  std::unique_lock lock(turns_mutex_);
  while (!stop.stop_requested()) {
    const bool taken = running_ || guest_;
    const MonotonicTime now = system_now(), from = guest_left_ + kGrace;
    if (!taken && (called_ || now >= from)) break;
    // A guest costs a look at the clock every kGrace, not a wake-up a frame.
    const MonotonicTime until = taken ? now + kGrace : from;
    turns_.wait_until(lock, std::chrono::time_point_cast<std::chrono::steady_clock::duration>(until),
                      [&] { return stop.stop_requested() || (called_ && !running_ && !guest_); });
  }
  if (stop.stop_requested()) return false;
  running_ = true;
  thread_id_ = std::this_thread::get_id();
  return true;
}

void IoLoop::end_turns() {
  const std::lock_guard lock(turns_mutex_);
  running_ = called_ = false;
  thread_id_ = std::thread::id();
  turns_.notify_all();
}

void IoLoop::run(const std::stop_token& stop) {
  name_this_thread("link");
  while (begin_own_turns(stop)) {
    while (!stop.stop_requested() && !guest_) turn(MonotonicTime::max());
    end_turns();
  }
}

bool IoLoop::lend(const std::function<bool()>& done, MonotonicTime deadline) {
  {
    std::unique_lock lock(turns_mutex_);
    if (guest_ || waiting_ > 0 || stopping_) {
      ++waiting_;
      if (!running_ && !guest_) {
        called_ = true;
        turns_.notify_all();
      }
      return false;
    }
    guest_ = true;
    if (running_) wake();
    if (!turns_.wait_until(lock, std::chrono::time_point_cast<std::chrono::steady_clock::duration>(deadline),
                           [&] { return !running_; })) {
      guest_ = false;  // a handler took all the time there was
      called_ = true;
      turns_.notify_all();
      return true;
    }
    running_ = true;
    thread_id_ = std::this_thread::get_id();
  }
  while (!done() && !stopping_ && system_now() < deadline) turn(deadline);
  const std::lock_guard lock(turns_mutex_);
  running_ = guest_ = false;
  thread_id_ = std::thread::id();
  guest_left_ = system_now();
  if (waiting_ > 0 || stopping_) {
    called_ = true;
    turns_.notify_all();
  }
  return true;
}

void IoLoop::wait_is_over() {
  const std::lock_guard lock(turns_mutex_);
  --waiting_;
}

void IoLoop::call_own_thread() {
  const std::lock_guard lock(turns_mutex_);
  if (running_ || guest_) return;
  called_ = true;
  turns_.notify_all();
}

}  // namespace vedette::link
