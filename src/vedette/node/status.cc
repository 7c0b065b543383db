#include "vedette/node/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::node {
namespace {

constexpr Duration kSpacing = std::chrono::seconds(1);

plan::Drops drops(const std::map<std::string, uint64_t, std::less<>>& dropped) {
  return {dropped.begin(), dropped.end()};
}

/// What came after `earlier`; all of it when the counters began anew in between.
HistogramSnapshot after(const HistogramSnapshot& now, const HistogramSnapshot& earlier) {
  for (size_t i = 0; i < HistogramSnapshot::kBuckets; ++i)
    if (now.counts[i] < earlier.counts[i]) return now;
  // A stage that came back under its key may have counted more by now, of shorter spans.
  if (now.count > earlier.count && now.sum_seconds < earlier.sum_seconds) return now;
  return now.since(earlier);
}

plan::StreamReport stream_report(const graph::StreamStatus& stream) {
  plan::StreamReport report;
  report.key = stream.key;
  report.name = stream.name;
  report.state = stream.state;
  report.last_error = stream.last_error;
  report.fps = stream.fps;
  report.frames = stream.frames;
  report.reconnects = stream.reconnects;
  report.width = stream.width;
  report.height = stream.height;
  report.dropped = drops(stream.dropped);
  return report;
}

/// Bytes of one observation as it travels, from the channels on which it travels without a picture.
double bytes_out(const std::string& stage, const NodeStatus& status, const plan::NodePlan& plan) {
  uint64_t bytes = 0, sent = 0;
  for (const auto& channel : plan.exports) {
    if (channel.producer != stage || channel.pixels) continue;
    for (const auto& out : status.links.outgoing) {
      if (out.id.producer.substr(0, out.id.producer.find('+')) != channel.producer || out.id.stream != channel.stream ||
          out.peer != channel.node)
        continue;
      bytes += out.bytes;
      sent += out.sent;
    }
  }
  return sent == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(sent);
}

const plan::PlannedApplication* find(const plan::NodePlan& plan, const std::string& application) {
  const auto found = std::find_if(plan.applications.begin(), plan.applications.end(),
                                  [&](const auto& a) { return a.name == application; });
  return found == plan.applications.end() ? nullptr : &*found;
}

/// Names of the modules that another one of the application reads, wherever it runs.
std::set<std::string> read_modules(const graph::ApplicationStatus& application,
                                   const plan::PlannedApplication* planned) {
  std::set<std::string> read;
  if (planned) {
    for (const auto& module : planned->modules) read.insert(module.inputs.begin(), module.inputs.end());
  } else {
    for (const auto& module : application.modules) read.insert(module.inputs.begin(), module.inputs.end());
  }
  return read;
}

std::string link_state(const link::PeerStatus& peer) {
  if (peer.state == "ready") return "up";
  if (peer.state == "connecting" || peer.state == "greeting") return "connecting";
  return peer.last_error.starts_with("refused: ") ? "refused" : "waiting";
}

}  // namespace

plan::Quantiles quantiles(const HistogramSnapshot& spans) {
  plan::Quantiles q;
  q.count = spans.count;
  if (spans.count == 0) return q;
  q.p50 = spans.quantile(0.5);
  q.p95 = spans.quantile(0.95);
  q.p99 = spans.quantile(0.99);
  q.mean = spans.sum_seconds / static_cast<double>(spans.count);
  return q;
}

StatusWindow::Recent StatusWindow::recent(const std::string& key, Point now) {
  const Point* before = nullptr;
  MonotonicTime since{};
  for (const auto& sample : samples_) {
    const auto found = sample.points.find(key);
    if (found == sample.points.end()) continue;
    before = &found->second;
    since = sample.time;
    break;
  }
  Recent recent;
  const bool anew = before && now.count < before->count;
  if (before && current_.time > since)
    recent.per_second =
        static_cast<double>(anew ? now.count : now.count - before->count) / to_seconds(current_.time - since);
  for (size_t i = 0; i < now.spans.size(); ++i)
    recent.spans[i] = quantiles(before && !anew ? after(now.spans[i], before->spans[i]) : now.spans[i]);
  current_.points.emplace(key, std::move(now));
  return recent;
}

plan::StageReport StatusWindow::stage(const graph::ModuleStatus& module, const NodeStatus& status,
                                      const plan::NodePlan& plan) {
  plan::StageReport report;
  report.key = module.key;
  report.name = module.name;
  report.type = module.type;
  report.streams = module.streams;
  report.received = module.received;
  report.processed = module.processed;
  report.emitted = module.emitted;
  report.errors = module.errors;
  report.last_error = module.last_error;
  report.queue_depth = module.queue_depth;
  report.queue_capacity = module.queue_capacity * std::max<size_t>(1, module.streams.size());
  report.dropped = drops(module.dropped);
  const auto recently =
      recent("stage " + module.key, {module.processed, {module.wait, module.execution, HistogramSnapshot{}}});
  report.fps = recently.per_second;
  report.wait = recently.spans[0];
  report.execution = recently.spans[1];
  report.bytes_out = bytes_out(module.key, status, plan);
  return report;
}

plan::ApplicationReport StatusWindow::application(const graph::ApplicationStatus& application,
                                                  const plan::NodePlan& plan) {
  plan::ApplicationReport report;
  report.name = application.name;
  report.state = application.state;
  report.gaps = application.gaps;
  const auto read = read_modules(application, find(plan, application.name));
  bool first = true;
  for (const auto& module : application.modules) {
    if (!module.last_error.empty()) report.last_error = module.name + ": " + module.last_error;
    if (read.contains(module.name)) continue;
    report.delivered += module.processed;
    const double fps =
        recent(fmt::format("sink {} {}", application.name, module.name), {module.processed, {}}).per_second /
        static_cast<double>(std::max<size_t>(1, module.streams.size()));
    report.fps = first ? fps : std::min(report.fps, fps);
    first = false;
  }
  report.latency =
      recent("application " + application.name, {application.latency.count, {application.latency, {}, {}}}).spans[0];
  return report;
}

std::vector<plan::LinkReport> StatusWindow::links(const link::EndpointStatus& links) {
  struct Sum {
    plan::LinkReport report;
    bool outgoing = false;
    Point point;
  };
  std::map<std::string, Sum> peers;
  for (const auto& peer : links.peers) {
    auto& sum = peers[peer.name];
    sum.report.bytes_sent += peer.bytes_sent + (peer.outgoing ? peer.bytes_shared : 0);
    sum.report.bytes_received += peer.bytes_received + (peer.outgoing ? 0 : peer.bytes_shared);
    sum.report.reconnects += peer.reconnects;
    // We know more of the connection that we made ourselves: what it says of the link goes first.
    if (sum.outgoing) continue;
    sum.outgoing = peer.outgoing;
    sum.report.state = link_state(peer);
    sum.report.address = peer.address;
    sum.report.last_error = peer.last_error;
    sum.report.rtt_seconds = peer.rtt_seconds;
    sum.report.clock_offset_seconds = peer.clock_offset_seconds;
    sum.report.bytes_per_second = peer.bytes_per_second;
  }
  const auto total = [](const link::Gaps& gaps) {
    uint64_t all = 0;
    for (const auto& [reason, count] : gaps) all += count;
    return all;
  };
  for (const auto& channel : links.outgoing) {
    auto& sum = peers[channel.peer];
    sum.report.sent += channel.sent;
    sum.report.gaps += total(channel.gaps);
    sum.point.spans[0].add(channel.serialise);
    sum.point.spans[1].add(channel.send);
  }
  for (const auto& channel : links.incoming) {
    auto& sum = peers[channel.peer];
    sum.report.received += channel.received;
    sum.report.gaps += total(channel.gaps);
    sum.point.spans[2].add(channel.receive);
  }
  std::vector<plan::LinkReport> reports;
  for (auto& [name, sum] : peers) {
    sum.report.peer = name;
    if (sum.report.state.empty()) sum.report.state = "connecting";
    sum.point.count = sum.report.sent;
    const auto recently = recent("link " + name, std::move(sum.point));
    sum.report.serialise = recently.spans[0];
    sum.report.send = recently.spans[1];
    sum.report.receive = recently.spans[2];
    reports.push_back(std::move(sum.report));
  }
  return reports;
}

void StatusWindow::fill(plan::NodeReport& report, const NodeStatus& status, const plan::NodePlan& plan,
                        MonotonicTime now) {
  VEDETTE_ASSERT(now >= current_.time);
  current_ = {now, {}};
  // The oldest sample is the last one that is at least the span old.
  while (samples_.size() > 1 && now - samples_[1].time >= kSpan) samples_.pop_front();

  report.streams.clear();
  for (const auto& stream : status.streams) report.streams.push_back(stream_report(stream));
  report.stages.clear();
  for (const auto& module : status.modules) report.stages.push_back(stage(module, status, plan));
  report.applications.clear();
  for (const auto& one : status.applications) report.applications.push_back(application(one, plan));
  report.links = links(status.links);

  if (samples_.empty() || now - samples_.back().time >= kSpacing) samples_.push_back(current_);
}

plan::Span to_span(const TraceSpan& step, const std::string& node) {
  plan::Span span;
  span.trace_id = step.trace.hex();
  const std::string root = span.trace_id.substr(0, 16);
  span.span_id = root;
  if (step.kind != TraceSpan::Kind::kSource) {
    span.span_id = TraceId::make().hex().substr(0, 16);
    span.parent_id = root;
  }
  span.name = step.name;
  span.kind = to_string(step.kind);
  span.node = node;
  span.stage = step.stage;
  span.stream = step.stream;
  span.sequence = step.sequence;
  span.start = to_seconds(step.start.time_since_epoch());
  span.duration = to_seconds(step.duration);
  return span;
}

}  // namespace vedette::node
