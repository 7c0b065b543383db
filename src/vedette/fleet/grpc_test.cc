#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "control.grpc.pb.h"
#include "vedette/fleet/grpc_server.h"
#include "vedette/fleet/testing.h"
#include "vedette/net/test_certificates.h"

namespace vedette::fleet {
namespace {

using grpc::StatusCode;
using namespace std::chrono_literals;

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A server as it stands beyond loopback: mutual TLS and tokens.
class SecureGrpcTest : public ::testing::Test {
 public:
  SecureGrpcTest() {
    graph::testing::register_test_modules();
    key_ = ::testing::TempDir() + "vedette-grpc-key-" + std::to_string(::getpid());
    std::remove(key_.c_str());
    net::make_key_file(key_);
    net::AuthorityOptions options;
    options.key = key_;
    authority_ = std::make_shared<net::Authority>(options);
    controller_ =
        std::make_unique<Controller>(ControllerOptions{}, "test", open_sqlite_store(":memory:", "controller", ""));
    control_ = std::make_unique<Control>(*controller_);
    GrpcOptions grpc;
    grpc.port = 0;
    grpc.tls = net::TestCertificates::get().of("server");
    grpc.authority = authority_;
    server_ = std::make_unique<GrpcServer>(grpc, *control_);
  }
  ~SecureGrpcTest() override {
    controller_->stop();
    server_.reset();
    std::remove(key_.c_str());
  }

  std::unique_ptr<v1::Control::Stub> stub(const std::string& certificate) const {
    const net::TlsFiles files = net::TestCertificates::get().of(certificate);
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = text_of(net::TestCertificates::get().of("server").authority);
    options.pem_private_key = text_of(files.key);
    options.pem_cert_chain = text_of(files.certificate);
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("cameras.example");
    return v1::Control::NewStub(grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->port()),
                                                          grpc::SslCredentials(options), arguments));
  }
  grpc::Status call(const std::string& certificate, const std::string& token, bool change = false) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 20s);
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    v1::Nothing nothing;
    if (!change) {
      v1::Nodes nodes;
      return stub(certificate)->ListNodes(&context, nothing, &nodes);
    }
    v1::ApplyRequest apply;
    apply.set_yaml(testing::app_yaml("people", {"yard"}));
    v1::Applied applied;
    return stub(certificate)->Apply(&context, apply, &applied);
  }

 protected:
  std::string key_;
  std::shared_ptr<net::Authority> authority_;
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<GrpcServer> server_;
};

TEST_F(SecureGrpcTest, TakesACertificateAndATokenWithTheRole) {
  const std::string viewer = authority_->issue("anna", net::Role::kViewer, "", 1h);
  const std::string desk = authority_->issue("desk", net::Role::kOperator, "desk", 1h);
  const std::string other = authority_->issue("gate", net::Role::kOperator, "gate", 1h);
  EXPECT_TRUE(call("client", viewer).ok());
  EXPECT_EQ(call("client", "").error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(call("client", viewer + "x").error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(call("client", viewer, true).error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(call("client", other, true).error_code(), StatusCode::PERMISSION_DENIED) << "it is desk's application";
  EXPECT_TRUE(call("client", desk, true).ok());
}

TEST_F(SecureGrpcTest, TurnsAwayACertificateOfAnotherAuthority) {
  const std::string token = authority_->issue("anna", net::Role::kAdmin, "", 1h);
  EXPECT_EQ(call("stranger", token).error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(SecureGrpcTest, SaysWhatIsWrongWithItsFiles) {
  GrpcOptions options;
  options.tls = net::TestCertificates::get().of("old");
  EXPECT_THROW(GrpcServer(options, *control_), Error);
  options.tls.key.clear();
  EXPECT_THROW(GrpcServer(options, *control_), Error);
}

}  // namespace
}  // namespace vedette::fleet
