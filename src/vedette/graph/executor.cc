#include "vedette/graph/executor.h"

#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/graph/running_application.h"

namespace vedette::graph {

Executor::Executor(Options options)
    : buffers_(std::make_shared<BufferPool>(BufferPool::Options{.max_idle_bytes = options.pool_idle_bytes})),
      pool_(options.threads) {}

Executor::~Executor() {
  const std::lock_guard lock(mutex_);
  applications_.clear();
}

void Executor::start(const Application& application) {
  const std::lock_guard one_at_a_time(starting_);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& running : applications_)
      if (running->name() == application.name && !running->ended())
        throw Error(ErrorCode::kInvalidConfig, "an application named '" + application.name + "' is already running",
                    "stop it or choose another name");
  }
  // Loading models takes its time; those who ask for the status need not wait for it.
  auto started = std::make_shared<RunningApplication>(application, pool_, buffers_, &services_);
  const std::lock_guard lock(mutex_);
  std::erase_if(applications_, [&](const auto& a) { return a->name() == application.name; });
  applications_.push_back(std::move(started));
}

std::shared_ptr<RunningApplication> Executor::find(const std::string& application) const {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(applications_.begin(), applications_.end(), [&](const auto& a) { return a->name() == application; });
  if (found == applications_.end()) throw Error(ErrorCode::kNotFound, "no application is named '" + application + "'");
  return *found;
}

void Executor::drain(const std::string& application, Duration limit) { find(application)->drain(limit); }

void Executor::stop(const std::string& application) {
  const auto running = find(application);
  running->stop();
  const std::lock_guard lock(mutex_);
  std::erase(applications_, running);
}

bool Executor::wait_finished(std::stop_token stop) {
  std::vector<std::shared_ptr<RunningApplication>> applications;
  {
    const std::lock_guard lock(mutex_);
    applications = applications_;
  }
  return std::all_of(applications.begin(), applications.end(), [&](const auto& a) { return a->wait_finished(stop); });
}

std::vector<ApplicationStatus> Executor::status() const {
  std::vector<std::shared_ptr<RunningApplication>> applications;
  {
    const std::lock_guard lock(mutex_);
    applications = applications_;
  }
  std::vector<ApplicationStatus> all;
  for (const auto& application : applications) all.push_back(application->status());
  return all;
}

}  // namespace vedette::graph
