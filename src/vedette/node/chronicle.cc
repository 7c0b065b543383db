#include "vedette/node/chronicle.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace vedette::node {
namespace {

std::vector<std::string> users_of_stream(const plan::NodePlan& plan, const std::string& key) {
  const auto found =
      std::find_if(plan.streams.begin(), plan.streams.end(), [&](const auto& s) { return s.key == key; });
  return found == plan.streams.end() ? std::vector<std::string>{} : found->users;
}

std::vector<std::string> users_of_stage(const plan::NodePlan& plan, const std::string& key) {
  std::vector<std::string> users;
  const auto found = std::find_if(plan.stages.begin(), plan.stages.end(), [&](const auto& s) { return s.key == key; });
  if (found == plan.stages.end()) return users;
  for (const auto& user : found->users) users.push_back(user.application);
  users.erase(std::unique(users.begin(), users.end()), users.end());  // sorted by application
  return users;
}

std::string with_error(std::string text, const std::string& error) {
  if (!error.empty()) text += ": " + error;
  return text;
}

}  // namespace

uint64_t Chronicle::Count::grown(uint64_t count, MonotonicTime now) {
  if (count < told) told = 0;  // counted anew
  if (count == told || (ever && now - when < kPause)) return 0;
  ever = true;
  when = now;
  return count - std::exchange(told, count);
}

std::vector<plan::LogLine> Chronicle::look(const plan::NodeReport& report, const plan::NodePlan& plan,
                                           MonotonicTime now, Timestamp wall) {
  std::vector<plan::LogLine> lines;
  const auto say = [&](const std::string& level, std::vector<std::string> users, const std::string& text) {
    if (users.empty()) users.emplace_back();
    for (auto& user : users)
      lines.push_back({to_seconds(wall.time_since_epoch()), level, report.node, std::move(user), text});
  };

  std::map<std::string, std::string> states;
  const auto changed = [&](const std::string& key, const std::string& state) {
    const auto before = states_.find(key);
    states[key] = state;
    return before == states_.end() || before->second != state;
  };
  for (const auto& stream : report.streams) {
    // Waiting and connecting take turns while a camera is away: that is one event.
    if (stream.state == "connecting") {
      const auto before = states_.find("stream " + stream.key);
      if (before != states_.end()) states[before->first] = before->second;
      continue;
    }
    if (!changed("stream " + stream.key, stream.state)) continue;
    const bool well = stream.state == "streaming" || stream.state == "ended";
    say(well                       ? "info"
        : stream.state == "failed" ? "error"
                                   : "warning",
        users_of_stream(plan, stream.key),
        well ? fmt::format("stream {}: {}", stream.name, stream.state)
             : with_error(fmt::format("stream {}: {}", stream.name, stream.state), stream.last_error));
  }
  for (const auto& link : report.links) {
    if (link.state == "connecting") {
      const auto before = states_.find("link " + link.peer);
      if (before != states_.end()) states[before->first] = before->second;
      continue;
    }
    if (!changed("link " + link.peer, link.state)) continue;
    if (link.state == "up") {
      say("info", {}, fmt::format("link to {}: up over {}", link.peer, link.address));
    } else {
      say("warning", {}, with_error(fmt::format("link to {}: {}", link.peer, link.state), link.last_error));
    }
  }
  states_ = std::move(states);

  std::map<std::string, Count> counts;
  const auto grown = [&](const std::string& key, uint64_t count) {
    auto& kept = counts[key] = counts_[key];
    return kept.grown(count, now);
  };
  for (const auto& stage : report.stages)
    if (const auto errors = grown("stage " + stage.key, stage.errors); errors > 0)
      say("warning", users_of_stage(plan, stage.key),
          with_error(
              fmt::format("module {}: {} observation{} lost to an error", stage.name, errors, errors == 1 ? "" : "s"),
              stage.last_error));
  for (const auto& application : report.applications)
    if (const auto gaps = grown("application " + application.name, application.gaps); gaps > 0)
      say("warning", {application.name},
          fmt::format("{} observation{} lost on the way between nodes", gaps, gaps == 1 ? "" : "s"));
  counts_ = std::move(counts);
  return lines;
}

}  // namespace vedette::node
