#pragma once

#include <atomic>
#include <mutex>

#include "vedette/base/error.h"
#include "vedette/graph/registry.h"

/// Module types for the tests of applications, since the real ones live on the floor above.
namespace vedette::graph::testing {

struct TestSettings {
  double score = 0.5;
  std::string model = "small";
  std::string path;
  std::vector<std::string> classes;

  void fields(Fields& f) {
    f.number("score", score, "least score", {0, 1});
    f.text("model", model, "a model; 'missing' cannot be loaded");
    f.text("path", path, "where to write");
    f.texts("classes", classes, "which to keep");
  }
};

class TestModule : public Module {
 public:
  using Settings = TestSettings;
  explicit TestModule(TestSettings settings) : settings_(std::move(settings)) {}
  void start(const ModuleContext&) override {
    if (settings_.model == "missing") throw Error(ErrorCode::kNotFound, "no model is named 'missing'");
    ++running;
    ++started;
  }
  void process(const Observation& observation, Emit& emit) override {
    ++processed;
    emit(observation);
  }
  void stop() override { --running; }

  static inline std::atomic<int> running{0};
  static inline std::atomic<int> started{0};
  static inline std::atomic<int> processed{0};

 private:
  TestSettings settings_;
};

/// Registers, once: t_decode (adds pixels), t_detect (pixels → objects), t_track (objects → tracks), jsonl and mot
/// (sinks).
inline void register_test_modules() {
  static std::once_flag once;
  std::call_once(once, [] {
    const auto add = [](std::string type, Concurrency concurrency, Facet reads, Facet adds, bool sink) {
      ModuleRegistration<TestModule>({.type = std::move(type),
                                      .summary = "for tests",
                                      .concurrency = concurrency,
                                      .reads = reads,
                                      .adds = adds,
                                      .sink = sink});
    };
    add("t_decode", Concurrency::kStateless, Facet::kNone, Facet::kPixels, false);
    add("t_detect", Concurrency::kStateless, Facet::kPixels, Facet::kObjects, false);
    add("t_track", Concurrency::kPerStream, Facet::kObjects, Facet::kTracks, false);
    add("jsonl", Concurrency::kGlobal, Facet::kNone, Facet::kNone, true);
    add("mot", Concurrency::kGlobal, Facet::kTracks, Facet::kNone, true);
  });
}

}  // namespace vedette::graph::testing
