#pragma once

#include <map>
#include <string>
#include <vector>

#include "vedette/plan/wish.h"
#include "vedette/sim/controller.h"

namespace vedette::sim {

struct ApplicationResult {
  std::string name, tenant;
  plan::Objective objective;
  double met_share = 0;        ///< of the time that it was wanted, after its first ten seconds
  bool met_at_end = false;
  bool running = false;        ///< wanted at the end
  double mean_ms = 0, p50_ms = 0, p95_ms = 0, p99_ms = 0;
  double fps = 0;              ///< delivered, of each stream, at the mean
  double delivered = 0;
  int level = 0;               ///< at the end
};

struct NodeResult {
  std::string name;
  double utilisation = 0;      ///< share of its cores, at the mean over the time that it lived
  bool alive = false;
};

/// What a node's death did.
struct Recovery {
  std::string node;
  double at_s = 0;
  double noticed_s = -1;       ///< after that; -1: never
  double recovered_s = -1;     ///< until all that may run elsewhere did
  size_t pieces = 0;           ///< that ran on it
  size_t elsewhere = 0;        ///< of those, that have another place now
};

struct Result {
  std::string name;
  uint64_t seed = 0;
  std::string mode;            ///< "frames", "slots"
  double seconds = 0;
  size_t cameras = 0;
  double frames = 0;           ///< that cameras gave
  double delivered = 0;        ///< observations at ends of applications
  double mean_ms = 0, p50_ms = 0, p95_ms = 0, p99_ms = 0;
  std::vector<ApplicationResult> applications;
  std::vector<NodeResult> nodes;
  std::map<std::string, double> drops;  ///< observations, by reason
  double link_bytes = 0;
  size_t plans = 0, moves = 0, decisions = 0;
  std::vector<Recovery> recoveries;
  std::vector<LogEntry> log;
  size_t log_left_out = 0;
  std::vector<std::string> violations;  ///< of what must always hold; each names the time

  size_t kept() const;         ///< applications with an objective that kept it 95 % of the time
  size_t with_objective() const;
  double utilisation() const;  ///< mean of the nodes
  /// The same bytes for the same seed.
  std::string to_json() const;
  std::string to_table() const;
};

}  // namespace vedette::sim
