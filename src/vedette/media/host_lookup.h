#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "vedette/base/time.h"

namespace vedette::media {

/// Looks a host name up on a thread of its own, because the resolver cannot be interrupted. The resolver's own waiting
/// is cut to two seconds and one try for each name server, so the thread, which the destructor joins, ends soon after.
class HostLookup {
 public:
  ~HostLookup();

  /// Waits until the name is known to resolve. Throws Error(kNotFound | kUnavailable) when it does not, Error(kTimeout)
  /// at the deadline. Returns false when stopped. Addresses in digits need no look-up.
  bool resolve(const std::string& host, Duration timeout, const std::stop_token& stop);

 private:
  struct Answer;
  std::shared_ptr<Answer> answer_;
  std::jthread thread_;
};

}  // namespace vedette::media
