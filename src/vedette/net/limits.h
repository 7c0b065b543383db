#pragma once

#include <chrono>
#include <cstddef>

namespace vedette::net {

struct ConnectionLimits {
  std::chrono::milliseconds request_timeout{10'000};  ///< from a request's first byte to the last of its head; again
                                                      ///< for its body, and for the TLS handshake
  std::chrono::milliseconds idle_timeout{15'000};  ///< a kept-alive connection without a request
  std::chrono::milliseconds write_timeout{10'000};  ///< a client that takes nothing in for so long is let go
  size_t max_head_bytes = 32u << 10;  ///< request line and headers
};

}  // namespace vedette::net
