#include "vedette/console/status_board.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace vedette::console {
namespace {

using graph::ApplicationStatus;
using graph::ModuleStatus;
using graph::StreamStatus;
using nlohmann::json;

constexpr size_t kKeptTenants = 64;

template <typename T>
const T* by_name(const std::vector<T>& all, const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const T& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

/// What was recorded since `before`; all of it when the counters were restarted in between.
HistogramSnapshot recent(const HistogramSnapshot& now, const HistogramSnapshot* before) {
  return before && before->count <= now.count ? now.since(*before) : now;
}

json quantiles(const HistogramSnapshot& spans) {
  const auto ms = [&](double q) -> json {
    if (spans.count == 0) return nullptr;
    return std::round(spans.quantile(q) * 1e6) / 1e3;
  };
  return {{"count", spans.count}, {"p50_ms", ms(0.5)}, {"p95_ms", ms(0.95)}, {"p99_ms", ms(0.99)}};
}

double rate(uint64_t now, uint64_t before, double seconds) {
  if (seconds <= 0 || now < before) return 0;
  return std::round(static_cast<double>(now - before) / seconds * 100) / 100;
}

json module_json(const ModuleStatus& now, const ModuleStatus* before, double seconds) {
  const uint64_t dropped_before = before ? [&] {
    uint64_t sum = 0;
    for (const auto& [reason, count] : before->dropped) sum += count;
    return sum;
  }()
                                         : 0;
  uint64_t dropped = 0;
  for (const auto& [reason, count] : now.dropped) dropped += count;
  return {{"name", now.name},
          {"type", now.type},
          {"inputs", now.inputs},
          {"received", now.received},
          {"processed", now.processed},
          {"emitted", now.emitted},
          {"errors", now.errors},
          {"last_error", now.last_error},
          {"dropped", now.dropped},
          {"rate_per_second", before ? rate(now.processed, before->processed, seconds) : 0},
          {"drops_per_second", before ? rate(dropped, dropped_before, seconds) : 0},
          {"queue_depth", now.queue_depth},
          {"queue_capacity", now.queue_capacity},
          {"wait", quantiles(recent(now.wait, before ? &before->wait : nullptr))},
          {"execution", quantiles(recent(now.execution, before ? &before->execution : nullptr))}};
}

json stream_json(const std::string& application, const StreamStatus& stream) {
  return {{"view", application + "/" + stream.name},
          {"name", stream.name},
          {"url", stream.url},
          {"state", stream.state},
          {"last_error", stream.last_error},
          {"capture_clock", stream.capture_clock},
          {"frames", stream.frames},
          {"reconnects", stream.reconnects},
          {"dropped", stream.dropped},
          {"fps", std::round(stream.fps * 100) / 100},
          {"width", stream.width},
          {"height", stream.height}};
}

json application_json(const ApplicationStatus& now, const ApplicationStatus* before, double seconds) {
  json streams = json::array(), modules = json::array();
  for (const StreamStatus& stream : now.streams) streams.push_back(stream_json(now.name, stream));
  for (const ModuleStatus& module : now.modules) {
    modules.push_back(module_json(module, before ? by_name(before->modules, module.name) : nullptr, seconds));
  }
  return {{"name", now.name},
          {"tenant", now.tenant},
          {"state", now.state},
          {"objective_latency_p95_ms", now.objective_latency_p95_ms},
          {"latency", quantiles(recent(now.latency, before ? &before->latency : nullptr))},
          {"latency_since_start", quantiles(now.latency)},
          {"streams", std::move(streams)},
          {"modules", std::move(modules)}};
}

}  // namespace

StatusBoard::StatusBoard(std::string version, Timestamp started)
    : version_(std::move(version)), started_(started), wall_(started) {}

void StatusBoard::update(std::vector<ApplicationStatus> status, MonotonicTime now, Timestamp wall) {
  const std::lock_guard lock(mutex_);
  now_ = {now, std::move(status)};
  wall_ = wall;
  while (samples_.size() > 1 && samples_[1].time <= now - kWindow) samples_.pop_front();
  before_ = samples_.empty() ? Sample{now, {}} : samples_.front();
  json_.clear();
  if (samples_.empty() || now - samples_.back().time >= std::chrono::milliseconds(900)) samples_.push_back(now_);
}

std::shared_ptr<const std::string> StatusBoard::json(const std::string& tenant) const {
  const std::lock_guard lock(mutex_);
  // A token may name any tenant; what is kept is bounded all the same.
  if (json_.size() > kKeptTenants) json_.clear();
  auto& kept = json_[tenant];
  if (!kept) kept = std::make_shared<const std::string>(to_json(now_, before_, wall_, tenant));
  return kept;
}

bool StatusBoard::shows(std::string_view view, std::string_view tenant) const {
  if (tenant.empty()) return true;
  const std::lock_guard lock(mutex_);
  return std::any_of(now_.status.begin(), now_.status.end(), [&](const ApplicationStatus& application) {
    return application.tenant == tenant && view.starts_with(application.name) &&
           view.substr(application.name.size()).starts_with('/');
  });
}

std::string StatusBoard::to_json(const Sample& now, const Sample& before, Timestamp wall,
                                 const std::string& tenant) const {
  const double seconds = to_seconds(now.time - before.time);
  nlohmann::json applications = nlohmann::json::array();
  for (const ApplicationStatus& application : now.status) {
    if (!tenant.empty() && application.tenant != tenant) continue;
    applications.push_back(application_json(application, by_name(before.status, application.name), seconds));
  }
  const nlohmann::json all = {{"version", version_},
                              {"uptime_seconds", std::round(to_seconds(wall - started_) * 10) / 10},
                              {"time", to_rfc3339(wall)},
                              {"window_seconds", seconds},
                              {"applications", std::move(applications)}};
  return all.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::vector<std::string> unready_reasons(const std::vector<ApplicationStatus>& status) {
  std::vector<std::string> reasons;
  if (status.empty()) reasons.emplace_back("no application runs");
  for (const ApplicationStatus& application : status) {
    if (application.state != "running") {
      reasons.push_back(fmt::format("application '{}' is {}", application.name, application.state));
    }
    for (const StreamStatus& stream : application.streams) {
      if (stream.state != "failed") continue;
      reasons.push_back(fmt::format("stream '{}' of '{}' has failed{}{}", stream.name, application.name,
                                    stream.last_error.empty() ? "" : ": ", stream.last_error));
    }
  }
  return reasons;
}

}  // namespace vedette::console
