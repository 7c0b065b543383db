#include "vedette/node/status.h"

#include <gtest/gtest.h>

#include "vedette/base/histogram.h"

namespace vedette::node {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

MonotonicTime at(Duration since_start) { return MonotonicTime{std::chrono::hours(1) + since_start}; }

HistogramSnapshot spans(std::initializer_list<std::pair<int, Duration>> of) {
  Histogram histogram;
  for (const auto& [count, span] : of)
    for (int i = 0; i < count; ++i) histogram.record(span);
  return histogram.snapshot();
}

graph::ModuleStatus module(const std::string& key, uint64_t processed, HistogramSnapshot execution = {}) {
  graph::ModuleStatus module;
  module.key = key;
  module.name = key + "-name";
  module.type = "detect";
  module.processed = processed;
  module.execution = execution;
  module.streams = {"s1", "s2"};
  return module;
}

TEST(StatusWindow, GivesRatesAndQuantilesOfTheLastTenSeconds) {
  StatusWindow window;
  plan::NodeReport report;
  NodeStatus status;
  // Fast for a minute, ten a second; then slow, five a second.
  uint64_t processed = 0;
  Histogram execution;
  for (int second = 0; second <= 60; ++second) {
    status.modules = {module("a", processed, execution.snapshot())};
    window.fill(report, status, {}, at(seconds(second)));
    for (int i = 0; i < 10; ++i) execution.record(milliseconds(1));
    processed += 10;
  }
  EXPECT_NEAR(report.stages.at(0).fps, 10, 1e-9);
  for (int second = 61; second <= 75; ++second) {
    for (int i = 0; i < 5; ++i) execution.record(milliseconds(100));
    processed += 5;
    status.modules = {module("a", processed, execution.snapshot())};
    window.fill(report, status, {}, at(seconds(second)));
  }
  const auto& stage = report.stages.at(0);
  EXPECT_NEAR(stage.fps, 5, 1e-9);
  EXPECT_EQ(stage.execution.count, 50u);
  EXPECT_NEAR(stage.execution.mean, 0.1, 1e-3);
  EXPECT_GT(stage.execution.p50, 0.05);
  EXPECT_EQ(stage.processed, processed) << "counters are since the start";
}

TEST(StatusWindow, LooksAtMostATickBeyondItsSpanWhenReportsComeOften) {
  StatusWindow window;
  plan::NodeReport report;
  NodeStatus status;
  for (int i = 0; i <= 400; ++i) {
    status.modules = {module("a", static_cast<uint64_t>(i <= 200 ? 0 : (i - 200) * 10))};
    window.fill(report, status, {}, at(milliseconds(100) * i));
  }
  EXPECT_NEAR(report.stages.at(0).fps, 100, 1e-6);
}

TEST(StatusWindow, OfWhatIsYoungerCountsSinceItWasSeen) {
  StatusWindow window;
  plan::NodeReport report;
  NodeStatus status;
  window.fill(report, status, {}, at(seconds(0)));
  window.fill(report, status, {}, at(seconds(4)));
  status.modules = {module("a", 100, spans({{100, milliseconds(1)}}))};
  window.fill(report, status, {}, at(seconds(6)));
  EXPECT_EQ(report.stages.at(0).fps, 0) << "one look gives no rate";
  EXPECT_EQ(report.stages.at(0).execution.count, 100u);
  status.modules = {module("a", 120, spans({{120, milliseconds(1)}}))};
  window.fill(report, status, {}, at(seconds(8)));
  EXPECT_NEAR(report.stages.at(0).fps, 10, 1e-9);
}

TEST(StatusWindow, SurvivesCountersThatBeginAnew) {
  StatusWindow window;
  plan::NodeReport report;
  NodeStatus status;
  status.modules = {module("a", 1000, spans({{1000, milliseconds(1)}}))};
  window.fill(report, status, {}, at(seconds(0)));
  status.modules = {module("a", 20, spans({{20, milliseconds(1)}}))};
  window.fill(report, status, {}, at(seconds(2)));
  EXPECT_NEAR(report.stages.at(0).fps, 10, 1e-9);
  EXPECT_EQ(report.stages.at(0).execution.count, 20u);
}

TEST(StatusWindow, IsNotDeceivedByAStageThatCameBackAndHasCountedMore) {
  StatusWindow window;
  plan::NodeReport report;
  NodeStatus status;
  // Two spans of one bucket, the later ones shorter.
  status.modules = {module("a", 100, spans({{100, std::chrono::microseconds(1020)}}))};
  window.fill(report, status, {}, at(seconds(0)));
  status.modules = {module("a", 101, spans({{101, std::chrono::microseconds(970)}}))};
  window.fill(report, status, {}, at(seconds(2)));
  EXPECT_EQ(report.stages.at(0).execution.count, 101u);
  EXPECT_NEAR(report.stages.at(0).execution.mean, 970e-6, 1e-9);
}

TEST(StatusWindow, CopiesStreams) {
  graph::StreamStatus stream;
  stream.key = "k";
  stream.name = "yard";
  stream.state = "waiting";
  stream.last_error = "gone";
  stream.fps = 12.5;
  stream.frames = 7;
  stream.reconnects = 2;
  stream.width = 640;
  stream.height = 480;
  stream.dropped = {{"superseded", 3}};
  NodeStatus status;
  status.streams = {stream};
  plan::NodeReport report;
  StatusWindow().fill(report, status, {}, at(seconds(0)));
  ASSERT_EQ(report.streams.size(), 1u);
  EXPECT_EQ(report.streams[0].state, "waiting");
  EXPECT_EQ(report.streams[0].last_error, "gone");
  EXPECT_EQ(report.streams[0].fps, 12.5);
  EXPECT_EQ(report.streams[0].dropped.at("superseded"), 3u);
}

/// yard: see → track → file and → page; only track and page run here, file runs elsewhere.
plan::NodePlan split_plan() {
  plan::NodePlan plan;
  plan::PlannedApplication yard;
  yard.name = "yard";
  yard.modules = {{"see", "detect", "k-see", {"source"}},
                  {"track", "track", "k-track", {"see"}},
                  {"file", "jsonl", "k-file", {"track"}},
                  {"page", "console", "k-page", {"track"}}};
  plan.applications = {yard};
  return plan;
}

TEST(StatusWindow, KnowsAnApplicationsSinksFromThePlan) {
  StatusWindow window;
  plan::NodeReport report;
  graph::ApplicationStatus yard;
  yard.name = "yard";
  yard.state = "running";
  auto track = module("k-track", 0), page = module("k-page", 0);
  track.name = "track";
  page.name = "page";
  yard.modules = {track, page};
  NodeStatus status;
  status.applications = {yard};
  window.fill(report, status, split_plan(), at(seconds(0)));
  yard.gaps = 4;
  yard.latency = spans({{60, milliseconds(20)}});
  yard.modules[0].processed = 500;
  yard.modules[1].processed = 60;
  yard.modules[1].last_error = "page is torn";
  status.applications = {yard};
  window.fill(report, status, split_plan(), at(seconds(2)));
  const auto& application = report.applications.at(0);
  EXPECT_EQ(application.delivered, 60u) << "track is read elsewhere: it is no sink";
  EXPECT_NEAR(application.fps, 15, 1e-9) << "of each of two streams";
  EXPECT_EQ(application.gaps, 4u);
  EXPECT_EQ(application.latency.count, 60u);
  EXPECT_EQ(application.last_error, "page: page is torn");
}

TEST(StatusWindow, TellsOfEachPeerOnce) {
  link::PeerStatus out, in;
  out.name = in.name = "box-2";
  out.state = "ready";
  out.address = "unix:/x";
  out.rtt_seconds = 0.001;
  out.bytes_per_second = 1e8;
  out.bytes_sent = 100;
  out.bytes_shared = 1000;
  in.outgoing = false;
  in.state = "ready";
  in.bytes_received = 50;
  link::PeerStatus only_in;
  only_in.name = "box-3";
  only_in.outgoing = false;
  only_in.state = "gone";
  link::PeerStatus refused;
  refused.name = "box-4";
  refused.state = "waiting";
  refused.last_error = "refused: node 'box-1' has another fleet token";
  link::OutgoingChannelStatus sent;
  sent.id = {"a", "s"};
  sent.peer = "box-2";
  sent.sent = 10;
  sent.bytes = 2000;
  sent.gaps = {{"superseded", 2}};
  sent.send = spans({{10, milliseconds(2)}});
  link::IncomingChannelStatus received;
  received.id = {"b", "s"};
  received.peer = "box-2";
  received.received = 8;
  received.gaps = {{"lost", 1}};
  received.receive = spans({{8, milliseconds(1)}});
  NodeStatus status;
  status.links = {{in, out, only_in, refused}, {sent}, {received}, 0};
  status.modules = {module("a", 10)};
  plan::NodePlan plan;
  plan.exports = {{.producer = "a", .stream = "s", .node = "box-2", .pixels = false, .crops = false}};
  plan::NodeReport report;
  StatusWindow().fill(report, status, plan, at(seconds(0)));
  ASSERT_EQ(report.links.size(), 3u);
  const auto& link = report.links[0];
  EXPECT_EQ(link.peer, "box-2");
  EXPECT_EQ(link.state, "up");
  EXPECT_EQ(link.address, "unix:/x");
  EXPECT_EQ(link.bytes_sent, 1100u);
  EXPECT_EQ(link.bytes_received, 50u);
  EXPECT_EQ(link.sent, 10u);
  EXPECT_EQ(link.received, 8u);
  EXPECT_EQ(link.gaps, 3u);
  EXPECT_EQ(link.send.count, 10u);
  EXPECT_EQ(link.receive.count, 8u);
  EXPECT_EQ(report.links[1].state, "waiting");
  EXPECT_EQ(report.links[2].state, "refused");
  EXPECT_NEAR(report.stages.at(0).bytes_out, 200, 1e-9) << "no picture travels on that channel";
  plan.exports[0].pixels = true;
  StatusWindow().fill(report, status, plan, at(seconds(0)));
  EXPECT_EQ(report.stages.at(0).bytes_out, 0) << "not known with the picture in it";
}

TEST(Quantiles, OfNothingAreZero) {
  EXPECT_EQ(quantiles({}).count, 0u);
  EXPECT_EQ(quantiles({}).mean, 0);
}

TEST(Span, StepsAreChildrenOfTheSource) {
  TraceSpan source, step;
  source.trace = step.trace = TraceId::make();
  source.kind = TraceSpan::Kind::kSource;
  step.kind = TraceSpan::Kind::kWait;
  step.start = Timestamp{milliseconds(1500)};
  step.duration = milliseconds(20);
  const auto root = to_span(source, "box-1"), child = to_span(step, "box-2"), other = to_span(step, "box-2");
  EXPECT_EQ(root.trace_id.size(), 32u);
  EXPECT_EQ(root.span_id.size(), 16u);
  EXPECT_TRUE(root.parent_id.empty());
  EXPECT_EQ(child.parent_id, root.span_id);
  EXPECT_NE(child.span_id, other.span_id);
  EXPECT_EQ(child.kind, "wait");
  EXPECT_EQ(child.node, "box-2");
  EXPECT_DOUBLE_EQ(child.start, 1.5);
  EXPECT_DOUBLE_EQ(child.duration, 0.02);
}

}  // namespace
}  // namespace vedette::node
