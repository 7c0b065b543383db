// What flows where: streams, their sources, and the edges from one stage, source or link to the next.
#include <algorithm>

#include "vedette/graph/containers.h"
#include "vedette/graph/network.h"

namespace vedette::graph {

/// Gives every stream of the plan its number within this process, which it keeps for as long as it is in the plan.
void Network::know_streams(const plan::NodePlan& plan) {
  const std::lock_guard lock(mutex_);
  for (const auto& stream : plan.streams) {
    auto& info = infos_[stream.key];
    if (info) continue;
    info = std::make_shared<const StreamInfo>(StreamInfo{stream.name, next_index_++, stream.key});
    live_[stream.key] = media::is_live(parse_source(stream.settings));
  }
}

void Network::forget_streams(const plan::NodePlan& plan) {
  const std::lock_guard lock(mutex_);
  const auto gone = [&](const auto& entry) {
    return std::none_of(plan.streams.begin(), plan.streams.end(), [&](const auto& s) { return s.key == entry.first; });
  };
  std::erase_if(infos_, gone);
  std::erase_if(live_, gone);
  std::erase_if(past_gaps_, [&](const auto& entry) { return !infos_.contains(entry.first.stream); });
  // Whoever reads this output later on, when nobody does now, misses nothing.
  std::erase_if(left_off_, [&](const auto& entry) {
    return std::none_of(plan.stages.begin(), plan.stages.end(), [&](const auto& spec) {
      return contains(spec.inputs, entry.first.producer) && contains(spec.streams, entry.first.stream);
    });
  });
}

/// What came from another node comes from a stage of this one now. With the mutex held.
void Network::resume_lanes() {
  std::erase_if(left_off_, [&](const auto& entry) {
    const auto stage = stages_.find(entry.first.producer);
    if (stage == stages_.end()) return false;
    const auto lane = stage->second.lanes.find(entry.first.stream);
    if (lane == stage->second.lanes.end()) return false;
    lane->second->resume_after(entry.second);
    return true;
  });
}

void Network::start_sources(const plan::NodePlan& plan) {
  for (const auto& stream : plan.streams) {
    if (!contains(plan.sources, stream.key) || sources_.contains(stream.key)) continue;
    const auto options = parse_source(stream.settings);
    std::unique_ptr<media::Source> opened;
    std::optional<Error> failure;
    const auto info = infos_.at(stream.key);
    try {
      opened = media::open_source(options, info, buffers_);
    } catch (const Error& e) {
      failure = e;
    }
    auto feed = std::make_shared<SourceFeed>(std::move(opened), std::move(failure),
                                             SourceFeed::Options{.stream = info,
                                                                 .url = media::without_credentials(options.url),
                                                                 .traces = options_.traces,
                                                                 .traces_per_second = options_.traces_per_second,
                                                                 .on_ended = [this] { on_ended(); }});
    const std::lock_guard lock(mutex_);
    sources_[stream.key].feed = std::move(feed);
  }
}

/// Sources begin, and links open, once everything behind them is there.
void Network::begin_sources_and_links() {
  std::vector<std::shared_ptr<SourceFeed>> feeds;
  std::vector<std::pair<plan::Channel, std::shared_ptr<Import>>> imports;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [key, source] : sources_)
      if (!std::exchange(source.started, true)) feeds.push_back(source.feed);
    for (auto& [channel, running] : imports_)
      if (!running.handle) imports.emplace_back(channel, running.import);
  }
  for (const auto& feed : feeds) feed->start();
  for (const auto& [channel, import] : imports) {
    auto handle = exchange_->open_import(channel, infos_.at(channel.stream), import);
    const std::lock_guard lock(mutex_);
    imports_.at(channel).handle = std::move(handle);
  }
}

/// For log lines.
std::string Network::name_of(const plan::Channel& channel) const {
  const std::lock_guard lock(mutex_);
  const auto info = infos_.find(channel.stream);
  return "stream '" + (info == infos_.end() ? channel.stream : info->second->name) + "' from node '" + channel.node +
         "'";
}

/// What another node sends comes in another form from now on (with pictures, because somebody looks at them): what is
/// under way in the old one goes on first.
void Network::hand_over(const std::vector<std::pair<plan::Channel, RunningImport>>& replaced) {
  for (const auto& [channel, running] : replaced) {
    std::shared_ptr<Import> next;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [other, import] : imports_)
        if (other.producer == channel.producer && other.stream == channel.stream) next = import.import;
    }
    if (next) {
      next->follow(running.import, running.handle);
      janitor_.take(running.import, name_of(channel));
    } else {
      running.import->end(Ending::kParted);
    }
  }
}

/// Where a producer's output for a stream comes out on this node; null where the stream does not pass through it: a
/// stage may have several inputs, of which only some see the stream. With the mutex held.
std::shared_ptr<Outlet> Network::outlet_of(const plan::NodePlan& plan, const std::string& producer,
                                           const std::string& stream) {
  if (producer == plan::kSource) {
    if (const auto found = sources_.find(stream); found != sources_.end()) return found->second.feed;
  } else if (const auto found = stages_.find(producer); found != stages_.end()) {
    if (const auto lane = found->second.lanes.find(stream); lane != found->second.lanes.end()) return lane->second;
  }
  for (const auto& channel : plan.imports) {
    if (channel.producer != producer || channel.stream != stream) continue;
    VEDETTE_ASSERT(exchange_ != nullptr);
    auto& running = imports_[channel];
    if (!running.import) {
      running.import = std::make_shared<Import>(QueueSpec{}.resolve(false).capacity);
      if (const auto left = left_off_.extract(Output{producer, stream})) running.import->resume_after(left.mapped());
    }
    return running.import;
  }
  return nullptr;
}

/// Every edge of the plan with its ends. With the mutex not held.
std::map<Network::Edge, Network::Ends> Network::wanted_edges(const plan::NodePlan& plan) {
  std::map<Edge, Ends> wanted;
  const std::lock_guard lock(mutex_);
  for (const auto& spec : plan.stages)
    for (const auto& stream : spec.streams)
      for (const auto& input : spec.inputs)
        if (auto outlet = outlet_of(plan, input, stream))
          wanted[{input, stream, spec.key}] = {std::move(outlet), stages_.at(spec.key).lanes.at(stream)};
  for (const auto& channel : plan.exports) {
    auto outlet = outlet_of(plan, channel.producer, channel.stream);
    if (!outlet) continue;
    auto& inlet = exports_[channel];
    if (!inlet) {
      const bool live = channel.producer == plan::kSource && live_.at(channel.stream);
      inlet = exchange_->open_export(channel, infos_.at(channel.stream), QueueSpec{}.resolve(live));
    }
    wanted[{channel.producer, channel.stream, "@" + channel.node}] = {std::move(outlet), inlet};
  }
  return wanted;
}

/// Makes the edges those that are wanted: from the sinks up, so that whatever begins to flow finds everything behind it
/// in place. An outlet changes its readers at one moment. What an outlet that goes has still to give comes out by
/// itself, and then the end.
void Network::rewire(std::map<Edge, Ends> wanted, const std::set<const Outlet*>& gone) {
  struct Change {
    std::shared_ptr<Outlet> outlet;
    size_t rank = 0;  // 0: a source or a link; from 1: stages, from the sources down
    Readers add, remove;
  };
  std::map<const Outlet*, Change> changes;
  {
    const std::lock_guard lock(mutex_);
    std::map<std::string, size_t> rank;
    for (const auto& spec : plan_.stages) rank.emplace(spec.key, rank.size() + 1);
    const auto change_of = [&](const Edge& edge, const Ends& ends) -> Change& {
      Change& change = changes[ends.outlet.get()];
      change.outlet = ends.outlet;
      if (const auto found = rank.find(edge.producer); found != rank.end()) change.rank = found->second;
      return change;
    };
    const auto same = [](const Ends& a, const Ends& b) { return a.outlet == b.outlet && a.inlet == b.inlet; };
    for (const auto& [edge, ends] : wanted) {
      const auto now = edges_.find(edge);
      if (now == edges_.end() || !same(now->second, ends)) change_of(edge, ends).add.push_back(ends.inlet);
    }
    for (const auto& [edge, ends] : edges_) {
      const auto still = wanted.find(edge);
      const bool stays = still != wanted.end() && same(still->second, ends);
      if (!stays && !gone.contains(ends.outlet.get())) change_of(edge, ends).remove.push_back(ends.inlet);
    }
    edges_ = std::move(wanted);
  }
  std::vector<const Change*> ordered;
  for (const auto& [outlet, change] : changes) ordered.push_back(&change);
  std::stable_sort(ordered.begin(), ordered.end(), [](const Change* a, const Change* b) { return a->rank > b->rank; });
  // A reader that goes from one outlet to another must know of the new one before the old one ends for it: with no
  // outlet left it would take the stream to be over.
  for (const Change* change : ordered)
    for (const auto& reader : change->add) reader->join(change->outlet);
  for (const Change* change : ordered) change->outlet->change_readers(change->add, change->remove);
}

}  // namespace vedette::graph
