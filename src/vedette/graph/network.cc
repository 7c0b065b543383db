#include "vedette/graph/network.h"

#include <algorithm>

#include "vedette/base/log.h"
#include "vedette/base/thread.h"

namespace vedette::graph {
namespace {

MonotonicTime now() { return Clock::system().monotonic(); }

/// std::erase_if for maps hands the predicate constants; this one may take the value out first.
template <typename Map, typename Gone>
void take_out(Map& map, Gone gone) {
  for (auto it = map.begin(); it != map.end();) it = gone(*it) ? map.erase(it) : std::next(it);
}

template <typename T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

std::vector<std::string> applications_of(const plan::Stage& stage) {
  std::vector<std::string> names;
  for (const auto& user : stage.users)
    if (!contains(names, user.application)) names.push_back(user.application);
  return names;
}

/// Not in its place any more, and the one that takes its place writes where it wrote.
bool replaces(const plan::Stage& stage, const plan::Stage& old) {
  return stage.sink && old.sink && stage.key != old.key && !stage.users.empty() && !old.users.empty() &&
         stage.users.front() == old.users.front();
}

}  // namespace

Network::Network(Executor::Options options, const ModuleContext::Services* services)
    : options_(std::move(options)),
      services_(services),
      buffers_(std::make_shared<BufferPool>(BufferPool::Options{.max_idle_bytes = options_.pool_idle_bytes})),
      pool_(options_.threads),
      janitor_([this](const std::stop_token& stop) { see_off(stop); }) {}

Network::~Network() {
  close("stopped");
  janitor_.request_stop();
  janitor_.join();
}

void Network::apply(const plan::NodePlan& plan) {
  const std::lock_guard one_at_a_time(applying_);
  for (const auto& stage : plan.stages) wait_gone(stage.key);
  know_streams(plan);
  const auto replaced = replace_sinks(plan);
  std::map<std::string, RunningStage> stages;
  {
    const std::lock_guard lock(mutex_);
    closed_ = nullptr;
    stages = stages_;
  }
  Made made;
  try {
    start_new(plan, stages, made);
  } catch (...) {
    take_back(made);
    bring_back(replaced);
    throw;
  }
  auto leaving = part_stages(plan, stages);
  std::set<const Outlet*> gone_outlets;
  for (const auto& gone : leaving)
    for (const auto& lane : gone.lanes) gone_outlets.insert(lane.get());
  std::vector<std::shared_ptr<SourceFeed>> gone_feeds;
  std::vector<RunningImport> gone_imports;
  std::vector<std::shared_ptr<Inlet>> gone_exports;  // closed when this goes out of scope, after they have ended
  {
    const std::lock_guard lock(mutex_);
    stages_ = std::move(stages);
    plan_ = plan;
    take_out(sources_, [&](auto& entry) {
      if (contains(plan.sources, entry.first)) return false;
      gone_outlets.insert(entry.second.feed.get());
      gone_feeds.push_back(std::move(entry.second.feed));
      return true;
    });
    take_out(imports_, [&](auto& entry) {
      if (contains(plan.imports, entry.first)) return false;
      if (const auto last = entry.second.import->last_sequence())
        left_off_[{entry.first.producer, entry.first.stream}] = *last;
      for (const auto& [reason, count] : entry.second.import->counts().gaps) past_gaps_[entry.first.stream] += count;
      gone_outlets.insert(entry.second.import.get());
      gone_imports.push_back(std::move(entry.second));
      return true;
    });
    take_out(exports_, [&](auto& entry) {
      if (contains(plan.exports, entry.first)) return false;
      gone_exports.push_back(std::move(entry.second));
      return true;
    });
  }
  if (exchange_) exchange_->set_peers(plan.peers);
  start_sources(plan);
  rewire(wanted_edges(plan), gone_outlets);
  for (auto& gone : leaving) leave(std::move(gone));
  for (const auto& feed : gone_feeds) feed->request_stop();
  for (const auto& gone : gone_imports) gone.import->end(Ending::kParted);
  {
    const std::lock_guard lock(mutex_);
    leaving_feeds_.insert(leaving_feeds_.end(), gone_feeds.begin(), gone_feeds.end());
  }
  changed_.notify_all();
  begin_sources_and_links();
  forget_streams(plan);
}

/// Takes out of `stages` what the plan does not have.
std::vector<Network::Leaving> Network::part_stages(const plan::NodePlan& plan,
                                                   std::map<std::string, RunningStage>& stages) {
  std::vector<Leaving> leaving;
  std::map<std::string, const plan::Stage*> wanted;
  for (const auto& spec : plan.stages) wanted[spec.key] = &spec;
  take_out(stages, [&](auto& entry) {
    auto& [key, running] = entry;
    const auto found = wanted.find(key);
    Leaving gone{.key = key,
                 .stage = running.stage,
                 .lanes = {},
                 .whole = found == wanted.end(),
                 .deadline = now() + options_.drain_limit};
    take_out(running.lanes, [&](auto& lane) {
      if (!gone.whole && contains(found->second->streams, lane.first)) return false;
      gone.lanes.push_back(std::move(lane.second));
      return true;
    });
    const bool whole = gone.whole;
    if (whole || !gone.lanes.empty()) leaving.push_back(std::move(gone));
    return whole;
  });
  return leaving;
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
  std::erase_if(past_gaps_, gone);
  std::erase_if(left_off_, [&](const auto& entry) { return !infos_.contains(entry.first.second); });
}

void Network::start_new(const plan::NodePlan& plan, std::map<std::string, RunningStage>& stages, Made& made) {
  for (const auto& spec : plan.stages) {
    RunningStage& running = stages[spec.key];
    try {
      start_stage(spec, running, made);
    } catch (const Error& e) {
      throw PlanError(e, applications_of(spec));
    } catch (const std::exception& e) {
      throw PlanError(Error(ErrorCode::kInternal, spec.name + ": " + e.what()), applications_of(spec));
    }
  }
}

void Network::start_stage(const plan::Stage& spec, RunningStage& running, Made& made) {
  running.spec = spec;
  if (!running.stage) {
    running.stage = make_stage(spec);
    running.stage->start();
    made.stages.push_back(running.stage);
  }
  for (const auto& stream : spec.streams) {
    auto& lane = running.lanes[stream];
    if (lane) continue;
    lane = running.stage->add_stream(infos_.at(stream), queue_of(spec, stream));
    made.lanes.emplace_back(running.stage, lane);
  }
}

std::shared_ptr<Stage> Network::make_stage(const plan::Stage& spec) {
  const ModuleSpec module = parse_module(spec.type, spec.settings);
  ModuleContext context;
  context.application = spec.users.empty() ? std::string() : spec.users.front().application;
  context.module = spec.name;
  context.pool = buffers_.get();
  context.set_services(services_);
  Stage::Options options{.key = spec.key,
                         .name = spec.name,
                         .traits = module.traits,
                         .factory = module.factory,
                         .parallel = module.parallel,
                         .on_lane_ended = [this] { notify(); },
                         .traces = options_.traces};
  return std::make_shared<Stage>(std::move(options), pool_, std::move(context));
}

QueueOptions Network::queue_of(const plan::Stage& spec, const std::string& stream) const {
  return parse_module(spec.type, spec.settings)
      .queue.resolve(live_.at(stream) && contains(spec.inputs, std::string(plan::kSource)));
}

void Network::take_back(Made& made) {
  for (const auto& [stage, lane] : made.lanes) stage->remove_stream(*lane);
  for (const auto& stage : made.stages) stage->stop();
}

/// A sink whose settings changed writes where the old one wrote: the old one must have closed its file before the new
/// one opens it. Returns the old ones.
std::vector<plan::Stage> Network::replace_sinks(const plan::NodePlan& plan) {
  std::vector<plan::Stage> old;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& spec : plan.stages) {
      for (const auto& [key, running] : stages_) {
        if (stages_.contains(spec.key) || !replaces(spec, running.spec)) continue;
        try {  // whether the new settings can be read at all is seen before anything is touched
          parse_module(spec.type, spec.settings);
        } catch (const Error& e) {
          throw PlanError(e, applications_of(spec));
        }
        old.push_back(running.spec);
      }
    }
  }
  for (const auto& spec : old) remove_stage_now(spec.key);
  return old;
}

/// The sinks that were to take their place cannot be started.
void Network::bring_back(const std::vector<plan::Stage>& sinks) {
  if (sinks.empty()) return;
  for (const auto& spec : sinks) {
    RunningStage running;
    Made made;
    try {
      start_stage(spec, running, made);
    } catch (const std::exception& e) {
      take_back(made);
      log::error("{}: cannot be started again: {}", spec.name, e.what());
      continue;
    }
    const std::lock_guard lock(mutex_);
    stages_[spec.key] = std::move(running);
  }
  plan::NodePlan plan;
  {
    const std::lock_guard lock(mutex_);
    plan = plan_;
    std::erase_if(plan.stages, [&](const auto& spec) { return !stages_.contains(spec.key); });
  }
  rewire(wanted_edges(plan), {});
}

/// Parts a stage from its producers, lets it come out, and stops it.
void Network::remove_stage_now(const std::string& key) {
  Leaving gone;
  gone.key = key;
  gone.whole = true;
  gone.deadline = now() + options_.drain_limit;
  std::vector<Ends> parted;
  {
    const std::lock_guard lock(mutex_);
    const auto found = stages_.find(key);
    if (found == stages_.end()) return;
    gone.stage = found->second.stage;
    for (auto& [stream, lane] : found->second.lanes) gone.lanes.push_back(lane);
    stages_.erase(found);
    for (auto it = edges_.begin(); it != edges_.end();) {
      if (it->first.reader != key) {
        ++it;
        continue;
      }
      parted.push_back(it->second);
      it = edges_.erase(it);
    }
  }
  for (const auto& edge : parted) edge.outlet->remove_reader(edge.inlet);
  leave(std::move(gone));
  wait_gone(key);
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
                                                                 .on_ended = [this] { notify(); }});
    const std::lock_guard lock(mutex_);
    sources_[stream.key].feed = std::move(feed);
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
      if (const auto left = left_off_.find({producer, stream}); left != left_off_.end())
        running.import->resume_after(left->second);
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

void Network::notify() {
  {
    const std::lock_guard lock(mutex_);
    ++endings_;
  }
  changed_.notify_all();
}

void Network::leave(Leaving leaving) {
  const std::lock_guard lock(mutex_);
  leaving_.push_back(std::move(leaving));
  changed_.notify_all();
}

void Network::wait_gone(const std::string& key) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    return std::none_of(leaving_.begin(), leaving_.end(), [&](const auto& l) { return l.key == key; });
  });
}

bool Network::over(const Leaving& leaving) {
  return std::all_of(leaving.lanes.begin(), leaving.lanes.end(), [](const auto& lane) { return lane->ended(); });
}

/// The janitor's thread: takes away what has ended, or what is too late.
void Network::see_off(const std::stop_token& stop) {
  name_this_thread("janitor");
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const uint64_t seen = endings_;
    std::vector<std::shared_ptr<SourceFeed>> feeds;
    std::erase_if(leaving_feeds_, [&](auto& feed) {
      if (!feed->ended()) return false;
      feeds.push_back(std::move(feed));
      return true;
    });
    const auto leaving = leaving_;
    lock.unlock();
    for (const auto& feed : feeds) feed->join();
    feeds.clear();
    const MonotonicTime time = now();
    bool removed = false;
    for (size_t i = 0; i < leaving.size(); ++i) {
      if (!over(leaving[i]) && time < leaving[i].deadline) continue;
      if (!over(leaving[i]))
        log::warn("{}: not everything came out within {:.1f} s; the rest is dropped", leaving[i].stage->options().name,
                  to_seconds(options_.drain_limit));
      for (const auto& lane : leaving[i].lanes) leaving[i].stage->remove_stream(*lane);
      if (leaving[i].whole) leaving[i].stage->stop();
      lock.lock();
      std::erase_if(leaving_,
                    [&](const auto& l) { return l.stage == leaving[i].stage && l.lanes == leaving[i].lanes; });
      lock.unlock();
      removed = true;
    }
    if (removed) changed_.notify_all();
    lock.lock();
    if (leaving_.empty() && leaving_feeds_.empty()) {
      changed_.wait(lock, stop, [&] { return !leaving_.empty() || !leaving_feeds_.empty(); });
    } else {
      changed_.wait_for(lock, stop, std::chrono::milliseconds(100),
                        [&] { return endings_ != seen || leaving_.size() != leaving.size(); });
    }
  }
}

bool Network::all_ended() const {
  for (const auto& [key, source] : sources_)
    if (!source.feed->ended()) return false;
  for (const auto& [key, running] : stages_)
    for (const auto& [stream, lane] : running.lanes)
      if (!lane->ended()) return false;
  return leaving_.empty();
}

bool Network::wait_finished(const std::stop_token& stop) {
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return closed_ || all_ended(); })) return false;
  }
  close("finished");
  return true;
}

void Network::drain(Duration limit) {
  {
    std::unique_lock lock(mutex_);
    if (closed_) return;
    draining_ = true;
    for (const auto& [key, source] : sources_) source.feed->request_stop();
    const auto imports = imports_;
    lock.unlock();
    for (const auto& [key, import] : imports) import.import->end(Ending::kParted);
    lock.lock();
    if (!changed_.wait_for(lock, limit, [&] { return all_ended(); }))
      log::warn("not everything came out within {:.1f} s; the rest is dropped", to_seconds(limit));
  }
  close("stopped");
}

/// Ends everything that still runs, in the order of the flow, and joins it. The status stays.
void Network::close(const char* state) {
  const std::lock_guard one_at_a_time(applying_);
  std::map<std::string, Source> sources;
  std::map<std::string, RunningStage> stages;
  std::map<plan::Channel, RunningImport> imports;
  {
    std::unique_lock lock(mutex_);
    if (closed_) return;
    sources = sources_;
    stages = stages_;
    imports.swap(imports_);
    for (const auto& feed : leaving_feeds_) feed->request_stop();
    for (auto& gone : leaving_) gone.deadline = now();
  }
  imports.clear();  // the links bring nothing more
  for (const auto& [key, source] : sources) source.feed->request_stop();
  for (const auto& [key, running] : stages) running.stage->abandon();
  for (const auto& [key, running] : stages) running.stage->stop();
  for (const auto& [key, source] : sources) source.feed->join();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return leaving_.empty() && leaving_feeds_.empty(); });
  closed_ = state;
  edges_.clear();
  exports_.clear();
  for (auto& [key, running] : stages_) running.lanes.clear();
  draining_ = false;
  lock.unlock();
  changed_.notify_all();
}

std::vector<StreamStatus> Network::streams() const {
  std::vector<std::shared_ptr<SourceFeed>> feeds;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, source] : sources_) feeds.push_back(source.feed);
  }
  std::vector<StreamStatus> all;
  for (const auto& feed : feeds) all.push_back(feed->status());
  return all;
}

ModuleStatus Network::status_of(const RunningStage& running) const {
  ModuleStatus status = running.stage->status();
  status.streams = running.spec.streams;
  for (const auto& user : running.spec.users)
    if (!contains(status.users, user.application)) status.users.push_back(user.application);
  return status;
}

std::vector<ModuleStatus> Network::modules() const {
  const std::lock_guard lock(mutex_);
  std::vector<ModuleStatus> all;
  for (const auto& spec : plan_.stages)
    if (const auto found = stages_.find(spec.key); found != stages_.end()) all.push_back(status_of(found->second));
  return all;
}

ApplicationStatus Network::status_of(const plan::PlannedApplication& application) const {
  ApplicationStatus status;
  status.name = application.name;
  status.tenant = application.tenant;
  status.objective_latency_p95_ms = application.objective.latency_p95_ms;
  bool ended = true;
  for (const auto& stream : application.streams) {
    const auto found = sources_.find(stream);
    if (found == sources_.end()) continue;
    status.streams.push_back(found->second.feed->status());
    ended = ended && found->second.feed->ended();
  }
  std::sort(status.streams.begin(), status.streams.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (const auto& module : application.modules) {
    const auto found = stages_.find(module.key);
    if (found == stages_.end()) continue;
    auto& added = status.modules.emplace_back(status_of(found->second));
    added.name = module.name;
    added.inputs = module.inputs;
    for (const auto& [stream, lane] : found->second.lanes) ended = ended && lane->ended();
    const bool read = std::any_of(application.modules.begin(), application.modules.end(),
                                  [&](const auto& other) { return contains(other.inputs, module.name); });
    if (!read) status.latency.add(added.latency);
  }
  for (const auto& [stream, count] : past_gaps_)
    if (contains(application.streams, stream)) status.gaps += count;
  for (const auto& [channel, running] : imports_) {
    if (!contains(application.streams, channel.stream)) continue;
    for (const auto& [reason, count] : running.import->counts().gaps) status.gaps += count;
  }
  status.state = closed_ ? closed_ : draining_ ? "draining" : ended ? "finished" : "running";
  return status;
}

std::vector<ApplicationStatus> Network::status() const {
  const std::lock_guard lock(mutex_);
  std::vector<ApplicationStatus> all;
  for (const auto& application : plan_.applications) all.push_back(status_of(application));
  return all;
}

}  // namespace vedette::graph
