#include "vedette/sim/reporter.h"

#include <algorithm>
#include <set>

namespace vedette::sim {
namespace {

template <typename T>
auto& get(T& list, int i) {
  return list[static_cast<size_t>(i)];
}

plan::Quantiles about(double mean, double count) {
  return {static_cast<uint64_t>(count), mean, 1.3 * mean, 1.5 * mean, mean};
}

}  // namespace

Reporter::Reporter(const World& world, const Environment& environment, const Wiring& wiring, Engine& engine)
    : world_(world), environment_(environment), wiring_(wiring), engine_(engine) {
  node_bases_.resize(world.nodes().size());
  stream_fps_.assign(world.cameras().size(), 0);
}

void Reporter::rewire(Nanos now) {
  std::vector<Base> bases(wiring_.lanes().size());
  for (size_t i = 0; i < bases.size(); ++i) {
    if (const int was = wiring_.lane_was()[i]; was != kNone)
      bases[i] = get(bases_, was);
    else
      bases[i].old_at = bases[i].mid_at = now;
  }
  bases_ = std::move(bases);
  nodes_.clear();
  links_.clear();
  ends_.clear();
  reports_.clear();
  for (int node = 0; node < static_cast<int>(node_bases_.size()); ++node)
    if (engine_.alive(node)) describe(node);
}

void Reporter::turn(Nanos now) {
  for (size_t i = 0; i < bases_.size(); ++i) {
    Base& base = bases_[i];
    base.old = base.mid;
    base.old_at = base.mid_at;
    base.mid = engine_.lane(static_cast<int>(i));
    base.mid_at = now;
  }
  link_busy_.resize(environment_.links().size());
  for (size_t i = 0; i < link_busy_.size(); ++i)
    link_busy_[i] = {link_busy_[i].second, engine_.link(static_cast<int>(i)).busy_s};
  turned_ = {turned_.second, now};
  for (size_t i = 0; i < engine_.applications(); ++i) engine_.application(static_cast<int>(i)).latency.turn();
}

/// All that does not change from report to report.
void Reporter::describe(int node) {
  plan::NodeReport report;
  const plan::NodeView& view = get(world_.nodes(), node).view;
  report.node = view.name;
  report.epoch = "1";
  report.labels = view.labels;
  report.cores = view.cores;
  report.memory_bytes = view.memory_bytes;
  report.speed = view.speed;
  report.ready = true;
  report.plan_state = "running";
  std::set<int> links;
  std::vector<int> ends;
  for (const int lane : wiring_.on_node(node)) {
    const Lane& where = get(wiring_.lanes(), lane);
    for (const int wire : wiring_.list(where.channels)) links.insert(get(wiring_.wires(), wire).link);
    for (const int application : wiring_.list(where.ends)) ends.push_back(application);
    if (where.stage == kSourceStage) {
      plan::StreamReport stream;
      stream.key = get(world_.cameras(), where.stream).key;
      stream.name = get(world_.cameras(), where.stream).wish.name;
      report.streams.push_back(std::move(stream));
      continue;
    }
    const StageInfo& info = wiring_.stage(where);
    if (report.stages.empty() || report.stages.back().key != info.key) {
      plan::StageReport stage;
      stage.key = info.key;
      stage.name = info.name;
      stage.type = info.type;
      stage.bytes_out = info.cost->bytes_out;
      report.memory_used_bytes += info.cost->memory_bytes;
      report.stages.push_back(std::move(stage));
    }
    report.stages.back().streams.push_back(get(world_.cameras(), where.stream).key);
    report.stages.back().queue_capacity += static_cast<uint64_t>(info.cost->queue);
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  for (const int application : ends) {
    plan::ApplicationReport line;
    line.name = get(wiring_.applications(), application);
    line.state = "running";
    report.applications.push_back(std::move(line));
  }
  for (const int link : links) {
    plan::LinkReport line;
    line.peer = get(world_.nodes(), get(environment_.links(), link).to).view.name;
    line.state = "up";
    report.links.push_back(std::move(line));
  }
  nodes_.push_back(node);
  links_.emplace_back(links.begin(), links.end());
  ends_.push_back(std::move(ends));
  reports_.push_back(std::move(report));
}

Reporter::Rate Reporter::rate(int lane, Nanos now) const {
  const Base& base = get(bases_, lane);
  const LaneStats& is = engine_.lane(lane);
  return {is.received - base.old.received, is.processed - base.old.processed, is.execution_s - base.old.execution_s,
          is.wait_s - base.old.wait_s, std::max(1e-3, seconds_of(now - base.old_at))};
}

void Reporter::fill(size_t index, Nanos now) {
  const int node = nodes_[index];
  plan::NodeReport& report = reports_[index];
  NodeBase& base = get(node_bases_, node);
  const double busy = engine_.node(node).busy_s;
  if (now > base.at) {
    base.cpu = (busy - base.busy_s) / seconds_of(now - base.at);
    base.at = now;
    base.busy_s = busy;
  }
  report.cpu = report.machine_cpu = base.cpu;
  size_t stream = 0;
  plan::StageReport* line = nullptr;
  Rate sum;  // of the stage
  double received = 0, processed = 0, emitted = 0, queued = 0;
  const auto finish = [&] {
    if (!line) return;
    line->received = static_cast<uint64_t>(received);
    line->processed = static_cast<uint64_t>(processed);
    line->emitted = static_cast<uint64_t>(emitted);
    line->queue_depth = static_cast<uint64_t>(queued);
    const double count = sum.processed;
    line->execution = count >= 1 ? about(sum.execution_s / count, count) : plan::Quantiles{};
    line->wait = count >= 1 ? about(sum.wait_s / count, count) : plan::Quantiles{};
  };
  int stage = kSourceStage;
  for (const int lane : wiring_.on_node(node)) {
    const Lane& where = get(wiring_.lanes(), lane);
    const Rate recent = rate(lane, now);
    if (where.stage == kSourceStage) {
      auto& camera = report.streams[stream++];
      camera.fps = recent.received / recent.seconds;
      camera.frames = static_cast<uint64_t>(engine_.lane(lane).received);
      camera.state = environment_.off(where.stream) ? "waiting" : recent.seconds < 2 ? "connecting" : "streaming";
      get(stream_fps_, where.stream) = environment_.off(where.stream) ? 0 : camera.fps;
      continue;
    }
    if (where.stage != stage) {
      finish();
      line = line ? line + 1 : report.stages.data();
      stage = where.stage;
      sum = Rate{};
      line->fps = received = processed = emitted = queued = 0;
    }
    const LaneStats& all = engine_.lane(lane);
    received += all.received;
    processed += all.processed;
    emitted += all.emitted;
    queued += engine_.queued(lane);
    sum.processed += recent.processed;
    sum.execution_s += recent.execution_s;
    sum.wait_s += recent.wait_s;
    line->fps += recent.processed / recent.seconds;
    for (const int application : wiring_.list(where.ends)) {
      Seen& seen = get(seen_, application);
      const double fps = recent.processed / recent.seconds, wanted = get(stream_fps_, where.stream);
      if (!seen.there || fps < seen.fps) seen.fps = fps;
      if (!seen.there || wanted < seen.wanted_fps) seen.wanted_fps = wanted;
      seen.there = true;
      seen.count += recent.processed;
      seen.use = std::max(seen.use, base.cpu / report.cores);
    }
  }
  finish();
  for (size_t i = 0; i < report.applications.size(); ++i) {
    auto& each = report.applications[i];
    const int application = ends_[index][i];
    Seen& seen = get(seen_, application);
    each.latency = engine_.application(application).latency.both().quantiles();
    each.fps = seen.fps;
    each.delivered = static_cast<uint64_t>(engine_.application(application).delivered);
    seen.p95_ms = each.latency.p95 * 1e3;
  }
  for (size_t i = 0; i < report.links.size(); ++i) {
    const int link = links_[index][i];
    const LinkState& state = get(environment_.links(), link);
    report.links[i].bytes_per_second = state.bytes_per_second;
    report.links[i].rtt_seconds = state.rtt_s;
    report.links[i].bytes_sent = static_cast<uint64_t>(engine_.link(link).bytes);
    report.links[i].sent = static_cast<uint64_t>(engine_.link(link).sent);
  }
}

void Reporter::report(Nanos now) {
  seen_.assign(wiring_.applications().size(), {});
  link_use_ = 0;
  for (size_t i = 0; i < environment_.links().size(); ++i) {
    const double before = i < link_busy_.size() ? link_busy_[i].first : 0;
    link_use_ = std::max(link_use_, (engine_.link(static_cast<int>(i)).busy_s - before) /
                                        std::max(1.0, seconds_of(now - turned_.first)));
  }
  for (size_t i = 0; i < reports_.size(); ++i) fill(i, now);
}

}  // namespace vedette::sim
