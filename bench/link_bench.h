#pragma once

#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

/// The ways of bringing a picture from one process to another that bench/link compares. The parent forks a receiver and
/// a sender for each run; what both must know lies in memory that they share.
namespace vedette::bench {

/// CLOCK_MONOTONIC, which both processes see alike.
inline int64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

constexpr size_t kMostMessages = 20000;
constexpr size_t kPictures = 4;  // that the sender takes in turn, as a decoder's pool would hand them out

/// What the sender and the receiver of one run share.
struct Shared {
  std::atomic<int> port{0};  // or just 1: the receiver is ready
  std::atomic<uint64_t> received{0};
  std::atomic<int64_t> first_ns{0}, last_ns{0};
  std::array<int64_t, kMostMessages> latency_ns{};
  std::array<char, 256> folder{};  // for sockets and certificates

  /// A message has come that was sent then; its pixels are looked at, one byte a page.
  void arrived(int64_t sent_ns, const uint8_t* pixels, size_t bytes) {
    const int64_t now = now_ns();
    const uint64_t n = received.load(std::memory_order_relaxed);
    if (n == 0) first_ns = now;
    last_ns = now;
    unsigned sum = 0;
    for (size_t i = 0; i < bytes; i += 4096) sum += static_cast<const volatile uint8_t*>(pixels)[i];
    static_cast<void>(sum);
    if (n < kMostMessages) latency_ns[n] = now - sent_ns;
    received.store(n + 1, std::memory_order_release);
  }
};

struct Case {
  size_t bytes = 0;  // of the picture
  int width = 0, height = 0;
  uint64_t messages = 0;
  int64_t pause_ns = 0;  // between two; 0: flat out
  std::string file(const Shared& shared, const char* name) const {
    return std::string(shared.folder.data()) + "/" + name;
  }
};

/// Waits for the moment of message `i`.
class Pace {
 public:
  explicit Pace(const Case& c) : pause_(c.pause_ns), start_(now_ns() + c.pause_ns) {}
  void wait(uint64_t i) const {
    if (pause_ == 0) return;
    const int64_t at = start_ + static_cast<int64_t>(i) * pause_;
    const timespec t{at / 1'000'000'000, at % 1'000'000'000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
  }

 private:
  int64_t pause_, start_;
};

/// Polls: the other process says nothing by itself. False when it takes too long.
template <typename Ready>
bool wait_for(Ready ready, int64_t seconds = 30) {
  for (const int64_t end = now_ns() + seconds * 1'000'000'000; now_ns() < end; ::usleep(500))
    if (ready()) return true;
  return false;
}

inline std::vector<std::vector<uint8_t>> make_pictures(size_t bytes) {
  std::vector<std::vector<uint8_t>> pictures(kPictures, std::vector<uint8_t>(bytes));
  for (size_t i = 0; i < kPictures; ++i) std::memset(pictures[i].data(), static_cast<int>(40 + i), bytes);
  return pictures;
}

/// One way. Both functions return when all messages have come; they run in processes of their own.
class Way {
 public:
  virtual ~Way() = default;
  virtual std::string name() const = 0;
  virtual void receive(Shared& shared, const Case& c) = 0;
  virtual void send(Shared& shared, const Case& c) = 0;
};

std::unique_ptr<Way> raw_tcp();
std::unique_ptr<Way> raw_unix();
std::unique_ptr<Way> link_over_tcp();
std::unique_ptr<Way> link_over_unix();
std::unique_ptr<Way> link_over_shared_memory();
std::unique_ptr<Way> link_over_tls();
std::unique_ptr<Way> zeromq();
std::unique_ptr<Way> grpc_stream();
std::unique_ptr<Way> http_msgpack();

}  // namespace vedette::bench
