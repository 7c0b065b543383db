#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vedette/plan/supervisor.h"
#include "vedette/sim/event_queue.h"
#include "vedette/sim/world.h"

namespace vedette::sim {

struct LogEntry {
  Nanos time = 0;
  std::string level;       ///< "info", "warning"
  std::string application; ///< empty: of none
  std::string text;
};

/// What a controller does between reports and plans: leases, wanted state, planning with plan/ as it is. Without
/// delays; those are the simulation's.
class Controller {
 public:
  Controller(const World& world, const ControllerOf& options);

  using NodePlanPtr = std::shared_ptr<const plan::NodePlan>;
  struct Outcome {
    std::vector<plan::ApplicationWish> wishes;  ///< as lowered
    plan::Shared shared;
    plan::Placement placement;
    std::map<std::string, plan::Prediction> predictions;
    plan::Levels levels;
    std::map<std::string, std::string> unplaced;  ///< application → why something of it does not run
    std::vector<std::string> reasons;
    std::string cause;
    bool supervised = false;                    ///< the supervisor's doing
  };

  // What comes in.
  void seen(int node, Nanos now);
  void learn(const plan::NodeReport& report) { profiles_.learn(report, planned_.shared); }
  void tick(Nanos now);  ///< ends leases
  void put(const plan::ApplicationWish& wish);
  void remove(const std::string& application);
  void drain(int node, bool on);
  /// It starts again with what it has stored: every node counts as seen now, the supervisor knows nothing.
  /// `replan`: it was planning when it died.
  void restart(Nanos now, bool replan);

  /// Supervises when it is time to, and plans when there is cause. Nothing: all stays as it is.
  std::optional<Outcome> plan(Nanos now, std::span<const plan::NodeReport> reports);
  /// The outcome is in force. Plans of those nodes whose plan changed.
  std::vector<std::pair<int, NodePlanPtr>> publish(Outcome outcome, Nanos now);

  const Outcome& planned() const { return planned_; }
  const std::map<std::string, plan::ApplicationWish>& wishes() const { return wishes_; }
  const NodePlanPtr& wanted(int node) const { return nodes_[static_cast<size_t>(node)].plan; }
  bool believed_alive(int node) const { return nodes_[static_cast<size_t>(node)].alive; }
  bool dirty() const { return !cause_.empty(); }
  const std::vector<LogEntry>& log() const { return log_; }
  size_t lines_left_out() const { return left_out_; }
  size_t moves() const { return moves_; }
  size_t plans() const { return plans_; }
  size_t decisions() const { return decisions_; }

 private:
  struct NodeState {
    bool alive = false, draining = false;
    Nanos seen = 0;
    NodePlanPtr plan;
  };

  void say(Nanos now, const char* level, std::string application, std::string text);
  void because(const std::string& cause);
  std::vector<plan::NodeView> views() const;
  void prune(Outcome& outcome) const;

  const World& world_;
  const ControllerOf options_;
  plan::Supervisor supervisor_;
  plan::Profiles profiles_;
  std::map<std::string, plan::ApplicationWish> wishes_;
  std::vector<plan::ApplicationWish> listed_;  // the same
  plan::Levels levels_;
  std::vector<NodeState> nodes_;
  std::map<std::string, int> index_;
  Outcome planned_;
  std::string cause_;
  bool rewished_ = false;  // applications came, changed or went since the last plan
  Nanos next_supervision_ = 0;
  std::vector<LogEntry> log_;
  size_t left_out_ = 0, moves_ = 0, plans_ = 0, decisions_ = 0;
};

}  // namespace vedette::sim
