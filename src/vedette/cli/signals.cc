#include "vedette/cli/signals.h"

#include <condition_variable>
#include <csignal>
#include <ctime>
#include <mutex>

#include "vedette/base/thread.h"

namespace vedette::cli {
namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

Signals::Signals() {
  std::signal(SIGPIPE, SIG_IGN);
  const sigset_t set = ending_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::jthread([this](const std::stop_token& done) { wait(done); });
}

Signals::~Signals() = default;

void Signals::wait(const std::stop_token& done) {
  name_this_thread("signals");
  const sigset_t set = ending_signals();
  const timespec tick{.tv_sec = 0, .tv_nsec = 100'000'000};
  while (!done.stop_requested()) {
    if (sigtimedwait(&set, nullptr, &tick) < 0) continue;
    source_.request_stop();
    break;
  }
  // A second signal ends the process the ordinary way, whatever it is waiting for. All other threads block it, so this
  // one has to stay.
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  std::mutex mutex;
  std::condition_variable_any ended;
  std::unique_lock lock(mutex);
  ended.wait(lock, done, [] { return false; });
}

}  // namespace vedette::cli
