#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "vedette/base/error.h"
#include "vedette/plan/report.h"

namespace vedette::plan {
namespace {

using ::testing::HasSubstr;

NodeReport example() {
  NodeReport report;
  report.node = "box-1";
  report.epoch = "7f";
  report.version = "0.3";
  report.protocol = 2;
  report.labels = {{"gpu", "no"}};
  report.link_addresses = {"tcp://10.0.0.1:7400", "unix:/run/vedette.sock"};
  report.cores = 4;
  report.cpu = 2.5;
  report.speed = 0.5;
  report.ready = true;
  report.plan_version = 1ull << 63;
  report.plan_failed = {"people"};
  report.streams = {{.key = "s",
                     .name = "yard",
                     .state = "streaming",
                     .last_error = {},
                     .fps = 14.9,
                     .width = 1280,
                     .height = 720,
                     .dropped = {{"queue_full", 3}}}};
  report.stages = {{.key = "k",
                    .name = "detect",
                    .type = "detect",
                    .streams = {"s"},
                    .fps = 15,
                    .last_error = {},
                    .dropped = {},
                    .wait = {},
                    .execution = {100, 0.03, 0.04, 0.05, 0.031}}};
  report.applications = {{.name = "people",
                          .state = "running",
                          .latency = {9, 1, 2, 3, 1.5},
                          .fps = 15,
                          .delivered = 9,
                          .last_error = {}}};
  report.links = {{.peer = "box-2",
                   .state = "up",
                   .address = "tcp://10.0.0.2:7400",
                   .last_error = {},
                   .clock_offset_seconds = -60,
                   .serialise = {},
                   .send = {},
                   .receive = {}}};
  report.log = {{1.5, "warning", "box-1", "people", "yard: connecting again"}};
  report.spans = {{"t", "s", "", "detect", "execute", "box-1", "k", "s", 7, 1.5, 0.03}};
  return report;
}

TEST(ReportJson, ComesBackAsItWas) { EXPECT_EQ(node_report_from_json(to_json(example())), example()); }

TEST(ReportJson, OddBytesAndNumbersDoNotStopIt) {
  auto report = example();
  report.plan_error = "broken \xff\xfe text";
  report.cpu = std::numeric_limits<double>::quiet_NaN();
  report.cores = std::numeric_limits<double>::infinity();
  const auto again = node_report_from_json(to_json(report));
  EXPECT_EQ(again.cpu, 0);
  EXPECT_EQ(again.cores, 0);
  EXPECT_THAT(again.plan_error, HasSubstr("broken "));
}

TEST(ReportJson, SaysWhatIsWrongAndWhere) {
  const auto fault_of = [](const std::string& text) -> std::string {
    try {
      node_report_from_json(text);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidData);
      return e.what();
    }
    return "none";
  };
  EXPECT_EQ(fault_of(R"({"node":"a","protocol":9,"new":{"x":1},"stages":null})"), "none");
  EXPECT_THAT(fault_of("{}"), HasSubstr("node report, node"));
  EXPECT_THAT(fault_of(R"({"node":"a","protocol":3000000000})"),
              HasSubstr("protocol: expected a whole number of 32 bits"));
  EXPECT_THAT(fault_of(R"({"node":"a","stages":[{},{"wait":{"p95":"slow"}}]})"),
              HasSubstr("node report, stages[1].wait.p95: expected a number, found string"));
  EXPECT_THAT(fault_of(R"({"node":"a","labels":{"x":1}})"), HasSubstr("labels: expected text"));
  EXPECT_THAT(fault_of(R"({"node":"a","streams":[1]})"), HasSubstr("streams[0]: expected an object"));
  EXPECT_THAT(fault_of(R"({"node":"a","cpu":1e999})"), HasSubstr("not JSON"));
}

}  // namespace
}  // namespace vedette::plan
