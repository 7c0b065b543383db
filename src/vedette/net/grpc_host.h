#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "vedette/net/tls.h"

namespace grpc {
class Server;
class ServerBuilder;
class Service;
}  // namespace grpc

namespace vedette::net {

struct GrpcHostOptions {
  std::string what = "gRPC";  ///< for errors: "cannot listen on … for …"
  std::string address = "127.0.0.1";
  int port = 0;  ///< 0: one the system picks
  TlsFiles tls;  ///< none, or all three: clients must show a certificate of the authority
  size_t max_request_bytes = size_t{4} << 20;
  size_t max_answer_bytes = size_t{4} << 20;
  size_t memory_bytes = size_t{256} << 20;  ///< of all calls together, as gRPC counts
  int max_threads = 64;
};

/// From now on gRPC runs until the process ends. Whoever uses it calls this first: its last user would else wait for
/// its threads to end, one of which may sleep for 10 s in a poll of its own (the backup poller of gRPC 1.51).
void keep_grpc();

/// A gRPC server of one service, from its constructor to its destructor.
class GrpcHost {
 public:
  /// Binds and serves; `service` outlives it. `adjust` may set more of the builder. Throws Error(kAddressInUse), and
  /// for wrong TLS files as make_server_context().
  GrpcHost(const GrpcHostOptions& options, grpc::Service& service,
           const std::function<void(grpc::ServerBuilder&)>& adjust = {});
  /// Ends calls in progress within a second, and waits for them.
  ~GrpcHost();
  GrpcHost(const GrpcHost&) = delete;
  GrpcHost& operator=(const GrpcHost&) = delete;

  int port() const { return port_; }

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace vedette::net
