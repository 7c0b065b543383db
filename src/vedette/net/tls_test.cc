#include "vedette/net/tls.h"

#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/net/test_certificates.h"

namespace vedette::net {
namespace {

using testing::HasSubstr;

/// What both sides of a handshake over a pair of sockets, and of one byte to and fro, say of it; "" when it succeeded.
struct Outcome {
  std::string client;
  std::string server;
  std::string server_sees;  ///< the client's name
};

std::string shake(SSL* connection) {
  int result = SSL_do_handshake(connection);
  char byte = 'x';
  if (result == 1) result = SSL_write(connection, &byte, 1);
  if (result == 1) result = SSL_read(connection, &byte, 1);
  return result == 1 ? "" : explain_tls_failure(connection, result);
}

Outcome meet(const std::shared_ptr<SSL_CTX>& server_context, const std::shared_ptr<SSL_CTX>& client_context,
             const std::string& host = "localhost") {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  Outcome outcome;
  std::jthread server([&] {
    const auto connection = make_server_connection(*server_context, ends[0]);
    outcome.server = shake(connection.get());
    outcome.server_sees = peer_name(connection.get());
    ::shutdown(ends[0], SHUT_WR);
  });
  {
    const auto connection = make_client_connection(*client_context, ends[1], host);
    outcome.client = shake(connection.get());
    ::shutdown(ends[1], SHUT_WR);
  }
  server.join();
  ::close(ends[0]);
  ::close(ends[1]);
  return outcome;
}

const TestCertificates& files() { return TestCertificates::get(); }

std::string refusal(const TlsFiles& of) {
  try {
    make_server_context(of);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.line().find('\n'), std::string::npos);
    return error.line();
  }
}

TEST(Tls, both_sides_show_certificates_of_one_authority) {
  const auto server = make_server_context(files().of("server"));
  const auto client = make_client_context(files().of("client"));
  for (const char* host : {"localhost", "server", "cameras.example", "127.0.0.1", "::1"}) {
    const Outcome outcome = meet(server, client, host);
    EXPECT_EQ(outcome.client, "") << host;
    EXPECT_EQ(outcome.server, "");
    EXPECT_EQ(outcome.server_sees, "client");
  }
}

TEST(Tls, the_server_must_be_who_was_dialled) {
  const auto server = make_server_context(files().of("server"));
  const auto client = make_client_context(files().of("client"));
  EXPECT_EQ(meet(server, client, "node-7").client, "the peer's certificate 'server' is not for 'node-7'");
  EXPECT_EQ(meet(server, client, "10.1.2.3").client, "the peer's certificate 'server' is not for '10.1.2.3'");
}

TEST(Tls, each_side_refuses_a_certificate_of_another_authority) {
  const auto server = make_server_context(files().of("server"));
  const Outcome outcome = meet(server, make_client_context(files().of("stranger", "server")));
  EXPECT_THAT(outcome.server, HasSubstr("the peer's certificate 'stranger' is not signed by "));
  EXPECT_THAT(outcome.client, HasSubstr("stranger.pem: it is not signed by the authority that the peer trusts"));
  const Outcome other =
      meet(make_server_context(files().of("stranger", "client")), make_client_context(files().of("client")));
  EXPECT_THAT(other.client, HasSubstr("the peer's certificate 'stranger' is not signed by "));
  EXPECT_THAT(other.server, HasSubstr("the peer refused "));
}

TEST(Tls, a_client_without_a_certificate_is_let_in_only_where_browsers_come) {
  const auto client = make_client_context({"", "", files().of("server").authority});
  const Outcome refused = meet(make_server_context(files().of("server")), client);
  EXPECT_EQ(refused.server, "the peer showed no client certificate, and one is required");
  EXPECT_EQ(refused.client, "the peer requires a client certificate and this side showed none");
  const auto open = make_server_context(files().of("server"), ClientCertificates::kOptional);
  const Outcome fine = meet(open, client);
  EXPECT_EQ(fine.server + fine.client, "");
  EXPECT_EQ(fine.server_sees, "");
  EXPECT_NE(meet(open, make_client_context(files().of("stranger", "server"))).server, "") << "a wrong one is refused";
}

TEST(Tls, one_who_speaks_no_tls_is_named_so) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  ASSERT_GT(::send(ends[1], "hello there, no TLS here", 24, 0), 0);
  const auto context = make_server_context(files().of("server"));
  const auto connection = make_server_connection(*context, ends[0]);
  EXPECT_EQ(shake(connection.get()), "the peer does not speak TLS");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Tls, faults_of_files_are_one_clear_line) {
  EXPECT_THAT(refusal(files().of("old")), testing::MatchesRegex("the TLS certificate .*/old.pem expired 20.*Z \\(.*"));
  TlsFiles mixed = files().of("server");
  mixed.key = files().of("client").key;
  EXPECT_THAT(refusal(mixed), HasSubstr("client-key.pem does not belong to the certificate "));
  TlsFiles missing = files().of("server");
  missing.key = "/nowhere/key.pem";
  EXPECT_EQ(refusal(missing), "cannot read the TLS key /nowhere/key.pem: No such file or directory");
  TlsFiles swapped = files().of("server");
  std::swap(swapped.certificate, swapped.key);
  EXPECT_THAT(refusal(swapped), HasSubstr("server-key.pem holds no certificate"));
  EXPECT_THAT(refusal({}), HasSubstr("a TLS server needs a certificate and its key"));
  TlsFiles trusting_nobody = files().of("server");
  trusting_nobody.authority = "";
  EXPECT_THAT(refusal(trusting_nobody), HasSubstr("mutual TLS needs the authority"));
  EXPECT_THROW(make_client_context({files().of("client").certificate, "", ""}), Error);
}

TEST(Tls, names_of_a_certificate) {
  EXPECT_THAT(certificate_names(files().of("server").certificate),
              testing::ElementsAre("server", "localhost", "127.0.0.1", "::1", "cameras.example"));
}

}  // namespace
}  // namespace vedette::net
