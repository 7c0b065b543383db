#include "vedette/link/context.h"

#include <openssl/rand.h>

#include "vedette/base/error.h"
#include "vedette/base/log.h"

namespace vedette::link {

bool LogLimiter::may_log(const std::string& key, MonotonicTime now) {
  if (last_.size() >= kMostKeys) std::erase_if(last_, [&](const auto& seen) { return now - seen.second >= kQuiet; });
  if (last_.size() >= kMostKeys && !last_.contains(key)) return false;
  const auto [at, is_new] = last_.try_emplace(key, now);
  if (!is_new && now - at->second < kQuiet) return false;
  at->second = now;
  return true;
}

void Context::warn_rarely(const std::string& key, const std::string& line) {
  {
    const std::lock_guard lock(mutex_);
    if (!limiter_.may_log(key, Clock::system().monotonic())) return;
  }
  log::warn("{}", line);
}

void Context::trace(const Frame& frame, TraceSpan::Kind kind, const std::string& name, const std::string& stage,
                    Duration took) const {
  if (!options.traces || !frame.trace) return;
  TraceSpan span;
  span.trace = frame.trace;
  span.kind = kind;
  span.name = name;
  span.stage = stage;
  if (frame.stream) span.stream = frame.stream->name;
  span.sequence = frame.sequence;
  span.start = options.clock->now() - took;
  span.duration = took;
  options.traces->record(std::move(span));
}

void Context::decoded(size_t pixels, Duration took) {
  if (pixels == 0) return;
  const std::lock_guard lock(mutex_);
  decode_ns_per_pixel_.add(static_cast<double>(took.count()) / static_cast<double>(pixels));
}

double Context::decode_ns_per_pixel() {
  const std::lock_guard lock(mutex_);
  return decode_ns_per_pixel_.value();
}

void Context::make_arena() {
  BufferPool::Options pool_options;
  if (options.shared_memory_bytes > 0) {
    try {
      arena = std::make_shared<SharedArena>(options.shared_memory_bytes);
      pool_options.source = [shared = arena](size_t bytes) { return shared->allocate(bytes); };
    } catch (const Error& e) {
      log::warn("links go without shared memory: {}", e.line());
    }
  }
  arena_pool = std::make_shared<BufferPool>(pool_options);
}

uint64_t Context::random_number() {
  uint64_t number = 0;
  while (number == 0)
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof number) != 1)
      throw Error(ErrorCode::kInternal, "OpenSSL gives no random numbers");
  return number;
}

}  // namespace vedette::link
