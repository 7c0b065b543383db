#include "vedette/cli/control_service.h"

#include <fmt/format.h>

#include "vedette/fleet/api.h"

namespace vedette::cli {

ControlService::ControlService(const fleet::ControllerOptions& options, const Serving& serving,
                               const net::TlsFiles& tls, std::shared_ptr<const net::Authority> authority,
                               const std::string& version)
    : controller_(options, version), control_(controller_) {
  if (serving.grpc.empty()) return;
  auto grpc = serving.grpc_options(tls, std::move(authority));
  grpc_host_ = grpc.address;
  grpc_ = std::make_unique<fleet::GrpcServer>(std::move(grpc), control_);
}

void ControlService::stop() {
  controller_.stop();
  grpc_.reset();
}

net::Routes ControlService::routes() { return fleet::api_routes(control_); }

std::vector<std::string> ControlService::unready_reasons() const {
  const auto status = controller_.status();
  std::vector<std::string> reasons;
  if (!status.problem.empty()) reasons.push_back(status.problem);
  // Who stands by while another leads does what it is there for.
  if (!status.leader && status.who.name.empty()) reasons.emplace_back("no controller leads");
  return reasons;
}

std::string ControlService::grpc_text() const {
  return grpc_ ? fmt::format(", gRPC on {}:{}", grpc_host_, grpc_->port()) : "";
}

}  // namespace vedette::cli
