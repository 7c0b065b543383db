#include "vedette/net/router.h"

#include <gmock/gmock.h>

namespace vedette::net {
namespace {

using Captures = std::map<std::string, std::string>;

std::optional<Captures> matched(std::string_view pattern, std::string_view path) {
  Captures captures;
  if (!match_pattern(pattern, path, captures)) return std::nullopt;
  return captures;
}

TEST(Router, patterns) {
  EXPECT_TRUE(matched("/api/apps", "/api/apps"));
  EXPECT_FALSE(matched("/api/apps", "/api/apps/"));
  EXPECT_FALSE(matched("/api/apps/{name}", "/api/apps/"));
  EXPECT_FALSE(matched("/api/apps/{name}", "/api/apps/a/b"));
  EXPECT_EQ(matched("/api/apps/{name}", "/api/apps/people"), (Captures{{"name", "people"}}));
  EXPECT_EQ(matched("/api/apps/{app}/modules/{module}", "/api/apps/a/modules/b"),
            (Captures{{"app", "a"}, {"module", "b"}}));
  EXPECT_EQ(matched("/live/{name*}.jpg", "/live/people/yard.jpg"), (Captures{{"name", "people/yard"}}));
  EXPECT_EQ(matched("/live/{name*}.jpg", "/live/a.jpg.jpg"), (Captures{{"name", "a.jpg"}}));
  EXPECT_FALSE(matched("/live/{name*}.jpg", "/live/.jpg"));
  EXPECT_EQ(matched("/x/{a}-{b}", "/x/1-2-3"), (Captures{{"a", "1-2"}, {"b", "3"}}));
}

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    const auto says = [](const std::string& text) {
      return [text](const Request&, Response& response) { response.body = text; };
    };
    routes_.add("GET", "/apps/{name}", Role::kViewer, says("get"));
    routes_.add("PUT", "/apps/{name}", Role::kOperator, says("put"));
    routes_.add("GET", "/apps/all", Role::kViewer, says("all"));
    routes_.add("POST", "/apps/{name}/drain", Role::kOperator, says("drain"));
  }
  std::string answer(const std::string& method, const std::string& path) {
    Request request{.method = method, .path = path, .query{}, .headers{}, .body{}, .captures{}, .principal{}};
    Response response;
    allow_.clear();
    const Routes::Route* route = routes_.find(request, allow_);
    if (!route) return "nothing";
    route->handler(request, response);
    return response.body;
  }
  Routes routes_;
  std::string allow_;
};

TEST_F(RouterTest, finds_by_method_and_path) {
  EXPECT_EQ(answer("GET", "/apps/people"), "get");
  EXPECT_EQ(answer("HEAD", "/apps/people"), "get");
  EXPECT_EQ(answer("PUT", "/apps/people"), "put");
  EXPECT_EQ(answer("GET", "/apps/all"), "all") << "what is written out goes first";
  EXPECT_EQ(answer("PUT", "/apps/all"), "put");
  EXPECT_EQ(answer("GET", "/nowhere"), "nothing");
}

TEST_F(RouterTest, names_the_methods_of_a_known_path) {
  try {
    answer("DELETE", "/apps/people");
    FAIL();
  } catch (const HttpError& error) {
    EXPECT_EQ(error.status(), 405);
    EXPECT_EQ(error.line(), "DELETE is not served at /apps/people (use GET, HEAD, PUT)");
    EXPECT_EQ(allow_, "GET, HEAD, PUT");
  }
}

TEST_F(RouterTest, parts_of_the_program_merge) {
  Routes more;
  more.add("GET", "/nodes", Role::kViewer, [](const Request&, Response& response) { response.body = "nodes"; });
  routes_.merge(std::move(more));
  EXPECT_EQ(answer("GET", "/nodes"), "nodes");
}

}  // namespace
}  // namespace vedette::net
