#pragma once

#include <memory>
#include <string>

#include "vedette/base/settings.h"
#include "vedette/fleet/control.h"
#include "vedette/net/authority.h"
#include "vedette/net/tls.h"

namespace vedette::fleet {

struct GrpcOptions {
  std::string address = "127.0.0.1";  ///< loopback without ceremony; any other only with TLS and an authority
  int port = 7401;                    ///< 0: one the system picks
  net::TlsFiles tls;                  ///< all three: clients must show a certificate of the authority
  std::shared_ptr<const net::Authority> authority;  ///< of tokens; null: everybody is admin (loopback only)

  /// "address", "port", "tls"; the authority is its owner's.
  void fields(Fields& f);
};

/// The service vedette.v1.Control (control.proto): what REST does, by gRPC. Errors come as status codes: kUsage,
/// kInvalidConfig and kInvalidData are INVALID_ARGUMENT, kNotFound NOT_FOUND, kUnavailable UNAVAILABLE, kTimeout
/// DEADLINE_EXCEEDED, kPermissionDenied PERMISSION_DENIED (no token or a wrong one: UNAUTHENTICATED), kExhausted
/// RESOURCE_EXHAUSTED, kAddressInUse ALREADY_EXISTS, kInternal INTERNAL; an objective that cannot be kept is
/// FAILED_PRECONDITION. The message is one line.
class GrpcServer {
 public:
  /// Binds and serves. Throws Error(kUsage) for an address beyond loopback without TLS and authority, kAddressInUse,
  /// and kNotFound | kInvalidConfig for wrong TLS files. `control` outlives the server.
  GrpcServer(GrpcOptions options, Control& control);
  /// Ends calls in progress within a second, and joins. Controller::stop() must have been called before.
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  int port() const;

 private:
  struct Running;
  std::unique_ptr<Running> running_;
};

}  // namespace vedette::fleet
