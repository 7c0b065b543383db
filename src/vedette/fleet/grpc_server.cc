#include "vedette/fleet/grpc_server.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>

#include <chrono>

#include "control.grpc.pb.h"
#include "vedette/base/error.h"
#include "vedette/net/gate.h"
#include "vedette/net/grpc_host.h"

namespace vedette::fleet {
namespace {

namespace v1 = vedette::v1;
using grpc::ServerContext;
using grpc::Status;
using grpc::StatusCode;
using net::Role;

constexpr size_t kMaxRequestBytes = size_t{1} << 20;
constexpr size_t kMaxAnswerBytes = size_t{64} << 20;
constexpr Duration kWatchWait = std::chrono::milliseconds(300);

StatusCode code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
    case ErrorCode::kInvalidConfig:
    case ErrorCode::kInvalidData: return StatusCode::INVALID_ARGUMENT;
    case ErrorCode::kNotFound: return StatusCode::NOT_FOUND;
    case ErrorCode::kUnavailable: return StatusCode::UNAVAILABLE;
    case ErrorCode::kTimeout: return StatusCode::DEADLINE_EXCEEDED;
    case ErrorCode::kPermissionDenied: return StatusCode::PERMISSION_DENIED;
    case ErrorCode::kExhausted: return StatusCode::RESOURCE_EXHAUSTED;
    case ErrorCode::kAddressInUse: return StatusCode::ALREADY_EXISTS;
    case ErrorCode::kInternal: return StatusCode::INTERNAL;
  }
  return StatusCode::INTERNAL;
}

Status status_of(const Error& error) {
  StatusCode code = code_of(error.code());
  if (const auto* http = dynamic_cast<const net::HttpError*>(&error)) {
    if (http->status() == 401) code = StatusCode::UNAUTHENTICATED;
    if (http->status() == 409 && error.code() == ErrorCode::kInvalidConfig) code = StatusCode::FAILED_PRECONDITION;
  }
  return {code, error.line()};
}

/// The fields of control.proto are those of the JSON, by name.
template <typename Message>
void fill(const std::string& json, Message* message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto status = google::protobuf::util::JsonStringToMessage(json, message, options);
  if (!status.ok()) throw Error(ErrorCode::kInternal, "an answer does not fit control.proto: " + status.ToString());
}

class Service final : public v1::Control::Service {
 public:
  Service(Control& control, std::shared_ptr<const net::Authority> authority)
      : control_(control), authority_(std::move(authority)) {}

  Status GetFleet(ServerContext* context, const v1::Nothing*, v1::Fleet* out) override {
    return call(context, Role::kViewer, [&](const auto& who) { fill(control_.fleet(who), out); });
  }
  Status Apply(ServerContext* context, const v1::ApplyRequest* in, v1::Applied* out) override {
    return call(context, Role::kOperator, [&](const auto& who) {
      const std::string name = Control::name_in(in->yaml());
      fill(control_.apply(who, name, in->yaml(),
                          {.origin = in->origin(), .dry_run = in->dry_run(), .force = in->force()}),
           out);
    });
  }
  Status Delete(ServerContext* context, const v1::ByName* in, v1::Nothing*) override {
    return call(context, Role::kOperator, [&](const auto& who) { control_.remove(who, in->name()); });
  }
  Status Start(ServerContext* context, const v1::ByName* in, v1::Nothing*) override {
    return call(context, Role::kOperator, [&](const auto& who) { control_.set_running(who, in->name(), true); });
  }
  Status Stop(ServerContext* context, const v1::ByName* in, v1::Nothing*) override {
    return call(context, Role::kOperator, [&](const auto& who) { control_.set_running(who, in->name(), false); });
  }
  Status Update(ServerContext* context, const v1::UpdateRequest* in, v1::Applied* out) override {
    return call(context, Role::kOperator, [&](const auto& who) {
      fill(control_.update(who, in->application(), in->module(), in->settings_json(),
                           {.origin = {}, .dry_run = in->dry_run(), .force = in->force()}),
           out);
    });
  }
  Status ListApplications(ServerContext* context, const v1::Nothing*, v1::Applications* out) override {
    return call(context, Role::kViewer, [&](const auto& who) { fill(control_.applications(who), out); });
  }
  Status GetApplication(ServerContext* context, const v1::ByName* in, v1::Application* out) override {
    return call(context, Role::kViewer, [&](const auto& who) { fill(control_.application(who, in->name()), out); });
  }
  Status ListNodes(ServerContext* context, const v1::Nothing*, v1::Nodes* out) override {
    return call(context, Role::kViewer, [&](const auto& who) { fill(control_.nodes(who), out); });
  }
  Status ListReplicas(ServerContext* context, const v1::Nothing*, v1::Replicas* out) override {
    return call(context, Role::kViewer, [&](const auto& who) { fill(control_.replicas(who), out); });
  }
  Status ListStreams(ServerContext* context, const v1::Nothing*, v1::Streams* out) override {
    return call(context, Role::kViewer, [&](const auto& who) { fill(control_.streams(who), out); });
  }
  Status ListLinks(ServerContext* context, const v1::Nothing*, v1::Links* out) override {
    return call(context, Role::kViewer, [&](const auto& who) { fill(control_.links(who), out); });
  }
  Status Metrics(ServerContext* context, const v1::Nothing*, v1::MetricsAnswer* out) override {
    return call(context, Role::kViewer, [&](const auto& who) { fill(control_.metrics(who), out); });
  }
  Status Drain(ServerContext* context, const v1::ByName* in, v1::Nothing*) override {
    return call(context, Role::kAdmin, [&](const auto& who) { control_.drain(who, in->name(), true); });
  }
  Status Undrain(ServerContext* context, const v1::ByName* in, v1::Nothing*) override {
    return call(context, Role::kAdmin, [&](const auto& who) { control_.drain(who, in->name(), false); });
  }
  Status Export(ServerContext* context, const v1::Nothing*, v1::ExportAnswer* out) override {
    return call(context, Role::kOperator, [&](const auto& who) { out->set_yaml(control_.export_yaml(who)); });
  }
  Status WatchLog(ServerContext* context, const v1::WatchLogRequest* in,
                  grpc::ServerWriter<v1::LogLine>* out) override {
    return call(context, Role::kViewer, [&](const auto& who) { watch(*context, who, *in, *out); });
  }

 private:
  static constexpr uint32_t kMaxLast = 1000;

  void watch(ServerContext& context, const net::Principal& who, const v1::WatchLogRequest& in,
             grpc::ServerWriter<v1::LogLine>& out) {
    const Controller& controller = control_.controller();
    Control::LogFilter filter{.after = 0, .limit = kMaxLast, .application = in.application(), .node = in.node()};
    uint64_t after = controller.log().newest();
    std::vector<std::string> lines;
    if (in.last() > 0) {
      uint64_t from_start = 0;
      for (auto more = control_.new_lines(who, from_start, filter); !more.empty();
           more = control_.new_lines(who, from_start, filter)) {
        lines.insert(lines.end(), more.begin(), more.end());
        after = from_start;
      }
      const size_t last = std::min<size_t>(in.last(), kMaxLast);
      if (lines.size() > last) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(last));
    }
    for (uint64_t revision = 0; !context.IsCancelled() && !controller.stopping();) {
      for (const auto& line : lines) {
        v1::LogLine message;
        fill(line, &message);
        if (!out.Write(message)) return;
      }
      if (authority_ && !authority_->still_valid(who)) throw Error(ErrorCode::kPermissionDenied, "the token has ended");
      controller.changed(revision, kWatchWait);
      revision = controller.revision();
      lines = control_.new_lines(who, after, filter);
    }
  }

  net::Principal admit(const ServerContext& context, Role needed) const {
    if (!authority_) return {"local", Role::kAdmin, "", "", Timestamp::max()};
    static constexpr std::string_view kScheme = "Bearer ";
    const auto& metadata = context.client_metadata();
    const auto found = metadata.find("authorization");
    const std::string_view value =
        found == metadata.end() ? std::string_view() : std::string_view(found->second.data(), found->second.size());
    if (!value.starts_with(kScheme))
      throw net::HttpError(401, ErrorCode::kPermissionDenied, "a token is needed",
                           "send the metadata authorization: Bearer; vedette token create makes one");
    net::Principal principal;
    try {
      principal = authority_->verify(value.substr(kScheme.size()));
    } catch (const Error& e) {
      throw net::HttpError(401, e.code(), e.what(), e.hint());
    }
    if (!principal.may(needed))
      throw Error(ErrorCode::kPermissionDenied,
                  fmt::format("this call needs the role {}, and token '{}' has {}", net::to_string(needed),
                              principal.name, net::to_string(principal.role)));
    return principal;
  }

  template <typename Body>
  Status call(ServerContext* context, Role needed, Body body) {
    try {
      body(admit(*context, needed));
      return Status::OK;
    } catch (const Error& e) {
      return status_of(e);
    } catch (const std::exception& e) {
      return {StatusCode::INTERNAL, e.what()};
    }
  }

  Control& control_;
  const std::shared_ptr<const net::Authority> authority_;
};

}  // namespace

void GrpcOptions::fields(Fields& f) {
  f.text("address", address, "to listen on; beyond loopback only with TLS and tokens");
  f.whole("port", port, "to listen on; 0: one that is free", {0, 65535});
  f.group("tls", tls, "certificate, key and authority; clients must show a certificate");
}

struct GrpcServer::Running {
  std::unique_ptr<Service> service;
  std::unique_ptr<net::GrpcHost> host;
};

GrpcServer::GrpcServer(GrpcOptions options, Control& control) : running_(std::make_unique<Running>()) {
  if (!net::is_loopback(options.address) && (!options.tls.complete() || !options.authority))
    throw Error(ErrorCode::kUsage, fmt::format("gRPC on {} needs TLS and tokens", options.address),
                "name certificate, key and authority, and a token key; or listen on 127.0.0.1");
  if (!options.tls.empty() && !options.tls.complete())
    throw Error(ErrorCode::kInvalidConfig, "gRPC with TLS needs certificate, key and authority");
  running_->service = std::make_unique<Service>(control, options.authority);
  net::GrpcHostOptions host;
  host.address = options.address;
  host.port = options.port;
  host.tls = options.tls;
  host.max_request_bytes = kMaxRequestBytes;
  host.max_answer_bytes = kMaxAnswerBytes;
  running_->host = std::make_unique<net::GrpcHost>(host, *running_->service);
}

GrpcServer::~GrpcServer() = default;

int GrpcServer::port() const { return running_->host->port(); }

}  // namespace vedette::fleet
