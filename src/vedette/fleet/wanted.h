#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/plan/node_plan.h"

namespace vedette::fleet {

/// One change of an application. Those too old to be gone back to have no `yaml`.
struct ApplicationVersion {
  uint64_t version = 0;
  double time = 0;   ///< Unix seconds
  std::string who;   ///< name of the token, "local", or "controller" for what it took back itself
  std::string text;  ///< what changed, one line
  std::string yaml;
};

/// An application as its owner wants it; one entry of the store. Immutable once it is shared.
struct ApplicationRecord {
  static constexpr size_t kMaxYamlBytes = 256u << 10;
  static constexpr size_t kMaxHistoryBytes = 512u << 10;  ///< of YAML, so that a record fits etcd's 1.5 MB
  static constexpr size_t kMaxVersions = 50;

  std::string name;
  std::string tenant;
  std::string yaml;
  uint64_t version = 0;
  uint64_t good_version = 0;  ///< the newest that every node concerned had running; 0: none yet
  bool running = true;
  int level = 0;              ///< plan::at_level
  std::string failed;         ///< why it is not planned; empty: it is
  double created = 0;
  double changed = 0;
  std::vector<ApplicationVersion> versions;  ///< oldest first

  /// Adds the present version to the history and forgets what is beyond the limits.
  void remember(std::string who, std::string text);
  /// The version that still has its YAML; null when there is none.
  const ApplicationVersion* find_version(uint64_t wanted) const;
};

/// What is kept of a node between its reports and over restarts of the controller.
struct NodeRecord {
  std::string name;
  bool drained = false;                        ///< takes no work, by an admin's word
  std::map<std::string, std::string> labels;   ///< set here; they come before those that the node reports
  std::vector<std::string> link_addresses;     ///< as last reported, like the rest
  std::map<std::string, std::string> reported_labels;
  double cores = 1;
  double speed = 1;
  double memory_bytes = 4e9;
  bool draining = false;                       ///< by its own word
  bool lost = false;                           ///< its lease had ended

  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

/// What runs on a node by the newest plan made for it.
struct PlacementRecord {
  uint64_t version = 0;  ///< of that plan
  std::string digest;    ///< of that plan, without its version
  std::vector<plan::Piece> pieces;
};

/// JSON, for the store. from_json throws Error(kInvalidData) naming what is wrong.
std::string to_json(const ApplicationRecord& record);
std::string to_json(const NodeRecord& record);
std::string to_json(const PlacementRecord& record);
ApplicationRecord application_record_from_json(const std::string& text);
NodeRecord node_record_from_json(const std::string& text);
PlacementRecord placement_record_from_json(const std::string& text);

double to_unix(Timestamp time);

}  // namespace vedette::fleet
