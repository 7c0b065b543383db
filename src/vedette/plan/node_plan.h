#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "vedette/plan/sharing.h"

namespace vedette::plan {

/// The smallest thing that is placed: one stream's part of a stage (`stream` empty for a kGlobal stage, which is one
/// piece), or a source (stage == kSource).
struct Piece {
  std::string stage;
  std::string stream;

  friend auto operator<=>(const Piece&, const Piece&) = default;
};

using Placement = std::map<Piece, std::string>;  ///< piece → name of its node

/// One producer's output for one stream, from one node to one other.
struct Channel {
  std::string producer;  ///< key of a stage, or kSource
  std::string stream;
  std::string node;      ///< the other end
  bool pixels = false;   ///< whether anything behind it reads the picture
  bool crops = false;    ///< … the objects' pixels

  friend auto operator<=>(const Channel&, const Channel&) = default;
};

/// What an application looks like from outside, for status.
struct PlannedApplication {
  struct Module {
    std::string name;
    std::string type;
    std::string key;
    std::vector<std::string> inputs;  ///< names of modules, or kSource

    friend bool operator==(const Module&, const Module&) = default;
  };
  std::string name;
  std::string tenant;
  uint64_t version = 0;
  Objective objective;
  std::vector<std::string> streams;  ///< keys, sorted, of those that touch this node
  std::vector<Module> modules;       ///< all, wherever they run

  friend bool operator==(const PlannedApplication&, const PlannedApplication&) = default;
};

/// All that one node needs to know to do its part. A node that has it goes on without the controller.
struct NodePlan {
  uint64_t version = 0;
  std::string node;
  std::vector<Stream> streams;    ///< all that touch this node
  std::vector<std::string> sources;  ///< keys of those streams whose source runs here
  std::vector<Stage> stages;  ///< that run here, from sources to sinks; `streams` cut down to those that run here, and
                              ///< `users` to the applications that have any of these
  std::vector<Channel> imports;  ///< sorted
  std::vector<Channel> exports;
  std::vector<PlannedApplication> applications;  ///< with anything here, by name
  std::map<std::string, std::vector<std::string>> peers;  ///< addresses of the nodes that channels lead to

  friend bool operator==(const NodePlan&, const NodePlan&) = default;
};

/// Cuts the whole into what each node does. A producer's output goes to another node once, however many stages read it
/// there. A channel carries the picture when anything behind it, on whatever node, reads it. Every piece of `shared`
/// must be placed (asserted). Nodes in `addresses` with nothing to do get a plan that says so.
std::map<std::string, NodePlan> node_plans(const Shared& shared, std::span<const ApplicationWish> applications,
                                           const Placement& placement, uint64_t version,
                                           const std::map<std::string, std::vector<std::string>>& addresses);

/// Everything on one node, which is what `vedette run` does.
NodePlan plan_for_one(std::span<const ApplicationWish> applications, const std::string& node, uint64_t version);

/// The plan as it would be without these applications: takes out what only they use. What it still exports may be a
/// little more than what is read.
NodePlan without(const NodePlan& plan, std::span<const std::string> applications);

/// JSON, for the wire and for a node's memory. from_json throws Error(kInvalidData) with what is wrong and where; it
/// passes over unknown keys, and only lets plans through that hold together: no key twice, no stream or stage named
/// that the plan does not have. Limits: 8 MiB, 16 levels.
std::string to_json(const NodePlan& plan);
NodePlan node_plan_from_json(const std::string& text);

}  // namespace vedette::plan
