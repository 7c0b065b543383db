#pragma once

#include <httplib.h>

#include <functional>
#include <string>
#include <thread>

#include "vedette/console/connection.h"

namespace vedette::console {

/// A listening socket, a bounded number of connection threads, and httplib's HTTP/1.1 between them and a handler.
class Listener {
 public:
  struct Options {
    std::string address;
    int port = 0;
    size_t max_connections = 64;
    ConnectionLimits limits;
  };
  /// Fills the response; called from many threads. Throwing vedette::Error answers with it; the body of a request is
  /// never read. The header "Accept-Encoding" comes as "X-Accept-Encoding", and "Range" not at all, so that httplib
  /// touches no body.
  using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;

  /// Binds and begins to serve. Throws Error(kAddressInUse | kPermissionDenied | kUnavailable).
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

}  // namespace vedette::console
