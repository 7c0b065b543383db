#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "vedette/graph/executor.h"
#include "vedette/graph/import.h"
#include "vedette/graph/janitor.h"
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
///
/// No wait is without an end. Whoever waits for something that leaves waits for Executor::Options::drain_limit and
/// call_limit at most. A module that hangs in a call is then left behind with the thread that is in it (janitor.h): all
/// else goes on, drain() returns, a plan that needs a stage of the same key is refused (PlanError, kTimeout) until the
/// call returns, and the destructor, which can neither end that thread nor leave it alone with what it destroys, ends
/// the process with one line and the exit status of kTimeout.
///
/// Four files: network.cc is changing as a whole and ending, network_stages.cc which stages run, network_edges.cc what
/// flows where, network_status.cc what is told.
class Network {
 public:
  Network(Executor::Options options, const ModuleContext::Services* services);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

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
    QueueSpec queue;
    std::shared_ptr<Stage> stage;
    std::map<std::string, std::shared_ptr<Lane>> lanes;  // by stream key
  };
  struct RunningImport {
    std::shared_ptr<Import> import;
    std::shared_ptr<void> handle;  // null: the link is not open yet
  };
  /// What a producer makes of a stream.
  struct Output {
    std::string producer;
    std::string stream;
    friend auto operator<=>(const Output&, const Output&) = default;
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
  /// What apply() has made so far and takes back when it cannot go on.
  using Made = std::vector<Janitor::Departure>;
  /// What the new plan does not have.
  struct Gone {
    std::vector<Janitor::Departure> stages;
    std::vector<std::shared_ptr<SourceFeed>> feeds;
    std::vector<std::pair<plan::Channel, RunningImport>> imports;
    std::vector<std::pair<plan::Channel, RunningImport>> replaced;  // by imports of the same in another form
    std::vector<std::shared_ptr<Inlet>> exports;  // closed when they are let go of, once they have ended
    std::set<const Outlet*> outlets;              // of all these: they send their readers the end by themselves
  };

  // network.cc
  Gone take_out_gone(const plan::NodePlan& plan, std::map<std::string, RunningStage> stages);
  void on_ended();
  void notify();
  bool all_ended() const;
  void close(const char* state);

  // network_stages.cc
  void start_new(const plan::NodePlan& plan, std::map<std::string, RunningStage>& stages, Made& made);
  void start_stage(const plan::Stage& spec, RunningStage& running, Made& made);
  void take_back(Made& made);
  std::shared_ptr<Stage> make_stage(const plan::Stage& spec, const ModuleSpec& module);
  std::vector<Janitor::Departure> part_stages(const plan::NodePlan& plan, std::map<std::string, RunningStage>& stages);
  std::vector<plan::Stage> replace_sinks(const plan::NodePlan& plan);
  void bring_back(const std::vector<plan::Stage>& sinks);
  bool remove_stage_now(const std::string& key);
  [[noreturn]] static void refuse_left_behind(const plan::Stage& spec);

  // network_edges.cc
  void know_streams(const plan::NodePlan& plan);
  void forget_streams(const plan::NodePlan& plan);
  void resume_lanes();
  void start_sources(const plan::NodePlan& plan);
  std::string name_of(const plan::Channel& channel) const;
  void hand_over(const std::vector<std::pair<plan::Channel, RunningImport>>& replaced);
  void begin_sources_and_links();
  std::shared_ptr<Outlet> outlet_of(const plan::NodePlan& plan, const std::string& producer, const std::string& stream);
  std::map<Edge, Ends> wanted_edges(const plan::NodePlan& plan);
  void rewire(std::map<Edge, Ends> wanted, const std::set<const Outlet*>& gone);

  // network_status.cc
  ApplicationStatus status_of(const plan::PlannedApplication& application) const;
  uint64_t gaps_of(const plan::PlannedApplication& application) const;
  ModuleStatus status_of(const RunningStage& running) const;

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
  std::map<Output, uint64_t> left_off_;   // where imports ended whose readers are still here
  std::map<Output, uint64_t> past_gaps_;  // of imports and lanes that are gone
  std::map<plan::Channel, std::shared_ptr<Inlet>> exports_;
  std::map<Edge, Ends> edges_;
  bool draining_ = false;
  const char* closed_ = nullptr;  // "finished" or "stopped": nothing runs any more, the status stays

  Janitor janitor_;  // has a lock of its own; calls notify(), so it goes first
};

}  // namespace vedette::graph
