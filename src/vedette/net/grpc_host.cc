#include "vedette/net/grpc_host.h"

#include <fmt/format.h>
#include <grpc/grpc.h>
#include <grpcpp/grpcpp.h>

#include <chrono>

#include "vedette/base/error.h"
#include "vedette/net/secret.h"

namespace vedette::net {
namespace {

std::shared_ptr<grpc::ServerCredentials> credentials_of(const TlsFiles& files) {
  if (files.empty()) return grpc::InsecureServerCredentials();
  make_server_context(files);  // says what is wrong with them, in one line
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = read_file(files.authority);
  options.pem_key_cert_pairs.push_back({read_file(files.key), read_file(files.certificate)});
  return grpc::SslServerCredentials(options);
}

}  // namespace

void keep_grpc() { [[maybe_unused]] static const bool kept = (grpc_init(), true); }

GrpcHost::GrpcHost(const GrpcHostOptions& options, grpc::Service& service,
                   const std::function<void(grpc::ServerBuilder&)>& adjust) {
  keep_grpc();
  const bool six = options.address.find(':') != std::string::npos;
  const std::string host = six ? '[' + options.address + ']' : options.address;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(fmt::format("{}:{}", host, options.port), credentials_of(options.tls), &port_);
  builder.RegisterService(&service);
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_request_bytes));
  builder.SetMaxSendMessageSize(static_cast<int>(options.max_answer_bytes));
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  grpc::ResourceQuota quota("vedette");
  quota.Resize(options.memory_bytes);
  quota.SetMaxThreads(options.max_threads);
  builder.SetResourceQuota(quota);
  if (adjust) adjust(builder);
  server_ = builder.BuildAndStart();
  if (!server_ || port_ == 0)
    throw Error(ErrorCode::kAddressInUse,
                fmt::format("cannot listen on {}:{} for {}", options.address, options.port, options.what),
                "another program has the port, or the address is not this machine's");
}

GrpcHost::~GrpcHost() {
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  server_->Wait();
}

}  // namespace vedette::net
