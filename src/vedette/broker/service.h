#pragma once

#include <functional>
#include <memory>
#include <string>

#include "vedette/broker/core.h"
#include "vedette/net/tls.h"

namespace vedette::broker {

struct ServiceOptions {
  std::string address = "127.0.0.1";  ///< loopback without ceremony; any other only with TLS and tokens
  int port = 7402;                    ///< 0: one the system picks
  net::TlsFiles tls;                  ///< all three: clients must show a certificate of the authority
  std::vector<std::string> standbys;  ///< told at Connect
  Duration lease = std::chrono::seconds(6);  ///< of a broker that registers
  std::string unix_stream;            ///< "unix:/path" for shared memory, or empty
  std::string tcp_stream;             ///< "tcp://:PORT" (the host of this service), or empty
};

/// vedette.broker.v1.Broker (broker.proto) by gRPC. Frames are neither copied on the way out (slices of the log's
/// memory) nor more than once on the way in (into the log).
class Service {
 public:
  /// Binds and serves. Throws as fleet::GrpcServer does.
  Service(ServiceOptions options, Core& core);
  /// Ends calls in progress within a second, and joins.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  int port() const;

 private:
  struct Running;
  std::unique_ptr<Running> running_;
};

/// An identity of the host that processes on it share: its boot id. Empty when the system has none.
std::string host_id();

}  // namespace vedette::broker
