#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "vedette/net/limits.h"
#include "vedette/net/message.h"
#include "vedette/net/tls.h"

namespace vedette::net {

/// A listening socket, a bounded number of connection threads, and httplib's HTTP/1.1 between them and a handler.
class Listener {
 public:
  struct Options {
    std::string address;
    int port = 0;                          ///< 0: one the system picks
    std::string port_option = "--port PORT";  ///< how the user chooses another, for messages
    size_t max_connections = 64;  ///< each one thread; one more is answered 503 (with TLS: hung up) and closed
    ConnectionLimits limits;
    std::shared_ptr<SSL_CTX> tls;  ///< null: plain
  };

  /// The body of a request, not yet read.
  class Body {
   public:
    virtual ~Body() = default;
    /// All of it; "" when there is none. Throws HttpError(413) when it is larger, HttpError(411) when its length is not
    /// given beforehand, HttpError(408) when it does not come in time. Call it once at most.
    virtual std::string read(size_t limit_bytes) = 0;
  };
  /// Fills the response; called from many threads. Throwing vedette::Error answers with it. A body that is left unread
  /// ends the connection after the answer.
  using Handler = std::function<void(Request&, Body&, Response&)>;

  /// Binds and begins to serve. Throws Error(kAddressInUse | kPermissionDenied | kUsage | kUnavailable).
  Listener(Options options, Handler handler);
  /// Shuts every connection down and joins every thread. Whatever a handler waits for must have been ended before.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int port() const { return port_; }

 private:
  class Http;
  int socket_ = -1;
  int port_ = 0;
  std::unique_ptr<Http> http_;
  std::jthread thread_;
};

}  // namespace vedette::net
