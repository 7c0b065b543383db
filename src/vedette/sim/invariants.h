#pragma once

#include <map>
#include <string>
#include <vector>

#include "vedette/sim/controller.h"
#include "vedette/sim/engine.h"
#include "vedette/sim/reporter.h"

namespace vedette::sim {

/// What must always hold, looked at while a fleet is simulated. A breach is a line with its time; the first of each
/// kind are kept.
class Invariants {
 public:
  Invariants(const World& world, bool exact) : world_(world), exact_(exact) {}

  void disturbed(Nanos now) { quiet_since_ = now; }
  void begin_crowd() { ++crowds_; }
  void end_crowd() { --crowds_; }

  /// Observations are neither lost nor made from nothing; queues keep their bounds; dead nodes do nothing.
  void check_engine(const Engine& engine, Nanos now);
  /// Every piece of the plan runs where it should, and nowhere else. Only when every node has taken up its plan.
  void check_places(const Controller& controller, const Wiring& wiring, Nanos now);
  /// What nothing has happened to, and what there is ample room for, keeps its objective.
  void check_objectives(const Controller& controller, const Reporter& reporter, const Wiring& wiring,
                        const Environment& environment, Nanos now);
  /// The supervisor does not go up and down with an application, nor to and fro with a piece.
  void note_outcome(const Controller::Outcome& before, const Controller::Outcome& after, Nanos now);
  void note_recovery(const std::string& node, double recovered_s, double allowed_s, Nanos now);

  const std::vector<std::string>& violations() const { return violations_; }

 private:
  void breach(Nanos now, const std::string& kind, const std::string& what);

  struct Turns {
    int direction = 0;
    std::vector<Nanos> at;
  };
  struct Move {
    std::string from;
    Nanos at = 0;
    int returns = 0;
  };

  const World& world_;
  const bool exact_;
  Nanos quiet_since_ = 0;
  int crowds_ = 0;
  std::map<std::string, Turns> turns_;
  std::map<plan::Piece, Move> moves_;
  std::map<std::string, int> kinds_;
  std::vector<std::string> violations_;
};

}  // namespace vedette::sim
