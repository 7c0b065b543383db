#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "vedette/frame/buffer_pool.h"
#include "vedette/link/endpoint.h"
#include "vedette/link/io_loop.h"
#include "vedette/link/link_speed.h"
#include "vedette/link/workers.h"

namespace vedette::link {

/// Lets one line a key pass in so many seconds, so that a peer which knocks all day does not fill the log. Pure.
class LogLimiter {
 public:
  bool may_log(const std::string& key, MonotonicTime now);

 private:
  static constexpr std::chrono::seconds kQuiet{10};
  static constexpr size_t kMostKeys = 1024;
  std::map<std::string, MonotonicTime> last_;
};

/// What all connections and channels of an endpoint have in common.
struct Context {
  Context(EndpointOptions o, std::function<MonotonicTime(MonotonicTime)> tick)
      : options(std::move(o)), loop(std::move(tick)), workers(std::max<size_t>(1, options.codec_threads)) {
    make_arena();
  }

  MonotonicTime now() const { return options.clock->monotonic(); }
  void warn_rarely(const std::string& key, const std::string& line);
  /// Records a step of a frame that is traced and ends now.
  void trace(const Frame& frame, TraceSpan::Kind kind, const std::string& name, const std::string& stage,
             Duration took) const;
  void decoded(size_t pixels, Duration took);
  double decode_ns_per_pixel();

  const EndpointOptions options;
  const uint64_t epoch = random_number();
  BufferPool pool;
  std::shared_ptr<SharedArena> arena;  ///< null when the system has none, or it is not wanted
  std::shared_ptr<BufferPool> arena_pool;
  std::shared_ptr<SSL_CTX> server_tls, client_tls;
  IoLoop loop;
  Workers workers;
  std::atomic<uint64_t> refused{0};

  /// Not guessable; never 0.
  static uint64_t random_number();

 private:
  void make_arena();

  std::mutex mutex_;
  LogLimiter limiter_;
  RunningMean decode_ns_per_pixel_{0};
};

}  // namespace vedette::link
