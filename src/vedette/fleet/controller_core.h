#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vedette/fleet/event_log.h"
#include "vedette/fleet/planning.h"
#include "vedette/fleet/store.h"
#include "vedette/fleet/wanted.h"
#include "vedette/plan/node_plan.h"
#include "vedette/plan/profile.h"
#include "vedette/plan/report.h"
#include "vedette/plan/supervisor.h"

namespace vedette::fleet {

/// Both clocks at once. Leases go by the controller's own monotonic clock; no node's clock decides anything.
struct Instant {
  MonotonicTime mono{};
  Timestamp wall{};

  static Instant now(const Clock& clock) { return {clock.monotonic(), clock.now()}; }
};

/// An application and what planning reads of it. Immutable once shared.
struct Application {
  ApplicationRecord record;
  plan::ApplicationWish wish;
  std::string refused;  ///< stored, but this program does not read it any more: why
};

/// A node as the controller sees it.
///
///   (report) ─▶ kAlive ──lease over──▶ kLost ──report──▶ kAlive
///   (store)  ─▶ kExpected ──report──▶ kAlive; ──lease over──▶ kLost
struct NodeState {
  enum class Life { kExpected, kAlive, kLost };
  NodeRecord record;
  Life life = Life::kLost;
  std::shared_ptr<const plan::NodeReport> report;  ///< the newest; null before the first
  MonotonicTime last_seen{};
  double last_seen_unix = 0;
  std::string refused;                             ///< why the newest caller of this name was sent away
  MonotonicTime refused_until{};
  uint64_t wanted_version = 0;
  std::string digest;
  std::shared_ptr<const plan::NodePlan> plan;      ///< null: not known yet
  struct Rate {
    MonotonicTime since{};
    uint64_t sent = 0;
    double bytes_per_second = 0;
  };
  std::map<std::string, Rate> link_rates;          ///< by peer

  bool counts() const { return life != Life::kLost; }
};

/// Everything at one moment, for whoever shows it. Cheap to copy: what is large is shared.
struct Snapshot {
  std::vector<std::shared_ptr<const Application>> applications;  ///< by name
  std::vector<std::shared_ptr<const NodeState>> nodes;           ///< by name
  std::shared_ptr<const Planned> planned;                        ///< never null
  uint64_t plan_version = 0;
  uint64_t revision = 0;
  Instant now;
  Duration lease{};
};

/// The controller without threads, sockets or a clock: reports, changes and time come in; plans, log lines and entries
/// for the store come out. The same code runs in tests and in the program. Not thread-safe.
///
/// Planning has three steps, so that the slow one can run while reports come in:
///
///   begin() ─▶ make_plan() (anywhere, seconds for a large fleet) ─▶ finish() ─▶ take_unsaved() → store ─▶ publish()
///
/// A plan is handed out only after it was stored, so that after a restart the same plans are made, with the same
/// numbers, and no node changes anything.
class ControllerCore {
 public:
  struct Options {
    Duration lease = std::chrono::seconds(2);
    Duration supervise_every = std::chrono::seconds(1);
    Duration ban = std::chrono::minutes(10);   ///< how long what a node could not start is kept off it
    plan::Supervisor::Options supervisor;
    double full = 0.85;                        ///< share of a node's cores that is planned for
    size_t max_nodes = 5'000;
    size_t max_applications = 20'000;
    std::string version;                       ///< of the program, for messages
    /// YAML to wish; throws Error.
    std::function<plan::ApplicationWish(const std::string& yaml)> read;
  };
  static constexpr int kProtocol = 1;

  explicit ControllerCore(Options options) : options_(std::move(options)), supervisor_(options_.supervisor) {}

  /// What the store holds. Nodes count as alive until their lease has passed from `now` on. Throws Error(kInvalidData)
  /// naming the entry that does not read.
  void restore(const std::vector<Store::Entry>& entries, Instant now);

  // Wanted state. The caller has stored it before.
  void put(Application application, const std::string& cause);
  void remove(const std::string& application);
  void put_node(NodeRecord record);
  void forget_node(const std::string& name);
  std::shared_ptr<const Application> find(const std::string& application) const;
  std::shared_ptr<const NodeState> find_node(const std::string& name) const;

  struct Answer {
    uint64_t wanted_version = 0;
    std::shared_ptr<const plan::NodePlan> plan;  ///< null: the one that the node has is the wanted one
  };
  /// Renews the node's lease. Throws Error(kInvalidData) for a hostile report, and net::HttpError(409): a protocol that
  /// is not kProtocol, or a second living node of one name.
  Answer on_report(plan::NodeReport report, Instant now);
  Answer answer(const std::string& node, uint64_t has_version) const;

  /// Ends leases, bans and trials that are over.
  void tick(Instant now);
  std::optional<PlanRequest> begin(Instant now);
  plan::Supervisor& supervisor() { return supervisor_; }
  void finish(const PlanRequest& request, PlanOutcome outcome, Instant now);
  /// make_plan threw: the same again.
  void retry(const PlanRequest& request) { mark_dirty(request.cause); }

  struct Unsaved {
    std::set<std::string> keys;
    std::vector<Store::Write> writes;
  };
  Unsaved take_unsaved();
  void give_back(const Unsaved& unsaved) { unsaved_.insert(unsaved.keys.begin(), unsaved.keys.end()); }
  /// The plans of the last finish() are in force from now on. True when any node's changed.
  bool publish();
  /// All of the above in order, without a store: the plans of those nodes whose plan changed.
  std::map<std::string, plan::NodePlan> step(Instant now);

  struct Line {
    plan::LogLine line;
    bool everybody = false;
  };
  std::vector<Line> take_log() { return std::exchange(log_, {}); }
  std::vector<plan::Span> take_spans() { return std::exchange(spans_, {}); }

  Snapshot snapshot(Instant now) const;
  const plan::Profiles& profiles() const { return profiles_; }
  std::vector<plan::NodeView> node_views() const;  ///< of those that count
  std::vector<plan::ApplicationWish> wishes() const;  ///< of those that shall run
  plan::Levels levels() const;
  uint64_t revision() const { return revision_; }

 private:
  struct Pending {
    std::shared_ptr<const Planned> planned;
    uint64_t version = 0;
    std::map<std::string, std::pair<std::string, std::shared_ptr<const plan::NodePlan>>> nodes;  // digest, plan
  };

  NodeState& edit(const std::string& node);
  void say(const char* level, std::string node, std::string application, std::string text, Instant now,
           bool everybody = false);
  void check_epoch(const plan::NodeReport& report, Instant now);
  void learn(NodeState& node, const plan::NodeReport& report, Instant now);
  void take_in_log(plan::NodeReport& report, Instant now);
  void mark_dirty(std::string cause);
  void plan_failed(const plan::NodeReport& report, Instant now);
  void application_failed(const std::string& name, const std::string& node, const std::string& why, Instant now);
  void mark_good(Instant now);
  void replace(Application application);
  void say_moves(const Planned& next, Instant now);
  void say_unplaced(const Planned& next, Instant now);
  std::map<std::string, plan::NodePlan> cut(const Planned& planned) const;
  bool settled(const std::string& node) const;
  std::string write_for(const std::string& key, const std::map<std::string, std::vector<plan::Piece>>& pieces) const;

  Options options_;
  plan::Supervisor supervisor_;
  std::map<std::string, std::shared_ptr<const Application>> applications_;
  std::map<std::string, std::shared_ptr<const NodeState>> nodes_;
  std::map<std::string, std::pair<uint64_t, std::string>>
      tried_;  // node → plan and epoch that failed and was dealt with
  std::map<std::string, MonotonicTime> learned_;                   // node → when
  std::map<std::pair<std::string, std::string>, std::pair<std::string, MonotonicTime>> bans_;
  plan::Profiles profiles_;
  std::shared_ptr<const Planned> planned_ = std::make_shared<Planned>();
  std::optional<Pending> pending_;
  uint64_t plan_version_ = 0;
  uint64_t revision_ = 1;
  bool dirty_ = false;
  std::string cause_;
  MonotonicTime next_supervision_{};
  std::set<std::string> unsaved_;
  std::vector<Line> log_;
  std::vector<plan::Span> spans_;
};

}  // namespace vedette::fleet
