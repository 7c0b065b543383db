#pragma once

#include <httplib.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>

#include "vedette/base/time.h"
#include "vedette/net/limits.h"
#include "vedette/net/tls.h"

namespace vedette::net {

/// One accepted socket as httplib reads and writes it, with deadlines for whole requests rather than for single reads:
/// a client that drips a byte a second is let go as well. With TLS the same deadlines hold for the handshake and for
/// what TLS does by itself. Shutting the socket down from another thread ends every wait.
class Connection final : public httplib::Stream {
 public:
  /// `tls` null: plain.
  Connection(int socket, ConnectionLimits limits, SSL_CTX* tls);
  ~Connection() override;

  /// The TLS handshake, within request_timeout; nothing to do when plain. Returns why it failed, "" when it did not.
  std::string handshake();
  /// Waits for a request to begin; false when none came in time or the client has gone.
  bool await_request();
  /// Allows for a body of so many bytes, with a deadline of its own.
  void begin_body(size_t bytes);
  /// Ends the connection so that the client gets the whole of the last answer, although it still sends: what comes is
  /// thrown away for up to a second.
  void linger();

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
  ssize_t receive(char* to, size_t size, MonotonicTime deadline);
  bool wait_tls(int result, MonotonicTime deadline) const;

  int socket_;
  ConnectionLimits limits_;
  std::unique_ptr<SSL, void (*)(SSL*)> tls_;
  bool broken_ = false;  // TLS has failed: its goodbye must not be sent
  MonotonicTime request_deadline_{};
  size_t request_bytes_ = 0;
  size_t max_bytes_ = 0;
  std::array<char, 4096> buffer_{};
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace vedette::net
