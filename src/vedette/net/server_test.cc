#include "vedette/net/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "vedette/net/test_certificates.h"

namespace vedette::net {
namespace {

using nlohmann::json;
using std::chrono::hours;
using testing::HasSubstr;

const TestCertificates& files() { return TestCertificates::get(); }

class NetServerTest : public testing::Test {
 public:
  NetServerTest() : folder_(testing::TempDir() + "vedette-net-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(folder_);
    make_key_file(folder_ + "/key");
    std::ofstream(folder_ + "/revoked") << "";
    authority_ = std::make_shared<Authority>(AuthorityOptions{folder_ + "/key", folder_ + "/revoked", 60}, clock_);
  }
  ~NetServerTest() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  /// Each role has a path of its name, which answers with whom it sees and what it was sent.
  void start(ServerOptions options = {}) {
    Routes routes;
    for (const Role role : {Role::kNone, Role::kViewer, Role::kOperator, Role::kAdmin, Role::kNode}) {
      const auto echo = [this](const Request& request, Response& response) {
        ++handled_;
        answer_json(response, json{{"who", request.principal.name}, {"size", request.body.size()}}.dump());
      };
      routes.add("GET", "/" + std::string(to_string(role)), role, echo);
      routes.add("PUT", "/" + std::string(to_string(role)), role, echo);
    }
    routes.add("GET", "/long", Role::kViewer, [](const Request&, Response& response) {
      response.content_type = "text/event-stream";
      response.stream = [](Sink& sink) { return sink.write("more\n"); };
    });
    server_ = std::make_unique<Server>(std::move(options), std::move(routes));
  }
  void start_with_tokens() {
    ServerOptions options;
    options.authority = authority_;
    start(options);
  }

  httplib::Client client() const {
    httplib::Client made("127.0.0.1", server_->port());
    made.set_read_timeout(10);
    return made;
  }
  int status(const std::string& method, const std::string& path, const httplib::Headers& headers = {},
             const std::string& body = {}) const {
    auto made = client();
    const auto result = method == "PUT"    ? made.Put(path, headers, body, "text/plain")
                        : method == "POST" ? made.Post(path, headers, body, "application/json")
                                           : made.Get(path, headers);
    return result ? result->status : 0;
  }
  httplib::Headers bearer(Role role, const std::string& tenant = {}) const {
    return {{"Authorization", "Bearer " + authority_->issue("ann", role, tenant, hours(1))}};
  }

  /// A bare connection.
  int dial() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(server_->port()));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    return fd;
  }
  static std::string read_all(int fd) {
    std::string all;
    char block[512];
    for (ssize_t got = 0; (got = ::recv(fd, block, sizeof block, 0)) > 0;) all.append(block, static_cast<size_t>(got));
    ::close(fd);
    return all;
  }
  std::string exchange(const std::string& bytes) const {
    const int fd = dial();
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    return read_all(fd);
  }

 protected:
  const std::string folder_;
  ManualClock clock_{Clock::system().now()};
  std::shared_ptr<const Authority> authority_;
  std::atomic<int> handled_ = 0;
  std::unique_ptr<Server> server_;
};

TEST_F(NetServerTest, loopback_without_a_key_asks_for_nothing) {
  start();
  EXPECT_EQ(status("GET", "/admin"), 200);
  EXPECT_EQ(status("PUT", "/admin", {}, "x"), 200);
  EXPECT_EQ(status("GET", "/admin", {{"Host", "cameras.example"}}), 403);
  EXPECT_EQ(status("PUT", "/admin", {{"Origin", "http://evil.example"}}, "x"), 403);
  EXPECT_EQ(status("PUT", "/admin", {{"Sec-Fetch-Site", "same-origin"}}, "x"), 403) << "a browser without X-Vedette";
  EXPECT_EQ(status("PUT", "/admin", {{"Sec-Fetch-Site", "same-origin"}, {"X-Vedette", "1"}}, "x"), 200);
  EXPECT_EQ(json::parse(client().Get("/api/whoami")->body),
            json({{"name", "local"}, {"role", "admin"}, {"tenant", ""}, {"token_needed", false}}));
}

TEST_F(NetServerTest, each_role_may_what_it_may) {
  start_with_tokens();
  for (const Role has : {Role::kViewer, Role::kOperator, Role::kAdmin, Role::kNode}) {
    for (const Role needed : {Role::kNone, Role::kViewer, Role::kOperator, Role::kAdmin, Role::kNode}) {
      for (const char* method : {"GET", "PUT"}) {
        EXPECT_EQ(status(method, "/" + std::string(to_string(needed)), bearer(has), "x"),
                  allows(has, needed) ? 200 : 403)
            << to_string(has) << " at " << to_string(needed);
      }
    }
  }
  for (const Role needed : {Role::kViewer, Role::kOperator, Role::kAdmin, Role::kNode})
    EXPECT_EQ(status("GET", "/" + std::string(to_string(needed))), 401);
  EXPECT_EQ(status("GET", "/none"), 200);
  const auto refused = client().Get("/viewer", {{"Authorization", "Bearer vdt_eA.eA"}});
  EXPECT_EQ(refused->status, 401);
  EXPECT_EQ(refused->get_header_value("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(json::parse(refused->body)["error"]["message"], "the token's signature is wrong");
}

TEST_F(NetServerTest, expired_and_revoked_tokens_are_told_so) {
  start_with_tokens();
  const auto headers = bearer(Role::kViewer);
  std::ofstream(folder_ + "/revoked") << read_token(headers.begin()->second.substr(7)).id << "\n";
  EXPECT_THAT(client().Get("/viewer", headers)->body, HasSubstr("was revoked"));
  const auto another = bearer(Role::kViewer);
  clock_.advance(hours(2));
  const auto late = client().Get("/viewer", another);
  EXPECT_EQ(late->status, 401);
  EXPECT_THAT(late->body, HasSubstr("token 'ann' expired "));
}

TEST_F(NetServerTest, a_long_answer_ends_with_its_token) {
  start_with_tokens();
  const auto headers = bearer(Role::kViewer);
  std::string id = read_token(headers.begin()->second.substr(7)).id;
  bool revoked = false;
  auto reader = client();
  const auto result = reader.Get("/long", headers, [&](const char*, size_t) {
    if (!std::exchange(revoked, true)) std::ofstream(folder_ + "/revoked") << id << "\n";
    return true;
  });
  EXPECT_TRUE(revoked);
  EXPECT_FALSE(result) << "cut off";
}

TEST_F(NetServerTest, browsers_log_in_with_a_cookie) {
  start_with_tokens();
  const std::string token = authority_->issue("ann", Role::kOperator, "acme", hours(1));
  EXPECT_EQ(status("POST", "/api/login", {}, R"({"token":"vdt_x.y"})"), 401);
  EXPECT_EQ(status("POST", "/api/login", {}, "[]"), 400);
  const auto login = client().Post("/api/login", json{{"token", token}}.dump(), "application/json");
  ASSERT_EQ(login->status, 200);
  EXPECT_EQ(json::parse(login->body)["tenant"], "acme");
  const std::string set = login->get_header_value("Set-Cookie");
  EXPECT_THAT(set, testing::StartsWith("vedette_token=" + token + "; Path=/; HttpOnly; SameSite=Strict; Max-Age=3"));
  const std::string cookie = "other=1; " + set.substr(0, set.find(';'));
  EXPECT_EQ(status("GET", "/operator", {{"Cookie", cookie}}), 200);
  EXPECT_EQ(status("PUT", "/operator", {{"Cookie", cookie}}, "x"), 403) << "another site's form could send that";
  EXPECT_EQ(status("PUT", "/operator", {{"Cookie", cookie}, {"X-Vedette", "1"}}, "x"), 200);
  EXPECT_THAT(client().Post("/api/logout", "", "text/plain")->get_header_value("Set-Cookie"), HasSubstr("Max-Age=0"));
}

TEST_F(NetServerTest, bodies_up_to_the_limit_and_only_of_those_who_may) {
  start_with_tokens();
  const std::string largest(Routes::kMaxBodyBytes, 'b');
  const auto taken = client().Put("/operator", bearer(Role::kOperator), largest, "application/yaml");
  ASSERT_EQ(taken->status, 200);
  EXPECT_EQ(json::parse(taken->body)["size"], Routes::kMaxBodyBytes);
  EXPECT_EQ(status("PUT", "/operator", bearer(Role::kOperator), largest + "b"), 413);
  handled_ = 0;
  EXPECT_EQ(status("PUT", "/operator", bearer(Role::kViewer), largest), 403);
  EXPECT_EQ(handled_, 0);
  auto kept = client();
  kept.set_keep_alive(true);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(kept.Put("/operator", bearer(Role::kOperator), "abc", "text/plain")->status, 200);
}

TEST_F(NetServerTest, malformed_bodies_end_the_connection) {
  start();
  const std::string host = "Host: localhost\r\n";
  EXPECT_THAT(exchange("PUT /admin HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
              HasSubstr(" 411 "));
  for (const char* length : {"-1", "1x", "99999999999999999999999", "1\r\nContent-Length: 2"}) {
    EXPECT_THAT(exchange("PUT /admin HTTP/1.1\r\n" + host + "Content-Length: " + length + "\r\n\r\nx"),
                HasSubstr(" 400 "))
        << length;
  }
  const std::string smuggled =
      exchange("GET /admin HTTP/1.1\r\n" + host + "Content-Length: 35\r\n\r\nGET /none HTTP/1.1\r\n" + host + "\r\n");
  EXPECT_EQ(smuggled.find("HTTP/1.1 200", 5), std::string::npos) << "a body is no request: " << smuggled;
}

TEST_F(NetServerTest, expect_100_continue_comes_after_the_token_was_checked) {
  start_with_tokens();
  const std::string head = "PUT /operator HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\n";
  EXPECT_THAT(exchange(head + "Content-Length: 3\r\n\r\nabc"), testing::StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(
      exchange(head + "Authorization: " + bearer(Role::kOperator).begin()->second + "\r\nContent-Length: 3\r\n\r\nabc"),
      testing::StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"));
}

TEST_F(NetServerTest, a_body_that_does_not_come_is_given_up) {
  ServerOptions options;
  options.limits.request_timeout = std::chrono::milliseconds(40);
  start(options);
  EXPECT_THAT(exchange("PUT /admin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"),
              testing::AllOf(HasSubstr(" 408 "), HasSubstr("3 of the 9 bytes")));
  EXPECT_EQ(handled_, 0);
}

TEST_F(NetServerTest, one_who_drips_is_let_go) {
  ServerOptions options;
  options.limits.request_timeout = std::chrono::milliseconds(60);
  start(options);
  const int fd = dial();
  const std::string head = "GET /admin HTTP/1.1\r\nHost: localhost\r\nX-Long: " + std::string(20'000, 'x');
  size_t sent = 0;
  for (pollfd end{fd, POLLIN | POLLRDHUP, 0}; sent < head.size() && ::poll(&end, 1, 5) == 0; ++sent)
    if (::send(fd, &head[sent], 1, MSG_NOSIGNAL) != 1) break;
  EXPECT_LT(sent, head.size());
  EXPECT_EQ(handled_, 0);
  ::close(fd);
}

TEST_F(NetServerTest, tls_with_and_without_a_client_certificate) {
  ServerOptions options;
  options.address = "0.0.0.0";
  options.tls = files().of("server");
  options.client_certificates = ClientCertificates::kOptional;
  options.authority = authority_;
  start(options);
  EXPECT_EQ(server_->url(), "https://server:" + std::to_string(server_->port()));
  httplib::SSLClient browser("127.0.0.1", server_->port());
  browser.set_ca_cert_path(files().of("server").authority);
  browser.set_keep_alive(true);
  EXPECT_EQ(browser.Get("/viewer")->status, 401);
  EXPECT_EQ(browser.Get("/viewer", bearer(Role::kViewer))->status, 200);
  EXPECT_EQ(browser.Put("/operator", bearer(Role::kOperator), std::string(300'000, 'x'), "text/plain")->status, 200);
  httplib::Headers named = bearer(Role::kViewer);
  named.emplace("Host", "cameras.example:1");
  EXPECT_EQ(browser.Get("/viewer", named)->status, 200) << "a name of the certificate";
  named.erase("Host");
  named.emplace("Host", "evil.example");
  EXPECT_EQ(browser.Get("/viewer", named)->status, 403);
  const auto login = browser.Post("/api/login", json{{"token", bearer(Role::kViewer).begin()->second.substr(7)}}.dump(),
                                  "application/json");
  EXPECT_THAT(login->get_header_value("Set-Cookie"), HasSubstr("; Secure"));
  EXPECT_THAT(exchange("GET /viewer HTTP/1.1\r\nHost: localhost\r\n\r\n"), HasSubstr("use https://"));

  options.client_certificates = ClientCertificates::kRequired;
  server_.reset();
  start(options);
  httplib::SSLClient nobody("127.0.0.1", server_->port());
  nobody.set_ca_cert_path(files().of("server").authority);
  EXPECT_FALSE(nobody.Get("/viewer", bearer(Role::kViewer)));
  const TlsFiles own = files().of("client");
  httplib::SSLClient node("127.0.0.1", server_->port(), own.certificate, own.key);
  node.set_ca_cert_path(own.authority);
  EXPECT_EQ(node.Get("/node", bearer(Role::kNode))->status, 200);
}

TEST_F(NetServerTest, a_tls_handshake_that_does_not_come_is_given_up) {
  ServerOptions options;
  options.tls = files().of("server");
  options.limits.request_timeout = std::chrono::milliseconds(40);
  start(options);
  const int fd = dial();
  EXPECT_EQ(::send(fd, "\x16\x03", 2, 0), 2);
  EXPECT_EQ(read_all(fd), "") << "hung up";
}

TEST_F(NetServerTest, other_addresses_take_tls_and_a_key) {
  const auto refusal = [&](bool tls, bool key) -> std::string {
    ServerOptions options;
    options.address = "0.0.0.0";
    if (tls) options.tls = files().of("server");
    if (key) options.authority = authority_;
    try {
      start(options);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(refusal(false, false),
            "to listen on 0.0.0.0, which is no loopback address, needs a TLS certificate and a token key");
  EXPECT_THAT(refusal(true, false), HasSubstr("needs a token key"));
  EXPECT_THAT(refusal(false, true), HasSubstr("needs a TLS certificate"));
  EXPECT_EQ(refusal(true, true), "");
}

TEST_F(NetServerTest, stops_at_once_in_the_midst_of_handshakes_and_bodies) {
  ServerOptions options;
  options.tls = files().of("server");
  start(options);
  const int fd = dial();
  EXPECT_EQ(::send(fd, "\x16\x03", 2, 0), 2);
  httplib::SSLClient kept("127.0.0.1", server_->port(), files().of("client").certificate, files().of("client").key);
  kept.set_ca_cert_path(files().of("server").authority);
  kept.set_keep_alive(true);
  EXPECT_EQ(kept.Get("/none")->status, 200);
  const auto begin = Clock::system().monotonic();
  server_.reset();
  EXPECT_LT(to_seconds(Clock::system().monotonic() - begin), 1.0);
  ::close(fd);
}

}  // namespace
}  // namespace vedette::net
