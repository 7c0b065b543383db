#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "vedette/base/time.h"

namespace bench_bounds {

/// A wireless channel between camera brokers and a server, for real TCP connections and in real time: what cameras send
/// passes one token bucket in turn; n that send at once carry rate / (1 + contention · (n − 1)) in all; then delay and
/// jitter, order kept. Towards the cameras only the delay counts. What the channel does not carry stays in the sender's
/// socket, as with a real one. The same law as bounds_channel.cc has in simulated time.
class Relay {
 public:
  struct Options {
    std::function<double(double)> mbps;  ///< at a second since start()
    double contention = 0.175;
    double delay_ms = 2;
    double jitter_ms = 1.5;  ///< mean of an exponential, drawn anew each 20 ms
    double fading = 0.1;     ///< sd of log rate, correlated over 0.2 s
    uint64_t seed = 1;
  };
  /// One camera broker: what is dialled at `listen` (an address of loopback) goes to the same port of `to`.
  struct Lane {
    std::string listen, to;
    std::vector<int> ports;
  };

  /// Binds and runs; the rate is that of second 0 until start(). Throws Error when it cannot bind.
  Relay(Options options, const std::vector<Lane>& lanes);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  void start(vedette::MonotonicTime at) { start_ = at; }

 private:
  struct Listener;
  struct Pipe;
  class Channel;
  void run(const std::stop_token& stop);
  void accept();

  const Options options_;
  std::atomic<vedette::MonotonicTime> start_{vedette::MonotonicTime{}};
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Pipe>> pipes_;
  size_t lanes_ = 0;
  std::jthread thread_;
};

}  // namespace bench_bounds
