#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/plan/placement.h"

namespace vedette::plan {

/// How far an application has been lowered, within its allowance: 0 is as wished. Each level takes one thing more.
using Levels = std::map<std::string, int>;

/// The application as wished, at a level: another model in its modules' settings, or a `rate` module behind its
/// sources.
ApplicationWish at_level(const ApplicationWish& wish, int level);
/// How many levels its allowance gives.
int lowest_level(const ApplicationWish& wish);
/// "frame rate 15 → 10", for the event log.
std::string describe_level(const ApplicationWish& wish, int level);

/// What the supervisor decides. Applied by whoever asked it.
struct Decision {
  enum class Kind { kNothing, kPlace, kLower, kRaise } kind = Kind::kNothing;
  std::string application;  ///< kLower, kRaise
  int level = 0;            ///< kLower, kRaise: the new one
  std::string reason;       ///< one line, for the event log; of kNothing too when there is something to say
  std::vector<std::pair<std::string, int>> also;  ///< applications that change their level along with it, so that they
                                                  ///< go on sharing
  Placement placement;  ///< all but kNothing: where everything is to run, with the new levels
};

/// Watches objectives and adjusts: moves modules when another placement keeps more objectives, lowers an application
/// within its allowance when none does (the least priority first, of those that load the node which is full), raises it
/// again once there is room for some time. Acts on what lasts, not on one report; after each decision it waits for the
/// effect. Pure: time comes in with each step.
///
/// It cannot go round in circles: each decision that does not help doubles the time until the next one for that
/// application, up to ten minutes, and so does each rise that had to be taken back. What cannot be kept is said once.
/// Predictions are corrected by what they are wrong now, for each application.
class Supervisor {
 public:
  struct Options {
    Duration patience = std::chrono::seconds(3);  ///< a miss must last so long
    Duration settle = std::chrono::seconds(5);  ///< after a decision
    Duration raise_after = std::chrono::seconds(30);  ///< without a miss, and with room predicted
    Duration window = std::chrono::seconds(10);  ///< that quantiles in reports look back on
    size_t effort = 2'000'000;  ///< of each search for a placement
  };

  struct Situation {
    std::span<const ApplicationWish> wishes;  ///< as wished, not lowered
    const Levels* levels = nullptr;
    std::span<const NodeReport> reports;  ///< of the living nodes
    std::span<const NodeView> nodes;
    const Profiles* profiles = nullptr;
    const Placement* placement = nullptr;
  };

  Supervisor() : Supervisor(Options{}) {}
  explicit Supervisor(Options options) : options_(options) {}
  Decision step(MonotonicTime now, const Situation& situation);

 private:
  struct Watch {
    MonotonicTime missing_since{};
    MonotonicTime kept_since{};
    MonotonicTime next_try{};
    MonotonicTime raise_at{};
    MonotonicTime raised{};
    Duration raise_wait{};
    uint64_t version = 0;
    int attempts = 0;  // decisions for its sake since it was kept for some time
    bool missing = false;
    bool said = false;  // that nothing can be done
    double p95_ms = 0;  // as reported; 0: not known
    double fps = 0;
    std::string what;  // "p95 612 ms over its 500 ms"
  };
  struct Plan;  // applications as lowered, and what they share

  void observe(MonotonicTime now, const Situation& situation, const Plan& plan);
  Decision mend(MonotonicTime now, const Situation& situation, const Plan& plan, const std::vector<size_t>& late);
  Decision raise(MonotonicTime now, const Situation& situation, const Plan& plan);
  void note(MonotonicTime now, const Decision& decision, const std::vector<std::string>& for_whom);
  void wait_longer(MonotonicTime now, const std::vector<std::string>& for_whom);

  Options options_;
  std::map<std::string, Watch> watches_;
  MonotonicTime quiet_until_{};
  size_t nodes_ = 0;
};

}  // namespace vedette::plan
