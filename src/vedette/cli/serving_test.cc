#include "vedette/cli/serving.h"

#include <gmock/gmock.h>

#include "vedette/base/error.h"

namespace vedette::cli {
namespace {

TEST(Listen, reads_host_and_port) {
  EXPECT_EQ(parse_listen("127.0.0.1:8080", "listen").port, 8080);
  EXPECT_EQ(parse_listen("[::1]:0", "listen").host, "::1");
  EXPECT_EQ(parse_listen(":81", "listen").host, "127.0.0.1") << "loopback unless somebody says otherwise";
  for (const char* wrong : {"", "8080", "host", "host:", "host:x", "host:70000", "host:-1", "::1:80"})
    EXPECT_THROW(parse_listen(wrong, "listen"), Error) << wrong;
}

TEST(Listen, its_url_is_what_others_call_it) {
  Serving serving;
  EXPECT_EQ(serving.url({}), "http://127.0.0.1:8080");
  serving.names = {"fleet.example.org"};
  EXPECT_EQ(serving.url({}), "http://fleet.example.org:8080");
  serving.listen = "127.0.0.1:0";
  EXPECT_EQ(serving.url({}), "") << "not known before it is bound";
}

TEST(LoadSettings, puts_overrides_in) {
  const auto root = load_settings("", {"name=box-1", "link.jpeg_quality=90", "controllers=[a, b]"});
  EXPECT_EQ(root.find("name")->text(), "box-1");
  EXPECT_EQ(root.find("link")->find("jpeg_quality")->as_int(), 90);
  EXPECT_EQ(root.find("controllers")->items().size(), 2u);
  for (const char* wrong : {"name", "=x", ".a=1", "a.=1"}) EXPECT_THROW(load_settings("", {wrong}), Error) << wrong;
  EXPECT_THROW(load_settings("", {"name=x", "name.y=1"}), Error);
  EXPECT_THROW(load_settings("no-such.yaml", {}), Error);
}

}  // namespace
}  // namespace vedette::cli
