// What is told about it.
#include <algorithm>

#include "vedette/graph/containers.h"
#include "vedette/graph/network.h"

namespace vedette::graph {

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
  status.gaps = gaps_of(application);
  status.state = closed_ ? closed_ : draining_ ? "draining" : ended ? "finished" : "running";
  return status;
}

/// What its own outputs lost on the way here, and did not see while they moved. With the mutex held.
uint64_t Network::gaps_of(const plan::PlannedApplication& application) const {
  const auto is_read = [&](const std::string& producer, const std::string& stream) {
    const auto makes = [&](const auto& module) { return module.key == producer; };
    return contains(application.streams, stream) &&
           (producer == plan::kSource || std::any_of(application.modules.begin(), application.modules.end(), makes));
  };
  uint64_t gaps = 0;
  for (const auto& [output, count] : past_gaps_)
    if (is_read(output.producer, output.stream)) gaps += count;
  for (const auto& [channel, running] : imports_)
    if (is_read(channel.producer, channel.stream))
      for (const auto& [reason, count] : running.import->counts().gaps) gaps += count;
  for (const auto& [key, running] : stages_)
    for (const auto& [stream, lane] : running.lanes)
      if (is_read(key, stream)) gaps += lane->missed();
  return gaps;
}

std::vector<ApplicationStatus> Network::status() const {
  const std::lock_guard lock(mutex_);
  std::vector<ApplicationStatus> all;
  for (const auto& application : plan_.applications) all.push_back(status_of(application));
  return all;
}

}  // namespace vedette::graph
