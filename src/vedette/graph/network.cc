#include "vedette/graph/network.h"

#include <fmt/ranges.h>

#include <cstdlib>

#include "vedette/base/log.h"
#include "vedette/graph/containers.h"

namespace vedette::graph {

Network::Network(Executor::Options options, const ModuleContext::Services* services)
    : options_(std::move(options)),
      services_(services),
      buffers_(std::make_shared<BufferPool>(BufferPool::Options{.max_idle_bytes = options_.pool_idle_bytes})),
      pool_(options_.threads),
      janitor_({.drain = options_.drain_limit, .call = options_.call_limit}, [this] { notify(); }) {}

Network::~Network() {
  close("stopped");
  const auto remaining = janitor_.remaining();
  if (remaining.empty()) return;
  // A thread is in there and can be neither ended nor left to touch what goes now.
  log::error("{}: still in a call that does not return; the process ends without it", fmt::join(remaining, ", "));
  std::_Exit(exit_status(ErrorCode::kTimeout));
}

void Network::apply(const plan::NodePlan& plan) {
  const std::lock_guard one_at_a_time(applying_);
  for (const auto& stage : plan.stages)
    if (!janitor_.wait_gone(stage.key)) refuse_left_behind(stage);
  know_streams(plan);
  const auto replaced = replace_sinks(plan);
  std::map<std::string, RunningStage> stages;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, nullptr)) {  // what is there has been stopped
      stages_.clear();
      sources_.clear();
    }
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
  Gone gone = take_out_gone(plan, std::move(stages));
  if (exchange_) exchange_->set_peers(plan.peers);
  start_sources(plan);
  rewire(wanted_edges(plan), gone.outlets);
  for (auto& departure : gone.stages) janitor_.take(std::move(departure));
  for (const auto& feed : gone.feeds) {
    feed->request_stop();
    janitor_.take(feed);
  }
  for (const auto& [channel, running] : gone.imports) {
    running.import->end(Ending::kParted);
    janitor_.take(running.import, name_of(channel));
  }
  hand_over(gone.replaced);
  changed_.notify_all();
  begin_sources_and_links();
  forget_streams(plan);
}

/// `stages` run from now on, and what the plan does not have is taken out of everything else.
Network::Gone Network::take_out_gone(const plan::NodePlan& plan, std::map<std::string, RunningStage> stages) {
  Gone gone;
  gone.stages = part_stages(plan, stages);
  for (const auto& departure : gone.stages)
    for (const auto& lane : departure.lanes) gone.outlets.insert(lane.get());
  const std::lock_guard lock(mutex_);
  stages_ = std::move(stages);
  plan_ = plan;
  take_out(sources_, [&](auto& entry) {
    if (contains(plan.sources, entry.first)) return false;
    gone.outlets.insert(entry.second.feed.get());
    if (entry.second.started) gone.feeds.push_back(std::move(entry.second.feed));
    return true;
  });
  take_out(imports_, [&](auto& entry) {
    if (contains(plan.imports, entry.first)) return false;
    gone.outlets.insert(entry.second.import.get());
    for (const auto& [reason, count] : entry.second.import->counts().gaps)
      past_gaps_[{entry.first.producer, entry.first.stream}] += count;
    const bool replaced = std::any_of(plan.imports.begin(), plan.imports.end(), [&](const auto& other) {
      return other.producer == entry.first.producer && other.stream == entry.first.stream &&
             other.node == entry.first.node;  // another node's comes at once: this one may be dead
    });
    if (replaced) {
      gone.replaced.emplace_back(entry.first, std::move(entry.second));
      return true;
    }
    if (const auto last = entry.second.import->last_sequence())
      left_off_[{entry.first.producer, entry.first.stream}] = *last;
    gone.imports.emplace_back(entry.first, std::move(entry.second));
    return true;
  });
  take_out(exports_, [&](auto& entry) {
    if (contains(plan.exports, entry.first)) return false;
    gone.exports.push_back(std::move(entry.second));
    return true;
  });
  for (const auto& departure : gone.stages)
    for (const auto& lane : departure.lanes)
      if (const uint64_t missed = lane->missed(); missed > 0)
        past_gaps_[{departure.key, lane->stream()->key}] += missed;
  resume_lanes();
  return gone;
}

/// A lane or a source has.
void Network::on_ended() {
  janitor_.look();
  notify();
}

/// To those who wait for all_ended().
void Network::notify() {
  {
    const std::lock_guard lock(mutex_);  // so that who waits has either looked after this or hears it
  }
  changed_.notify_all();
}

bool Network::all_ended() const {
  for (const auto& [key, source] : sources_)
    if (!source.feed->ended()) return false;
  for (const auto& [key, running] : stages_)
    for (const auto& [stream, lane] : running.lanes)
      if (!lane->ended()) return false;
  return janitor_.rests();
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

/// Ends everything that still runs, in the order of the flow, and waits until it has, or Executor::Options::call_limit
/// has passed. The status stays.
void Network::close(const char* state) {
  const std::lock_guard one_at_a_time(applying_);
  std::map<std::string, Source> sources;
  std::map<std::string, RunningStage> stages;
  std::map<plan::Channel, RunningImport> imports;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    sources = sources_;
    stages = stages_;
    imports.swap(imports_);
  }
  imports.clear();  // the links bring nothing more
  for (const auto& [key, source] : sources) source.feed->request_stop();
  for (const auto& [key, running] : stages) running.stage->abandon();
  for (const auto& [key, running] : stages)
    janitor_.take_at_once({.key = key, .stage = running.stage, .lanes = {}, .whole = true});
  for (const auto& [key, source] : sources)
    if (source.started) janitor_.take(source.feed);
  janitor_.hurry();
  janitor_.wait_rest();
  {
    const std::lock_guard lock(mutex_);
    closed_ = state;
    edges_.clear();
    exports_.clear();
    for (auto& [key, running] : stages_) running.lanes.clear();
    draining_ = false;
  }
  changed_.notify_all();
}

}  // namespace vedette::graph
