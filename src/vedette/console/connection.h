#pragma once

#include <httplib.h>

#include <array>
#include <chrono>
#include <string>

#include "vedette/base/time.h"

namespace vedette::console {

struct ConnectionLimits {
  std::chrono::milliseconds request_timeout{};
  std::chrono::milliseconds idle_timeout{};
  std::chrono::milliseconds write_timeout{};
  size_t max_request_bytes = 0;
};

/// One accepted socket as httplib reads and writes it, with deadlines for whole requests rather than for single reads:
/// a client that drips a byte a second is let go as well. Shutting the socket down from another thread ends every wait.
class Connection final : public httplib::Stream {
 public:
  Connection(int socket, ConnectionLimits limits);

  /// Waits for a request to begin; false when none came in time or the client has gone.
  bool await_request();

  bool is_readable() const override;
  /// Whether the client is still there. A full send buffer counts as writable: write() waits with its own deadline.
  bool is_writable() const override;
  ssize_t read(char* to, size_t size) override;
  ssize_t write(const char* from, size_t size) override;
  using httplib::Stream::write;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

 private:
  int socket_;
  ConnectionLimits limits_;
  MonotonicTime request_deadline_{};
  size_t request_bytes_ = 0;
  std::array<char, 4096> buffer_{};
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace vedette::console
