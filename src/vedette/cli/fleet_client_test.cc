#include "vedette/cli/fleet_client.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "vedette/base/error.h"
#include "vedette/net/server.h"

namespace vedette::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class FleetPlace : public testing::Test {
 public:
  FleetPlace() : folder_(testing::TempDir() + "vedette-fleet-client-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(folder_ + "/vedette");
  }
  ~FleetPlace() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ + "/" + name) << text; }
  FleetAddress find(const FleetArguments& arguments) const {
    return find_fleet(arguments, [&](const std::string& name) {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::string() : found->second;
    });
  }

 protected:
  const std::string folder_;
  std::map<std::string, std::string> variables_;
};

TEST_F(FleetPlace, is_this_machine_unless_something_says_so) {
  EXPECT_THAT(find({}).urls, ElementsAre("http://127.0.0.1:8080"));
  EXPECT_EQ(find({}).token, "");
}

TEST_F(FleetPlace, the_command_line_comes_before_the_environment_before_the_file) {
  variables_["XDG_CONFIG_HOME"] = folder_;
  write("vedette/client.yaml", "controller: https://a:1, https://b:2/\ntoken_file: t\ntls: {authority: ca.pem}\n");
  write("vedette/t", "from-file\n");
  EXPECT_THAT(find({}).urls, ElementsAre("https://a:1", "https://b:2"));
  EXPECT_EQ(find({}).token, "from-file");
  EXPECT_EQ(find({}).tls.authority, folder_ + "/vedette/ca.pem") << "names of files are relative to the client's";
  variables_["VEDETTE_CONTROLLER"] = "https://c:3";
  variables_["VEDETTE_TOKEN"] = "from-environment";
  EXPECT_THAT(find({}).urls, ElementsAre("https://c:3"));
  EXPECT_EQ(find({}).token, "from-environment");
  write("t2", "from-argument\n");
  const auto address = find({.controller = "https://d:4", .token_file = folder_ + "/t2", .tls = {}});
  EXPECT_THAT(address.urls, ElementsAre("https://d:4"));
  EXPECT_EQ(address.token, "from-argument");
}

TEST_F(FleetPlace, a_token_is_not_sent_in_the_clear) {
  variables_["VEDETTE_TOKEN"] = "secret";
  EXPECT_NO_THROW(find({.controller = "http://localhost:1", .token_file = "", .tls = {}}));
  EXPECT_THROW(find({.controller = "http://10.0.0.1:8080", .token_file = "", .tls = {}}), Error);
  EXPECT_THROW(find({.controller = "http://localhost.example.org", .token_file = "", .tls = {}}), Error);
}

TEST_F(FleetPlace, a_wrong_client_file_is_named) {
  variables_["VEDETTE_CLIENT"] = folder_ + "/none.yaml";
  EXPECT_THROW(find({}), Error) << "one that was named must be there";
  write("wrong.yaml", "contoller: x\n");
  variables_["VEDETTE_CLIENT"] = folder_ + "/wrong.yaml";
  try {
    find({});
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("wrong.yaml:1"));
    EXPECT_THAT(e.what(), HasSubstr("controller"));
  }
}

/// A controller that answers as the test wants.
std::unique_ptr<net::Server> controller(const std::function<void(const net::Request&, net::Response&)>& answer) {
  net::Routes routes;
  routes.add("GET", "/api/fleet/{what*}", net::Role::kViewer, answer);
  return std::make_unique<net::Server>(net::ServerOptions{}, std::move(routes));
}

std::string url_of(const net::Server& server) { return "http://127.0.0.1:" + std::to_string(server.port()); }

TEST(FleetClient, goes_on_to_the_one_that_leads_and_stays_there) {
  std::atomic<int> asked = 0;
  const auto standby = controller([&](const net::Request&, net::Response&) {
    ++asked;
    throw Error(ErrorCode::kUnavailable, "stands by");
  });
  const auto leader =
      controller([](const net::Request&, net::Response& response) { net::answer_json(response, R"({"nodes":[]})"); });
  FleetClient client({.urls = {url_of(*standby), url_of(*leader)}, .token = "", .tls = {}});
  EXPECT_TRUE(client.get("/api/fleet/nodes").contains("nodes"));
  EXPECT_TRUE(client.get("/api/fleet/nodes").contains("nodes"));
  EXPECT_EQ(asked, 1);
}

TEST(FleetClient, tells_the_controllers_own_words) {
  const auto server = controller([](const net::Request&, net::Response&) {
    throw Error(ErrorCode::kPermissionDenied, "the token expired 2026-01-31T12:00:00Z", "make another");
  });
  FleetClient client({.urls = {url_of(*server)}, .token = "", .tls = {}});
  try {
    client.get("/api/fleet/nodes");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kPermissionDenied);
    EXPECT_EQ(e.line(), "the token expired 2026-01-31T12:00:00Z (make another)");
  }
}

TEST(FleetClient, what_is_no_controller_is_said) {
  const auto server =
      controller([](const net::Request&, net::Response& response) { response.set_content("<html>", "text/html"); });
  FleetClient client({.urls = {url_of(*server)}, .token = "", .tls = {}});
  EXPECT_THROW(client.get("/api/fleet/nodes"), Error);
}

TEST(FleetClient, watches_until_told_to_stop_across_answers_that_end) {
  std::atomic<int> opened = 0;
  const auto server = controller([&](const net::Request& request, net::Response& response) {
    if (request.capture("what") != "watch") return net::answer_json(response, "{}");
    response.content_type = "text/event-stream";
    response.stream = [number = ++opened](net::Sink& sink) {
      sink.write("event: fleet\ndata: " + std::to_string(number) + "\n\n");
      return false;
    };
  });
  FleetClient client({.urls = {url_of(*server)}, .token = "", .tls = {}});
  std::stop_source stop;
  std::string seen;
  client.watch(
      stop.get_token(),
      [&](const ServerEvent& event) {
        client.get("/api/fleet/nodes");  // may be called from here
        seen += event.data;
        if (seen.size() == 2) stop.request_stop();
      },
      [](const std::string&) {});
  EXPECT_EQ(seen, "12");
}

}  // namespace
}  // namespace vedette::cli
