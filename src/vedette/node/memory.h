#pragma once

#include <memory>
#include <optional>
#include <string>

#include "vedette/plan/node_plan.h"

struct sqlite3;

namespace vedette::node {

/// The last plan that ran here, in <folder>/node.db (SQLite), so that a node which starts without its controller goes
/// on with it. One process at a time has it open. What is saved survives the loss of power. Thread-compatible.
///
/// A file that cannot be read, or holds what is no plan, is renamed to node.db.bad (one earlier such file is replaced),
/// with one line in the log, and the memory starts empty.
class Memory {
 public:
  /// Makes the folder, for the owner alone. Throws Error(kAddressInUse) when another process has the memory open,
  /// Error(kPermissionDenied | kExhausted | …) when it cannot be made.
  Memory(const std::string& folder, std::string node);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  /// Null when there is none, or it was of a node with another name.
  std::optional<plan::NodePlan> plan() const { return plan_; }
  /// Throws Error(kExhausted | kPermissionDenied | kInternal); what was saved before is still there then.
  void save(const plan::NodePlan& plan);

  /// Counts starts with the remembered plan that no settled() followed, this one included: a plan that brings the
  /// process down is noticed by that.
  int begin_start();
  /// The start went well.
  void settled();

 private:
  void open();
  void close();
  void set_aside(const std::string& why);
  void load();
  void write(const char* key, const std::string& value);
  std::optional<std::string> read(const char* key);

  const std::string path_;
  const std::string node_;
  sqlite3* database_ = nullptr;
  std::optional<plan::NodePlan> plan_;
};

}  // namespace vedette::node
