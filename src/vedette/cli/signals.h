#pragma once

#include <stop_token>
#include <thread>

namespace vedette::cli {

/// Turns the first SIGINT or SIGTERM into a stop request, and lets a second one end the process. Make it before any
/// other thread, so that all of them inherit the blocked signals. SIGPIPE is ignored for good: writing to a closed
/// socket is an error code.
class Signals {
 public:
  Signals();
  ~Signals();
  std::stop_token token() const { return source_.get_token(); }

 private:
  void wait(const std::stop_token& done);

  std::stop_source source_;
  std::jthread thread_;
};

}  // namespace vedette::cli
