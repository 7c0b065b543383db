#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vedette/link/address.h"
#include "vedette/link/shared_ring.h"
#include "vedette/net/tls.h"

namespace vedette::link {

/// A connected (or connecting) stream that never blocks: TCP without Nagle's delay, a Unix socket, or TLS over TCP.
/// read() and write() may be called at the same time, each by one thread.
class Socket {
 public:
  explicit Socket(Descriptor descriptor, bool is_unix);
  ~Socket();

  enum class Progress { kSome, kWait, kClosed, kFailed };
  struct Result {
    Progress progress = Progress::kSome;
    size_t bytes = 0;
    std::string why{};  ///< of kFailed
  };

  /// From now on everything is encrypted. Before the first byte; throws what net::make_…_connection throws.
  void secure_as_server(SSL_CTX& context);
  void secure_as_client(SSL_CTX& context, const std::string& host);
  bool secured() const { return ssl_ != nullptr; }
  /// kSome: done. kWait: call again when something happens on the descriptor.
  Result handshake();

  /// Whether a connect() under way has come to an end, and how.
  Result finish_connecting() const;
  /// Descriptors that come along are added to `received`, at most three of them.
  Result read(std::span<const iovec> into, std::vector<Descriptor>& received);
  /// `descriptors` go along with the first byte; Unix sockets only.
  Result write(std::span<const iovec> from, std::span<const int> descriptors);
  /// Ends both directions; a thread in read() or write() comes back.
  void shut_down() const;
  int fd() const { return descriptor_.get(); }

 private:
  struct Tls;
  Descriptor descriptor_;
  const bool is_unix_;
  std::unique_ptr<Tls> ssl_;
};

/// Starts to connect. An address by name must have been looked up: `host_ip` is what is dialled. Throws Error when that
/// fails at once.
std::unique_ptr<Socket> start_connecting(const Address& address, const std::string& host_ip);

/// A bound and listening socket; a Unix socket is for this user alone, and one that nobody listens on any more is taken
/// over. `address.port` becomes the real one. Throws Error(kAddressInUse | kPermissionDenied | kNotFound |
/// kUnavailable).
Descriptor listen_on(Address& address);

/// The next connection of a listening socket, with who it is ("127.0.0.1:4711", "a Unix socket"); null when there is
/// none.
std::unique_ptr<Socket> accept_on(int listener, bool is_unix, std::string& from);

}  // namespace vedette::link
