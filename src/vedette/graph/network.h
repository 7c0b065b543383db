#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "vedette/graph/executor.h"
#include "vedette/graph/import.h"
#include "vedette/graph/source_feed.h"
#include "vedette/graph/stage.h"

namespace vedette::graph {

/// What runs on this node: sources, stages and the edges between them, made equal to one plan after the other. An
/// edge is what connects a producer's outlet for one stream with a reader's inlet.
///
///   stage, lane, source:  apply() ──▶ running ──not in the next plan──▶ leaving ──all is out, or too late──▶ gone
///
/// apply() starts what is new, connects it from the sinks up, and only then parts what has gone from its producers; it
/// then ends by itself, from the sources down, and the janitor takes it away.
class Network {
 public:
  Network(Executor::Options options, const ModuleContext::Services* services);
  ~Network();

  void connect(Exchange& exchange) { exchange_ = &exchange; }
  void apply(const plan::NodePlan& plan);
  void drain(Duration limit);
  bool wait_finished(const std::stop_token& stop);

  std::vector<ApplicationStatus> status() const;
  std::vector<StreamStatus> streams() const;
  std::vector<ModuleStatus> modules() const;

 private:
  struct Source {
    std::shared_ptr<const StreamInfo> stream;
    std::shared_ptr<SourceFeed> feed;
    bool started = false;
  };
  struct RunningStage {
    plan::Stage spec;
    std::shared_ptr<Stage> stage;
    std::map<std::string, std::shared_ptr<Lane>> lanes;  // by stream key
  };
  struct RunningImport {
    std::shared_ptr<Import> import;
    std::shared_ptr<void> handle;  // null: the link is not open yet
  };
  /// Names an edge: who makes what for whom. The reader is a stage's key, or "@" and a node's name.
  struct Edge {
    std::string producer;
    std::string stream;
    std::string reader;
    friend auto operator<=>(const Edge&, const Edge&) = default;
  };
  struct Ends {
    std::shared_ptr<Outlet> outlet;
    std::shared_ptr<Inlet> inlet;
  };
  /// What is to be taken away once it has ended, or at the deadline.
  struct Leaving {
    std::string key;  // of the stage
    std::shared_ptr<Stage> stage;
    std::vector<std::shared_ptr<Lane>> lanes;
    bool whole = false;  // the stage itself goes
    MonotonicTime deadline{};
  };
  /// What apply() has made so far and takes back when it cannot go on.
  struct Made {
    std::vector<std::shared_ptr<Stage>> stages;
    std::vector<std::pair<std::shared_ptr<Stage>, std::shared_ptr<Lane>>> lanes;
  };

  void start_new(const plan::NodePlan& plan, std::map<std::string, RunningStage>& stages, Made& made);
  void start_stage(const plan::Stage& spec, RunningStage& running, Made& made);
  void take_back(Made& made);
  std::vector<plan::Stage> replace_sinks(const plan::NodePlan& plan);
  void bring_back(const std::vector<plan::Stage>& sinks);
  void remove_stage_now(const std::string& key);
  std::vector<Leaving> part_stages(const plan::NodePlan& plan, std::map<std::string, RunningStage>& stages);
  void begin_sources_and_links();
  std::shared_ptr<Stage> make_stage(const plan::Stage& spec);
  QueueOptions queue_of(const plan::Stage& spec, const std::string& stream) const;
  void know_streams(const plan::NodePlan& plan);
  void forget_streams(const plan::NodePlan& plan);
  void start_sources(const plan::NodePlan& plan);
  std::shared_ptr<Outlet> outlet_of(const plan::NodePlan& plan, const std::string& producer, const std::string& stream);
  ApplicationStatus status_of(const plan::PlannedApplication& application) const;
  ModuleStatus status_of(const RunningStage& running) const;
  std::map<Edge, Ends> wanted_edges(const plan::NodePlan& plan);
  void rewire(std::map<Edge, Ends> wanted, const std::set<const Outlet*>& gone);
  void leave(Leaving leaving);
  void wait_gone(const std::string& key);
  void see_off(const std::stop_token& stop);
  void notify();
  static bool over(const Leaving& leaving);
  void close(const char* state);
  bool all_ended() const;

  const Executor::Options options_;
  const ModuleContext::Services* services_;
  const std::shared_ptr<BufferPool> buffers_;
  WorkerPool pool_;
  Exchange* exchange_ = nullptr;

  std::mutex applying_;  // one change at a time

  mutable std::mutex mutex_;  // guards what follows; never held while a module is called
  std::condition_variable_any changed_;
  plan::NodePlan plan_;
  std::map<std::string, std::shared_ptr<const StreamInfo>> infos_;  // by stream key
  std::map<std::string, bool> live_;                                // by stream key: a camera, not a recording
  uint32_t next_index_ = 0;
  std::map<std::string, Source> sources_;      // by stream key
  std::map<std::string, RunningStage> stages_;  // by key
  std::map<plan::Channel, RunningImport> imports_;
  std::map<std::pair<std::string, std::string>, uint64_t> left_off_;  // where imports ended, by producer and stream
  std::map<std::string, uint64_t> past_gaps_;                         // of imports that are gone, by stream
  std::map<plan::Channel, std::shared_ptr<Inlet>> exports_;
  std::map<Edge, Ends> edges_;
  std::vector<Leaving> leaving_;
  std::vector<std::shared_ptr<SourceFeed>> leaving_feeds_;
  uint64_t endings_ = 0;  // that notify() was told of
  bool draining_ = false;
  const char* closed_ = nullptr;  // "finished" or "stopped": nothing runs any more, the status stays
  std::jthread janitor_;
};

}  // namespace vedette::graph
