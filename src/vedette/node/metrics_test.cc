#include "vedette/node/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace vedette::node {
namespace {

using ::testing::HasSubstr;

TEST(NodeMetrics, AreAPageThatPrometheusReads) {
  plan::NodeReport report;
  report.cores = 2;
  report.ready = true;
  report.plan_version = 7;
  link::EndpointStatus links;
  link::PeerStatus peer;
  peer.name = "box \"2\"\\";
  peer.state = "ready";
  links.peers = {peer};
  link::OutgoingChannelStatus out;
  out.id = {"k", "s"};
  out.peer = "box-2";
  out.sent = 12;
  out.gaps = {{"deadline", 3}};
  Histogram send;
  send.record(std::chrono::microseconds(3));
  out.send = send.snapshot();
  links.outgoing = {out, out};
  links.refused = 1;
  const auto text = metrics_text(report, links, true);
  EXPECT_THAT(text, HasSubstr("# TYPE vedette_node_cores gauge\nvedette_node_cores 2\n"));
  EXPECT_THAT(text, HasSubstr("vedette_node_controller_connected 1\n"));
  EXPECT_THAT(text, HasSubstr("vedette_node_plan_version 7\n"));
  EXPECT_THAT(text, HasSubstr("vedette_link_up{peer=\"box \\\"2\\\"\\\\\",direction=\"out\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("vedette_link_sent_total{peer=\"box-2\",producer=\"k\",stream=\"s\"} 12\n"));
  EXPECT_THAT(
      text,
      HasSubstr("vedette_link_dropped_total{peer=\"box-2\",producer=\"k\",stream=\"s\",reason=\"deadline\"} 3\n"));
  EXPECT_THAT(
      text, HasSubstr("vedette_link_send_seconds_bucket{peer=\"box-2\",producer=\"k\",stream=\"s\",le=\"+Inf\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("vedette_link_send_seconds_count{peer=\"box-2\",producer=\"k\",stream=\"s\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("vedette_link_refused_total 1\n"));

  std::set<std::string> families;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(families.insert(line).second) << line << " twice";
    }
}

}  // namespace
}  // namespace vedette::node
