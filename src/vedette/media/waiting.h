#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "vedette/base/time.h"

namespace vedette::media {

/// Sleeps for `span` or until a stop is requested, whichever comes first. False when it was the stop.
inline bool sleep_unless_stopped(Duration span, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  if (span > Duration{0}) never.wait_for(lock, stop, span, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace vedette::media
