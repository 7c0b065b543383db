#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "vedette/sim/engine.h"
#include "vedette/sim/invariants.h"
#include "vedette/sim/reporter.h"
#include "vedette/sim/result.h"

namespace vedette::sim {

struct SimulationOptions {
  std::optional<uint64_t> seed;          ///< instead of the file's
  std::optional<Mode> mode;              ///< likewise
  bool check = true;                     ///< look for breaches of what must always hold
  std::function<bool(double)> progress;  ///< told the seconds simulated, about once each; false ends it there
};

/// One run of a fleet: an engine moves observations, a controller plans as the real one does, and things happen.
/// Deterministic: the same file and seed give the same Result, to the byte.
class Simulation {
 public:
  /// Throws what World throws.
  explicit Simulation(FleetFile file, SimulationOptions options = {});
  ~Simulation();

  Result run();

 private:
  enum ControlKind : uint32_t { kEachSecond, kReport, kTurn, kPublish, kApply, kJoin, kHappen, kUndo, kControllerBack };
  struct Delivery {
    int node = 0;
    Controller::NodePlanPtr plan;
  };
  struct Undo {
    EventOf event;
    int node = kNone;
    std::string application;
  };
  struct Track {  // of an application
    Nanos added = 0, wanted = 0;  // when, and for how long before that
    Nanos changed = 0;
    bool running = false;
    int number = kNone;           // Wiring's
    double passes = 1;            // share of observations that its gates let through
    double kept_s = 0, seen_s = 0;
    bool kept = false;
  };

  void handle(const Event& event);
  void each_second();
  void on_report();
  void maybe_plan();
  void on_publish();
  void on_apply(uint32_t delivery);
  void join(int node);
  void kill(int node);
  void happen(uint32_t index);
  void happen_to(const EventOf& event, Undo& undo, bool& done);
  void undo(uint32_t index);
  void put(const plan::ApplicationWish& wish);
  void remove(const std::string& name);
  void rewire();
  void look_at_applications();
  void look_at_recoveries();
  Result result();

  World world_;
  SimulationOptions options_;
  uint64_t seed_;
  bool frames_;
  Environment environment_;
  Wiring wiring_;
  std::unique_ptr<Engine> engine_;
  Reporter reporter_;
  Controller controller_;
  Invariants invariants_;
  Random random_;

  EventQueue control_;
  Nanos now_ = 0, end_;
  std::vector<Delivery> deliveries_;
  std::vector<Controller::NodePlanPtr> applied_;  // by node
  std::optional<Controller::Outcome> pending_;
  Nanos controller_down_until_ = -1;
  bool replan_ = false;
  std::vector<Undo> undos_;
  std::map<std::string, Track> tracks_;
  std::map<std::string, plan::ApplicationWish> known_;  // every version's newest
  struct Loss {
    Recovery line;
    int node = 0;
    std::vector<plan::Piece> pieces;
    Nanos at = 0, noticed = -1, done = -1;
    bool controller_was_up = true;
  };
  std::vector<Loss> losses_;
  std::vector<Nanos> lived_since_;
  std::vector<double> lived_s_;
  uint64_t rounds_ = 0;
  Nanos last_report_ = 0;
};

}  // namespace vedette::sim
