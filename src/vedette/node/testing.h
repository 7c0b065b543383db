#pragma once

// What the tests of node/ share.

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "vedette/node/host.h"
#include "vedette/node/reporter.h"

namespace vedette::node::testing {

inline constexpr std::chrono::seconds kPatience{20};  // for what must happen; only a failing test waits so long

/// A folder of one test's own.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static std::atomic<int> next{0};
    path_ = std::filesystem::temp_directory_path() /
            ("vedette-node-" + std::to_string(::getpid()) + "-" + std::to_string(next++));
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path(const std::string& name = {}) const {
    return name.empty() ? path_.string() : (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

/// Runs nothing and notes what it should run.
class FakeHost final : public Host {
 public:
  std::function<void(const plan::NodePlan&)> on_apply;  ///< may throw; set before anything runs

  void apply(const plan::NodePlan& plan) override {
    if (on_apply) on_apply(plan);
    note([&] { applied_.push_back(plan); });
  }
  void drain(Duration) override {
    note([&] { ++drains_; });
  }
  NodeStatus status() override {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  std::vector<TraceSpan> spans() override {
    const std::lock_guard lock(mutex_);
    return std::exchange(spans_, {});
  }
  std::vector<std::string> link_addresses() const override { return {"unix:/somewhere"}; }

  void set_status(NodeStatus status) {
    note([&] { status_ = std::move(status); });
  }
  void add_span(TraceSpan span) {
    note([&] { spans_.push_back(std::move(span)); });
  }
  std::vector<plan::NodePlan> applied() const {
    const std::lock_guard lock(mutex_);
    return applied_;
  }
  int drains() const {
    const std::lock_guard lock(mutex_);
    return drains_;
  }
  bool wait_applied(size_t plans) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return applied_.size() >= plans; });
  }

 private:
  template <typename F>
  void note(F change) {
    {
      const std::lock_guard lock(mutex_);
      change();
    }
    changed_.notify_all();
  }
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<plan::NodePlan> applied_;
  std::vector<TraceSpan> spans_;
  NodeStatus status_;
  int drains_ = 0;
};

/// A controller in the same process.
class FakeReporter final : public Reporter {
 public:
  using Controller = std::function<Answer(const plan::NodeReport&)>;
  explicit FakeReporter(Controller controller) : controller_(std::move(controller)) {}

  Answer report(const plan::NodeReport& report, Duration) override {
    Controller controller;
    {
      const std::lock_guard lock(mutex_);
      if (cancelled_) throw Error(ErrorCode::kUnavailable, "cancelled");
      reports_.push_back(report);
      controller = controller_;
    }
    changed_.notify_all();
    return controller(report);
  }
  void cancel() override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  void become(Controller controller) {
    const std::lock_guard lock(mutex_);
    controller_ = std::move(controller);
  }
  /// The first report, of those from number `from` on, that is as wanted; nothing came of it in time: throws.
  plan::NodeReport wait_for(const std::function<bool(const plan::NodeReport&)>& wanted, size_t from = 0) {
    std::unique_lock lock(mutex_);
    size_t looked = from;
    plan::NodeReport found;
    const bool came = changed_.wait_for(lock, kPatience, [&] {
      for (; looked < reports_.size(); ++looked)
        if (wanted(reports_[looked])) {
          found = reports_[looked];
          return true;
        }
      return false;
    });
    if (!came) throw Error(ErrorCode::kTimeout, "no such report came");
    return found;
  }
  size_t count() const {
    const std::lock_guard lock(mutex_);
    return reports_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Controller controller_;
  std::vector<plan::NodeReport> reports_;
  bool cancelled_ = false;
};

/// A plan with these applications, each with a source and a module of its own.
inline plan::NodePlan plan_of(uint64_t version, const std::vector<std::string>& applications,
                              const std::string& node = "box-1") {
  std::vector<plan::ApplicationWish> wishes;
  for (const auto& name : applications) {
    plan::ApplicationWish wish;
    wish.name = name;
    wish.version = 1;
    wish.sources.push_back({.name = "cam", .settings = "{\"url\":\"" + name + ".mp4\"}", .pin = {}, .fps = 0});
    plan::ModuleWish module;
    module.name = "see";
    module.type = "motion";
    module.settings = "{}";
    module.inputs = {plan::kSource};
    module.sink = true;
    wish.modules.push_back(module);
    wishes.push_back(std::move(wish));
  }
  return plan::plan_for_one(wishes, node, version);
}

}  // namespace vedette::node::testing
