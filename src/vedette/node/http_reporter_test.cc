#include "vedette/node/http_reporter.h"

#include <gtest/gtest.h>

#include <fstream>
#include <mutex>

#include "vedette/net/server.h"
#include "vedette/node/testing.h"

namespace vedette::node {
namespace {

using testing::plan_of;

/// A controller on loopback that answers each report as it is told.
class FakeController {
 public:
  using Handler = net::Routes::Handler;
  explicit FakeController(Handler handler)
      : server_(std::make_unique<net::Server>(net::ServerOptions{}, routes(std::move(handler)))) {}
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
  void die() { server_.reset(); }

 private:
  static net::Routes routes(Handler handler) {
    net::Routes routes;
    routes.add("POST", "/api/fleet/nodes/{name}/report", net::Role::kNode, std::move(handler));
    return routes;
  }
  std::unique_ptr<net::Server> server_;
};

std::string answer_text(const std::string& plan = "null", const std::string& name = "c-1") {
  return R"({"lease_seconds":2,"plan_version":4,"plan":)" + plan + R"(,"controller":{"name":")" + name +
         R"(","epoch":"e"}})";
}

HttpReporterOptions options(std::vector<std::string> controllers) {
  HttpReporterOptions options;
  options.node = "box 1";
  options.controllers = std::move(controllers);
  return options;
}

plan::NodeReport report() {
  plan::NodeReport report;
  report.node = "box 1";
  report.plan_version = 3;
  return report;
}

TEST(HttpReporter, PostsTheReportAndReadsThePlan) {
  std::string name, wait;
  uint64_t version = 0;
  FakeController controller([&](const net::Request& request, net::Response& response) {
    name = request.captures.at("name");
    wait = request.query.find("wait")->second;
    version = plan::node_report_from_json(request.body).plan_version;
    net::answer_json(response, answer_text(plan::to_json(plan_of(4, {"yard"}))));
  });
  HttpReporter reporter(options({controller.url()}));
  const auto answer = reporter.report(report(), std::chrono::milliseconds(250));
  EXPECT_EQ(name, "box 1");
  EXPECT_EQ(wait, "0.250");
  EXPECT_EQ(version, 3u);
  EXPECT_EQ(answer.lease_seconds, 2);
  EXPECT_EQ(answer.controller, "c-1");
  ASSERT_TRUE(answer.plan);
  EXPECT_EQ(*answer.plan, plan_of(4, {"yard"}));
}

TEST(HttpReporter, GoesToTheNextControllerAndStaysThere) {
  int asked = 0;
  FakeController first([&](const net::Request&, net::Response& response) {
    ++asked;
    net::answer_json(response, answer_text("null", "c-1"));
  });
  FakeController standby(
      [](const net::Request&, net::Response&) { throw Error(ErrorCode::kUnavailable, "c-2 stands by"); });
  FakeController third(
      [](const net::Request&, net::Response& response) { net::answer_json(response, answer_text("null", "c-3")); });
  HttpReporter reporter(options({first.url(), standby.url(), third.url()}));
  EXPECT_EQ(reporter.report(report(), {}).controller, "c-1");
  first.die();
  EXPECT_EQ(reporter.report(report(), {}).controller, "c-3");
  EXPECT_EQ(reporter.report(report(), {}).controller, "c-3");
  EXPECT_EQ(asked, 1);
  third.die();
  try {
    reporter.report(report(), {});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnavailable);
    EXPECT_NE(e.line().find("Connection refused"), std::string::npos) << e.line();
  }
}

TEST(HttpReporter, TellsARefusalFromAFailure) {
  FakeController controller([](const net::Request&, net::Response&) {
    throw net::HttpError(409, ErrorCode::kUsage, "node 'box 1' speaks protocol 9, controller c-1 speaks 1");
  });
  FakeController standby(
      [](const net::Request&, net::Response&) { throw Error(ErrorCode::kUnavailable, "c-2 stands by"); });
  HttpReporter reporter(options({standby.url(), controller.url()}));
  try {
    reporter.report(report(), {});
    FAIL();
  } catch (const Refused& e) {
    EXPECT_STREQ(e.what(), "node 'box 1' speaks protocol 9, controller c-1 speaks 1");
  }
}

TEST(HttpReporter, ReadsItsTokenAgainAfterARefusal) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder.path("token")) << "old\n";
  FakeController controller([](const net::Request& request, net::Response& response) {
    if (request.header("Authorization") != "Bearer new")
      throw Error(ErrorCode::kPermissionDenied, "the token has expired");
    net::answer_json(response, answer_text());
  });
  auto with_token = options({controller.url()});
  with_token.token_file = folder.path("token");
  HttpReporter reporter(with_token);
  EXPECT_THROW(reporter.report(report(), {}), Refused);
  std::ofstream(folder.path("token")) << "new\n";
  EXPECT_EQ(reporter.report(report(), {}).controller, "c-1");
}

TEST(HttpReporter, FailsAtOnceOnceCancelled) {
  FakeController controller(
      [](const net::Request&, net::Response& response) { net::answer_json(response, answer_text()); });
  HttpReporter reporter(options({controller.url()}));
  reporter.cancel();
  EXPECT_THROW(reporter.report(report(), std::chrono::hours(1)), Error);
}

TEST(AnswerFromJson, SaysWhatIsNotUnderstood) {
  for (const char* text : {"", "[]", "{}", "{\"lease_seconds\":\"x\"}", "<html>", "{\"lease_seconds\":2,\"plan\":7}",
                           "{\"lease_seconds\":2,\"plan\":{\"version\":-1}}"}) {
    try {
      answer_from_json(text);
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidData) << text;
    }
  }
}

}  // namespace
}  // namespace vedette::node
