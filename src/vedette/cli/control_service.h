#pragma once

#include <memory>
#include <string>

#include "vedette/cli/serving.h"
#include "vedette/fleet/control.h"
#include "vedette/fleet/controller.h"
#include "vedette/fleet/grpc_server.h"

namespace vedette::cli {

/// A controller with its interfaces but HTTP's server, which is the console's.
class ControlService {
 public:
  /// Throws as Controller and GrpcServer.
  ControlService(const fleet::ControllerOptions& options, const Serving& serving, const net::TlsFiles& tls,
                 std::shared_ptr<const net::Authority> authority, const std::string& version);
  ~ControlService() { stop(); }
  ControlService(const ControlService&) = delete;
  ControlService& operator=(const ControlService&) = delete;

  /// Ends waiting calls. Before the console's server is stopped.
  void stop();
  net::Routes routes();
  fleet::Controller& controller() { return controller_; }
  /// Why it cannot do its work now.
  std::vector<std::string> unready_reasons() const;
  /// ", gRPC on 127.0.0.1:7401" or "".
  std::string grpc_text() const;

 private:
  fleet::Controller controller_;
  fleet::Control control_;
  std::string grpc_host_;
  std::unique_ptr<fleet::GrpcServer> grpc_;
};

}  // namespace vedette::cli
