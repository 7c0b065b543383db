#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "vedette/graph/import.h"
#include "vedette/graph/source_feed.h"
#include "vedette/graph/stage.h"

namespace vedette::graph {

/// Sees off what leaves a network, on a thread of its own: the only one that stops modules while others run.
///
///   coming out ──all is out, or `drain` is over: the rest is dropped──▶ stopping ──▶ gone
///                                                                         │          ▲
///                          a call has not returned after `call` more ─────▼──────────┘ it has, after all
///                                                                    left behind
///
/// A module that hangs in a call cannot be taken away: the call has a pool's thread and the module's memory. It is left
/// behind with both, which is said once, and nobody waits for it any more; it is looked at again and again, and goes
/// when the call returns. A module that hangs in stop() takes the janitor with it: whoever waits says so and goes on.
class Janitor {
 public:
  struct Limits {
    Duration drain;  ///< for what is queued to come out
    Duration call;   ///< for a running call to return after that
  };
  struct Departure {
    std::string key;  ///< of the stage
    std::shared_ptr<Stage> stage;
    std::vector<std::shared_ptr<Lane>> lanes;
    bool whole = false;  ///< the stage itself goes
  };

  /// `on_gone` is called from the janitor's thread, without locks held, when something has gone or is left behind.
  Janitor(Limits limits, std::function<void()> on_gone);
  ~Janitor();
  Janitor(const Janitor&) = delete;
  Janitor& operator=(const Janitor&) = delete;

  // From any thread.
  /// Lanes that were parted from their producers and come out by themselves.
  void take(Departure departure) { add(std::move(departure), limits_.drain); }
  /// Lanes of which nothing is to come out any more.
  void take_at_once(Departure departure) { add(std::move(departure), Duration{0}); }
  /// A feed that was started, and asked to stop.
  void take(std::shared_ptr<SourceFeed> feed);
  /// An import that was told its end, or whose place another takes: what its readers had no room for yet, and what is
  /// still on its way, comes out. When nothing more has come for `drain` the rest is dropped.
  void take(std::shared_ptr<Import> import, const std::string& name);
  /// What still comes out need not.
  void hurry();
  /// Something may have ended.
  void look();

  /// Until nothing of this stage is leaving. False when it is left behind, or the limits have passed.
  bool wait_gone(const std::string& key);
  /// Until nothing is leaving but what is left behind; says so when the limits pass before that.
  void wait_rest();
  bool rests() const;
  /// The names of all that has not gone, left behind or not.
  std::vector<std::string> remaining() const;

 private:
  struct Leaving {
    std::string key;
    std::string name;
    std::shared_ptr<Stage> stage;
    std::vector<std::shared_ptr<Lane>> lanes;  // those not taken out yet
    bool whole = false;
    std::shared_ptr<SourceFeed> feed;  // or this in place of a stage
    std::shared_ptr<Import> import;    // or this
    MonotonicTime deadline{};
    std::optional<uint64_t> last_sequence;  // of the import, at the last look
    bool cut_short = false;  // the deadline has passed, and this was said if it had to be
    bool left_behind = false;
  };

  void add(Departure departure, Duration patience);
  void add(Leaving leaving, Duration patience);
  void run(const std::stop_token& stop);
  bool see_off(Leaving& leaving, MonotonicTime deadline);
  bool see_off_all(std::unique_lock<std::mutex>& lock);
  bool busy() const;

  const Limits limits_;
  const std::function<void()> on_gone_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::list<Leaving> leaving_;  // only the janitor takes out
  uint64_t looks_ = 0;
  std::jthread thread_;
};

}  // namespace vedette::graph
