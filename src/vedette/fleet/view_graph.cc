// An application as a graph, with what is measured on its modules and edges.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "vedette/fleet/view.h"

namespace vedette::fleet {
namespace {

using nlohmann::json;

/// What several replicas of one stage measured: sums, and the worst quantiles.
struct Joint {
  double fps = 0, emitted = 1, bytes_out = 0;
  uint64_t queue_depth = 0, queue_capacity = 0, errors = 0;
  std::string last_error;
  plan::Drops dropped;
  plan::Quantiles wait, execution;
};

void take_worse(plan::Quantiles& worst, const plan::Quantiles& one) {
  const uint64_t count = worst.count + one.count;
  if (one.p95 >= worst.p95) worst = one;
  worst.count = count;
}

/// `own`: which share of the stage's streams are the application's.
Joint join(const std::vector<View::StageAt>& places, double own) {
  Joint joint;
  uint64_t processed = 0, emitted = 0;
  for (const auto& [node, r] : places) {
    joint.fps += r->fps * own;
    joint.queue_depth += r->queue_depth;
    joint.queue_capacity += r->queue_capacity;
    joint.errors += r->errors;
    if (!r->last_error.empty()) joint.last_error = r->last_error;
    for (const auto& [reason, count] : r->dropped) joint.dropped[reason] += count;
    take_worse(joint.wait, r->wait);
    take_worse(joint.execution, r->execution);
    joint.bytes_out = std::max(joint.bytes_out, r->bytes_out);
    processed += r->processed;
    emitted += r->emitted;
  }
  if (processed > 0) joint.emitted = static_cast<double>(emitted) / static_cast<double>(processed);
  return joint;
}

/// Waiting in front of a module, and the way over the link if there is one: sums of quantiles, so rather too much.
plan::Quantiles edge_latency(const plan::Quantiles& wait, const plan::LinkReport* link) {
  plan::Quantiles sum = wait;
  if (!link) return sum;
  for (const auto* part : {&link->serialise, &link->send, &link->receive}) {
    sum.p50 += part->p50;
    sum.p95 += part->p95;
    sum.p99 += part->p99;
    sum.mean += part->mean;
  }
  for (double* value : {&sum.p50, &sum.p95, &sum.p99, &sum.mean}) *value += link->rtt_seconds / 2;
  return sum;
}

}  // namespace

json View::graph(const plan::ApplicationWish& wish) const {
  const auto keys = plan::stage_keys(wish);
  std::vector<std::string> streams;
  std::map<std::string, size_t> index;
  for (size_t i = 0; i < wish.modules.size(); ++i) index[wish.modules[i].name] = i;

  json sources = json::array();
  std::vector<double> source_fps;
  for (const auto& source : wish.sources) {
    streams.push_back(plan::stream_key(source));
    const auto at = streams_.find(streams.back());
    const std::string* node = node_of(plan::kSource, streams.back());
    source_fps.push_back(at == streams_.end() ? 0 : at->second.report->fps);
    sources.push_back({{"name", source.name},
                       {"key", streams.back()},
                       {"node", node ? *node : ""},
                       {"state", at == streams_.end() ? "waiting" : at->second.report->state},
                       {"fps", source_fps.back()}});
  }
  std::vector<Joint> joints(wish.modules.size());
  json modules = json::array();
  for (size_t i = 0; i < wish.modules.size(); ++i) {
    const auto& module = wish.modules[i];
    const auto planned = planned_stages_.find(keys[i]);
    std::vector<std::string> users;
    double own = 1;
    if (planned != planned_stages_.end()) {
      for (const auto& user : planned->second->users) users.push_back(user.application);
      const auto& all = planned->second->streams;
      const auto mine = std::count_if(all.begin(), all.end(), [&](const auto& stream) {
        return std::find(streams.begin(), streams.end(), stream) != streams.end();
      });
      if (!all.empty()) own = static_cast<double>(mine) / static_cast<double>(all.size());
    }
    std::set<std::string> nodes;
    for (const auto& stream : streams)
      if (const std::string* node = node_of(keys[i], stream)) nodes.insert(*node);
    if (const auto places = stages_.find(keys[i]); places != stages_.end()) joints[i] = join(places->second, own);
    const Joint& joint = joints[i];
    modules.push_back({{"name", module.name},
                       {"type", module.type},
                       {"key", keys[i]},
                       {"inputs", module.inputs},
                       {"sink", module.sink},
                       {"nodes", nodes},
                       {"users", visible(users)},
                       {"fps", joint.fps},
                       {"queue_depth", joint.queue_depth},
                       {"queue_capacity", joint.queue_capacity},
                       {"wait", to_json_value(joint.wait)},
                       {"execution", to_json_value(joint.execution)},
                       {"errors", joint.errors},
                       {"last_error", joint.last_error},
                       {"dropped", joint.dropped}});
  }

  json edges = json::array();
  const auto add_edge = [&](const std::string& from, size_t to, const std::string& producer,
                            const std::vector<std::string>& over, double fps, double bytes_each) {
    std::string from_node, to_node;
    size_t linked = 0;
    for (const auto& stream : over) {
      const std::string *a = node_of(producer, stream), *b = node_of(keys[to], stream);
      if (!a || !b) continue;
      const bool link = *a != *b;
      if (from_node.empty() || (link && linked == 0)) {
        from_node = *a;
        to_node = *b;
      }
      linked += link ? 1 : 0;
    }
    const plan::LinkReport* link = nullptr;
    double picture_bytes = 0;
    if (const auto node = nodes_.find(from_node); linked > 0 && node != nodes_.end() && node->second->report) {
      for (const auto& one : node->second->report->links) {
        if (one.peer != to_node) continue;
        link = &one;
        // With its pictures, an observation is as large as the mean of what the link has sent.
        if (one.sent > 0) picture_bytes = static_cast<double>(one.bytes_sent) / static_cast<double>(one.sent);
      }
    }
    const double share = over.empty() ? 0 : static_cast<double>(linked) / static_cast<double>(over.size());
    edges.push_back({{"from", from},
                     {"to", wish.modules[to].name},
                     {"from_node", from_node},
                     {"to_node", to_node},
                     {"fps", fps},
                     {"link", linked > 0},
                     {"bytes_per_second", fps * share * std::max(bytes_each, picture_bytes)},
                     {"latency", to_json_value(edge_latency(joints[to].wait, link))}});
  };
  for (size_t to = 0; to < wish.modules.size(); ++to) {
    for (const auto& input : wish.modules[to].inputs) {
      if (input == plan::kSource) {
        for (size_t s = 0; s < streams.size(); ++s)
          add_edge(wish.sources[s].name, to, plan::kSource, {streams[s]}, source_fps[s], 0);
      } else if (const auto from = index.find(input); from != index.end()) {
        const Joint& joint = joints[from->second];
        add_edge(input, to, keys[from->second], streams, joint.fps * joint.emitted, joint.bytes_out);
      }
    }
  }
  return {{"sources", std::move(sources)}, {"modules", std::move(modules)}, {"edges", std::move(edges)}};
}

}  // namespace vedette::fleet
