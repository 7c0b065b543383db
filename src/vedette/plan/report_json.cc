#include <cmath>

#include "vedette/base/error.h"
#include "vedette/plan/json_walk.h"
#include "vedette/plan/report.h"

namespace vedette::plan {

static void walk(JsonWalk& w, Quantiles& q) {
  w.member("count", q.count);
  w.member("p50", q.p50);
  w.member("p95", q.p95);
  w.member("p99", q.p99);
  w.member("mean", q.mean);
}

static void walk(JsonWalk& w, StreamReport& stream) {
  w.member("key", stream.key);
  w.member("name", stream.name);
  w.member("state", stream.state);
  w.member("last_error", stream.last_error);
  w.member("fps", stream.fps);
  w.member("frames", stream.frames);
  w.member("reconnects", stream.reconnects);
  w.member("width", stream.width);
  w.member("height", stream.height);
  w.member("dropped", stream.dropped);
}

static void walk(JsonWalk& w, StageReport& stage) {
  w.member("key", stage.key);
  w.member("name", stage.name);
  w.member("type", stage.type);
  w.member("streams", stage.streams);
  w.member("fps", stage.fps);
  w.member("received", stage.received);
  w.member("processed", stage.processed);
  w.member("emitted", stage.emitted);
  w.member("errors", stage.errors);
  w.member("last_error", stage.last_error);
  w.member("queue_depth", stage.queue_depth);
  w.member("queue_capacity", stage.queue_capacity);
  w.member("dropped", stage.dropped);
  w.group("wait", stage.wait);
  w.group("execution", stage.execution);
  w.member("bytes_out", stage.bytes_out);
}

static void walk(JsonWalk& w, ApplicationReport& application) {
  w.member("name", application.name);
  w.member("state", application.state);
  w.group("latency", application.latency);
  w.member("fps", application.fps);
  w.member("delivered", application.delivered);
  w.member("gaps", application.gaps);
  w.member("last_error", application.last_error);
}

static void walk(JsonWalk& w, LinkReport& link) {
  w.member("peer", link.peer);
  w.member("state", link.state);
  w.member("address", link.address);
  w.member("last_error", link.last_error);
  w.member("rtt_seconds", link.rtt_seconds);
  w.member("clock_offset_seconds", link.clock_offset_seconds);
  w.member("bytes_per_second", link.bytes_per_second);
  w.member("bytes_sent", link.bytes_sent);
  w.member("bytes_received", link.bytes_received);
  w.member("reconnects", link.reconnects);
  w.member("sent", link.sent);
  w.member("received", link.received);
  w.member("gaps", link.gaps);
  w.group("serialise", link.serialise);
  w.group("send", link.send);
  w.group("receive", link.receive);
}

static void walk(JsonWalk& w, LogLine& line) {
  w.member("time", line.time);
  w.member("level", line.level);
  w.member("node", line.node);
  w.member("application", line.application);
  w.member("text", line.text);
}

static void walk(JsonWalk& w, Span& span) {
  w.member("trace_id", span.trace_id);
  w.member("span_id", span.span_id);
  w.member("parent_id", span.parent_id);
  w.member("name", span.name);
  w.member("kind", span.kind);
  w.member("node", span.node);
  w.member("stage", span.stage);
  w.member("stream", span.stream);
  w.member("sequence", span.sequence);
  w.member("start", span.start);
  w.member("duration", span.duration);
}

static void walk(JsonWalk& w, NodeReport& report) {
  w.member("node", report.node);
  w.member("epoch", report.epoch);
  w.member("version", report.version);
  w.member("protocol", report.protocol);
  w.member("labels", report.labels);
  w.member("link_addresses", report.link_addresses);
  w.member("console", report.console);
  w.member("cores", report.cores);
  w.member("cpu", report.cpu);
  w.member("machine_cpu", report.machine_cpu);
  w.member("memory_bytes", report.memory_bytes);
  w.member("memory_used_bytes", report.memory_used_bytes);
  w.member("speed", report.speed);
  w.member("draining", report.draining);
  w.member("ready", report.ready);
  w.member("plan_version", report.plan_version);
  w.member("plan_state", report.plan_state);
  w.member("plan_error", report.plan_error);
  w.member("plan_failed", report.plan_failed);
  w.list("streams", report.streams);
  w.list("stages", report.stages);
  w.list("applications", report.applications);
  w.list("links", report.links);
  w.list("log", report.log);
  w.list("spans", report.spans);
}

std::string to_json(const NodeReport& report) {
  NodeReport copy = report;  // a walk may write as well
  return write_json([&](JsonWalk& w) { walk(w, copy); });
}

NodeReport node_report_from_json(const std::string& text) {
  NodeReport report;
  read_json(text, "node report", [&](JsonWalk& w) { walk(w, report); });
  if (report.node.empty()) throw Error(ErrorCode::kInvalidData, "node report, node: it must say which node it is from");
  return report;
}

}  // namespace vedette::plan
