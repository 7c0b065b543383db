#include "vedette/framelog/log_url.h"

#include <gtest/gtest.h>

#include "vedette/base/error.h"

namespace vedette::framelog {
namespace {

using namespace std::chrono_literals;

TEST(LogUrl, NamesALogOfThisProcess) {
  const auto url = parse_log_url("log://local/yard");
  EXPECT_TRUE(url.local());
  EXPECT_TRUE(url.live());
  EXPECT_EQ(url.camera, "yard");
}

TEST(LogUrl, NamesAFolderAndATime) {
  const auto url = parse_log_url("log:///var/lib/logs/front%20door?from=2026-01-31&to=-5m&key=/etc/k");
  EXPECT_EQ(url.host, "");
  EXPECT_EQ(url.folder, "/var/lib/logs");
  EXPECT_EQ(url.camera, "front door");
  EXPECT_EQ(url.from, Moment(Timestamp{std::chrono::sys_days(std::chrono::year(2026) / 1 / 31)}));
  EXPECT_EQ(url.to, Moment(Duration(-5min)));
  EXPECT_EQ(url.key_file, "/etc/k");
  EXPECT_FALSE(url.live());
  EXPECT_EQ(parse_log_url("log:///logs/yard").from, Moment(Oldest{}));
}

TEST(LogUrl, NamesABrokerAndItsBounds) {
  const auto url = parse_log_url("log://box-1:7443/yard?latency=100ms&accuracy=0.95&from=now");
  EXPECT_EQ(url.host, "box-1");
  EXPECT_EQ(url.port, 7443);
  EXPECT_EQ(url.latency, Duration(100ms));
  EXPECT_DOUBLE_EQ(url.accuracy, 0.95);
  EXPECT_EQ(parse_log_url("log://[::1]/yard").host, "[::1]");
}

TEST(LogUrl, RefusesAllElseInOneLine) {
  for (const auto* url :
       {"", "rtsp://a/b", "log://", "log:///", "log://local", "log://local/", "log://a/b/c", "log://a:0/b",
        "log://a:x/b", "log://a:70000/b", "log://a/b?form=now", "log://a/b?from=then", "log://a/b?latency=100",
        "log://a/b?latency=-1ms", "log://a/b?latency=nanms", "log://a/b?accuracy=1.5", "log://a/%zz", "log://a/b%2"}) {
    try {
      parse_log_url(url);
      ADD_FAILURE() << url;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kUsage) << url;
      EXPECT_EQ(e.line().find('\n'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace vedette::framelog
