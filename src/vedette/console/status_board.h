#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/graph/status.h"

namespace vedette::console {

/// Turns a status snapshot a second into the JSON that everybody is shown: counters since the start, and rates and
/// quantiles of the last ten seconds. Pure but for its lock; the time comes with the calls. Thread-safe.
class StatusBoard {
 public:
  static constexpr Duration kWindow = std::chrono::seconds(10);

  StatusBoard(std::string version, Timestamp started);

  void update(std::vector<graph::ApplicationStatus> status, MonotonicTime now, Timestamp wall);
  /// The JSON of the last update; empty applications before the first. Of one tenant's applications when `tenant` is
  /// not empty.
  std::shared_ptr<const std::string> json(const std::string& tenant = {}) const;
  /// Whether the application of a view ("application/stream") is the tenant's, by the last update. An empty tenant is
  /// shown everything.
  bool shows(std::string_view view, std::string_view tenant) const;

 private:
  struct Sample {
    MonotonicTime time;
    std::vector<graph::ApplicationStatus> status;
  };
  std::string to_json(const Sample& now, const Sample& before, Timestamp wall, const std::string& tenant) const;

  const std::string version_;
  const Timestamp started_;
  mutable std::mutex mutex_;
  std::deque<Sample> samples_;   // those of the window, at most one a second kept
  Sample now_, before_;          // of the last update
  Timestamp wall_;
  mutable std::map<std::string, std::shared_ptr<const std::string>> json_;   // of the last update, by tenant
};

/// Readiness: every application runs and no stream has failed. `reasons` says what is not so; empty: ready.
std::vector<std::string> unready_reasons(const std::vector<graph::ApplicationStatus>& status);

}  // namespace vedette::console
