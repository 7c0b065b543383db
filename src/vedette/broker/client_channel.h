#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "broker.grpc.pb.h"
#include "vedette/broker/client.h"

namespace vedette::broker {

/// A gRPC channel to one broker, with the token on every call. Only for .cc files: it brings gRPC along.
class ClientChannel {
 public:
  /// Throws Error(kNotFound) for missing TLS files.
  ClientChannel(const std::string& address, const ClientOptions& options);

  v1::Broker::Stub& stub() const { return *stub_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const std::string& address() const { return address_; }
  /// The token, and a deadline unless `timeout` is zero.
  void prepare(grpc::ClientContext& context, Duration timeout) const;
  void prepare(grpc::ClientContext& context) const { prepare(context, options_.call_timeout); }
  /// Throws the error that the status stands for.
  void check(const grpc::Status& status) const;

  template <typename Request, typename Response>
  Response call(grpc::Status (v1::Broker::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                const Request& request) const {
    grpc::ClientContext context;
    prepare(context);
    Response response;
    check((stub_.get()->*method)(&context, request, &response));
    return response;
  }

 private:
  const std::string address_;
  const ClientOptions options_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Broker::Stub> stub_;
};

CameraAbout about_of(const v1::CameraInfo& info);
ClockAhead clock_of(const v1::ClockOffset& clock);
/// A notice as clients get it. `event` holds no frame.
Received received_of(const v1::Event& event);
v1::SubscribeRequest request_of(const SubscribeOptions& options);

}  // namespace vedette::broker
