#include "vedette/net/client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <latch>
#include <set>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/net/server.h"
#include "vedette/net/test_certificates.h"

namespace vedette::net {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

const TestCertificates& files() { return TestCertificates::get(); }

template <typename Call>
std::pair<ErrorCode, std::string> failure(Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.line().find('\n'), std::string::npos);
    return {error.code(), error.line()};
  }
  ADD_FAILURE() << "no error";
  return {};
}

Routes echo_routes() {
  Routes routes;
  const auto echo = [](const Request& request, Response& response) {
    response.set_content(
        request.method + " " + request.capture("name") + " " + request.header("Content-Type") + " " + request.body,
        "text/plain");
  };
  for (const char* method : {"GET", "PUT", "POST", "DELETE"}) routes.add(method, "/apps/{name}", Role::kViewer, echo);
  routes.add("GET", "/refused", Role::kViewer, [](const Request&, Response&) {
    throw Error(ErrorCode::kInvalidConfig, "app.yaml:3: unknown module", "did you mean 'detect'?");
  });
  routes.add("GET", "/ticks", Role::kViewer, [](const Request&, Response& response) {
    response.content_type = "text/event-stream";
    response.stream = [count = 0](Sink& sink) mutable { return count++ < 1000 && sink.write("data: tick\n\n"); };
  });
  return routes;
}

/// A socket that listens, and answers nothing by itself.
class Mute {
 public:
  Mute() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof to;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&to), size), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&to), &size);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(to.sin_port));
  }
  ~Mute() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int accept() const { return ::accept(fd_, nullptr, nullptr); }
  const std::string& url() const { return url_; }

 private:
  int fd_;
  std::string url_;
};

TEST(Client, calls_with_bodies_over_one_connection) {
  const Server server({}, echo_routes());
  ClientOptions options;
  options.url = server.url() + "/";
  Client client(options);
  EXPECT_EQ(client.url(), server.url());
  EXPECT_EQ(client.get("/apps/" + encode_segment("a b%")).body, "GET a b%  ");
  EXPECT_EQ(client.put("/apps/x", "name: x", "application/yaml").body, "PUT x application/yaml name: x");
  EXPECT_EQ(client.post("/apps/x", "{}").body, "POST x application/json {}");
  EXPECT_EQ(client.remove("/apps/x").body, "DELETE x  ");
  const std::string large(1u << 20, 'y');
  EXPECT_EQ(client.put("/apps/x", large).body.size(), large.size() + 23);
  EXPECT_EQ(client.get("/apps/last").body, "GET last  ") << "what was set for a call is gone with it";
}

TEST(Client, the_servers_errors_come_back_as_errors) {
  const Server server({}, echo_routes());
  Client client({.url = server.url()});
  EXPECT_EQ(failure([&] { client.get("/refused"); }),
            std::pair(ErrorCode::kInvalidConfig, std::string("app.yaml:3: unknown module (did you mean 'detect'?)")));
  EXPECT_EQ(failure([&] { client.get("/nowhere"); }).first, ErrorCode::kNotFound);
  EXPECT_EQ(failure([&] { client.put("/refused", "x"); }).second, "PUT is not served at /refused (use GET, HEAD)");
}

TEST(Client, says_clearly_that_nobody_answers) {
  Mute gone;
  gone.close();
  EXPECT_EQ(failure([&] { Client({.url = gone.url()}).get("/"); }),
            std::pair(ErrorCode::kUnavailable, "cannot reach controller at " + gone.url() +
                                                   ": Connection refused (does the controller run there?)"));
  EXPECT_THAT(failure([&] { Client({.url = "http://nobody.invalid:1"}).get("/"); }).second,
              HasSubstr("its name is not known"));
  for (const char* url : {"", "localhost:80", "ftp://x", "http://", "http://a b", "http://user@host"})
    EXPECT_EQ(failure([&] { const Client made({.url = url}); }).first, ErrorCode::kUsage) << url;
}

TEST(Client, a_call_has_a_deadline) {
  const Mute mute;
  Client client({.url = mute.url(), .peer = "node", .total_timeout = milliseconds(30)});
  EXPECT_EQ(failure([&] { client.get("/"); }),
            std::pair(ErrorCode::kTimeout, "node at " + mute.url() + " did not answer within 30 ms"));
}

TEST(Client, a_call_can_be_cancelled) {
  const Mute mute;
  Client client({.url = mute.url(), .total_timeout = std::chrono::hours(1)});
  std::stop_source stop;
  std::jthread canceller([&] {
    const int fd = mute.accept();
    char byte = 0;
    EXPECT_EQ(::recv(fd, &byte, 1, 0), 1);  // the request is under way
    stop.request_stop();
    while (::recv(fd, &byte, 1, 0) > 0) {
    }
    ::close(fd);
  });
  EXPECT_EQ(failure([&] { client.get("/x", stop.get_token()); }),
            std::pair(ErrorCode::kUnavailable, std::string("GET /x at controller was cancelled")));
}

TEST(Client, refuses_what_is_not_http_or_too_large) {
  const Mute mute;
  std::jthread talker([&] {
    const int fd = mute.accept();
    char block[1024];
    EXPECT_GT(::recv(fd, block, sizeof block, 0), 0);
    EXPECT_GT(::send(fd, "220 mail.example ESMTP\r\n\r\n", 26, MSG_NOSIGNAL), 0);
    ::shutdown(fd, SHUT_WR);
    while (::recv(fd, block, sizeof block, 0) > 0) {
    }
    ::close(fd);
  });
  EXPECT_EQ(failure([&] { Client({.url = mute.url()}).get("/"); }).first, ErrorCode::kInvalidData);
  const Server server({}, echo_routes());
  Client small({.url = server.url(), .max_answer_bytes = 100});
  EXPECT_EQ(failure([&] { small.put("/apps/x", std::string(200, 'x')); }).first, ErrorCode::kExhausted);
}

TEST(Client, follows_a_long_answer) {
  const Server server({}, echo_routes());
  Client client({.url = server.url()});
  std::string all;
  client.follow(
      "/ticks", [&](std::string_view data) { return all.append(data).size() < 60; }, std::chrono::seconds(10));
  EXPECT_THAT(all, testing::StartsWith("data: tick\n\ndata: tick\n\n"));
  EXPECT_EQ(failure([&] {
              client.follow("/refused", [](std::string_view) { return true; }, std::chrono::seconds(10));
            }).first,
            ErrorCode::kInvalidConfig);
}

TEST(Client, mutual_tls) {
  ServerOptions options;
  options.tls = files().of("server");
  const Server server(options, echo_routes());
  const auto call = [&](const TlsFiles& tls, const std::string& host = "localhost") {
    return Client({.url = "https://" + host + ":" + std::to_string(server.port()), .tls = tls}).get("/apps/x").body;
  };
  EXPECT_EQ(call(files().of("client")), "GET x  ");
  EXPECT_EQ(call(files().of("client"), "127.0.0.1"), "GET x  ");
  const auto refused = [&](const TlsFiles& tls, const std::string& host = "localhost") {
    const auto [code, line] = failure([&] { call(tls, host); });
    EXPECT_EQ(code, ErrorCode::kPermissionDenied) << line;
    return line;
  };
  EXPECT_THAT(refused({"", "", files().of("client").authority}), HasSubstr("it requires a client certificate"));
  EXPECT_THAT(refused(files().of("client", "stranger")), HasSubstr("its certificate is refused"));
  EXPECT_THAT(refused(files().of("stranger", "server")), HasSubstr("stranger.pem: not signed by the authority"));
  options.address = "127.0.0.2";
  const Server other(options, {});
  Client client({.url = "https://127.0.0.2:" + std::to_string(other.port()), .tls = files().of("client")});
  EXPECT_THAT(failure([&] { client.get("/"); }).second, HasSubstr("its certificate is refused"));
  EXPECT_EQ(failure([&] { call(files().of("old")); }).first, ErrorCode::kInvalidConfig) << "own certificate expired";
}

}  // namespace
}  // namespace vedette::net
