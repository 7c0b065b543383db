#include "vedette/plan/supervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "vedette/plan/what_if.h"

namespace vedette::plan {
namespace {

constexpr uint64_t kLeastCount = 10;     // observations before a quantile is believed
constexpr double kFpsSlack = 0.95;
constexpr double kAim = 0.95;            // a change must be expected to get below this share of the objective
constexpr double kRoom = 0.8;            // … and a rise below this
constexpr size_t kManyPieces = 3000;     // beyond, fewer things are tried in a step
constexpr int kMostDoublings = 7;        // of the time between decisions: about ten minutes
constexpr size_t kMostTrials = 24;
constexpr double kDear = 1e-3;           // seconds of an observation, from which on running something twice matters

/// New levels that belong together.
struct Change {
  std::vector<std::pair<size_t, int>> levels;  // application, its new level
};

/// Share of the observations that gates on the application's way let through.
double gate_of(const ApplicationWish& wish, const Profiles& profiles) {
  double gate = 1;
  for (const auto& module : wish.modules) {
    if (module.sink || module.type == "rate") continue;
    Stage stage;
    stage.type = module.type;
    stage.settings = module.settings;
    gate *= std::min(1.0, profiles.stage(stage).emitted);
  }
  return gate;
}

double use_of(const NodeReport& report) {
  return report.cores > 0 ? std::max(report.cpu, report.machine_cpu) / report.cores : 0;
}

std::string said_p95(double ms) { return fmt::format("{:.0f} ms", ms); }

bool meet(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& each) { return b.contains(each); });
}

}  // namespace

struct Supervisor::Plan {
  std::vector<ApplicationWish> wishes;  // as lowered
  std::vector<int> levels;
  Shared shared;

  static Plan of(const Situation& situation, const std::vector<int>& levels, bool with_shared = true) {
    Plan out;
    out.levels = levels;
    for (size_t i = 0; i < situation.wishes.size(); ++i) out.wishes.push_back(at_level(situation.wishes[i], levels[i]));
    if (with_shared) out.shared = share(out.wishes);
    return out;
  }
};

namespace {

/// Applications that share something dear with this one for a camera of both, itself among them: lowered alone, it
/// would run twice.
std::set<size_t> sharers(const std::vector<ApplicationWish>& wishes, const Shared& shared, const Profiles& profiles,
                         size_t i) {
  const std::string& name = wishes[i].name;
  const auto is_user = [&](const User& user) { return user.application == name; };
  std::set<std::string_view> beside;  // with a camera of its
  for (const auto& stream : shared.streams)
    if (std::binary_search(stream.users.begin(), stream.users.end(), name))
      beside.insert(stream.users.begin(), stream.users.end());
  std::set<std::string_view> names;
  for (const auto& stage : shared.stages) {
    if (profiles.stage(stage).seconds < kDear || std::none_of(stage.users.begin(), stage.users.end(), is_user))
      continue;
    for (const auto& user : stage.users)
      if (beside.contains(user.application)) names.insert(user.application);
  }
  std::set<size_t> out = {i};
  for (size_t j = 0; j < wishes.size(); ++j)
    if (names.contains(wishes[j].name)) out.insert(j);
  return out;
}

/// Who may be lowered, in the order in which it is tried: on the nodes of those who need it, the least priority first,
/// and none above them. Together with those that share with it, where these may be lowered as well, then alone.
template <typename Plan>
std::vector<Change> changes_for(const Supervisor::Situation& situation, const Plan& plan,
                                const std::vector<size_t>& late, const std::vector<std::set<std::string>>& nodes) {
  int most = 0;
  for (const size_t i : late) most = std::max(most, plan.wishes[i].priority);
  const auto may = [&](size_t i) {
    return plan.levels[i] < lowest_level(situation.wishes[i]) && plan.wishes[i].priority <= most &&
           std::any_of(late.begin(), late.end(), [&](size_t one) { return meet(nodes[i], nodes[one]); });
  };
  std::vector<size_t> order;
  for (size_t i = 0; i < plan.wishes.size(); ++i)
    if (may(i)) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return plan.wishes[a].priority != plan.wishes[b].priority ? plan.wishes[a].priority < plan.wishes[b].priority
                                                              : plan.wishes[a].name < plan.wishes[b].name;
  });
  std::vector<Change> changes;
  std::set<std::vector<std::pair<size_t, int>>> known;
  for (const size_t i : order) {
    if (changes.size() >= kMostTrials) break;
    const auto together = sharers(plan.wishes, plan.shared, *situation.profiles, i);
    const bool all = std::all_of(together.begin(), together.end(), may);
    for (const auto& group : {together, std::set<size_t>{i}}) {
      if (group.size() > 1 && !all) continue;
      Change change;
      for (const size_t each : group) change.levels.emplace_back(each, plan.levels[each] + 1);
      if (known.insert(change.levels).second) changes.push_back(std::move(change));
    }
  }
  return changes;
}

}  // namespace

void Supervisor::observe(MonotonicTime now, const Situation& situation, const Plan& plan) {
  std::set<std::string_view> names;
  for (const auto& wish : plan.wishes) names.insert(wish.name);
  std::erase_if(watches_, [&](const auto& watch) { return !names.contains(watch.first); });
  struct Seen {
    double p95_ms = 0, fps = 0;
    bool delivers = false;
  };
  std::map<std::string_view, Seen> seen;
  std::map<std::string_view, double> stream_fps;
  for (const auto& report : situation.reports) {
    for (const auto& stream : report.streams) stream_fps[stream.key] = stream.state == "streaming" ? stream.fps : 0;
    for (const auto& application : report.applications) {
      if (application.latency.count < kLeastCount) continue;
      Seen& all = seen[application.name];
      all.p95_ms = std::max(all.p95_ms, application.latency.p95 * 1e3);
      all.fps = all.delivers ? std::min(all.fps, application.fps) : application.fps;
      all.delivers = true;
    }
  }
  const bool fleet_changed = nodes_ != situation.nodes.size();
  nodes_ = situation.nodes.size();
  for (const auto& wish : plan.wishes) {
    const auto [entry, added] = watches_.try_emplace(wish.name);
    Watch& watch = entry->second;
    if (added) watch.kept_since = now;
    if (added) watch.raise_wait = options_.raise_after;
    if (fleet_changed || watch.version != wish.version) {  // what was hopeless may not be so any more
      watch.version = wish.version;
      watch.said = false;
      watch.attempts = 0;
      watch.next_try = now;
    }
    const Seen& is = seen[wish.name];
    watch.p95_ms = is.p95_ms;
    watch.fps = is.fps;
    bool missing = false;
    if (is.delivers && wish.objective.latency_p95_ms > 0 && is.p95_ms > wish.objective.latency_p95_ms) {
      missing = true;
      watch.what = fmt::format("p95 {} over its {}", said_p95(is.p95_ms), said_p95(wish.objective.latency_p95_ms));
    }
    if (is.delivers && is.fps < wish.objective.min_fps * kFpsSlack) {
      double wanted = wish.objective.min_fps;  // a camera that gives less is no fault of ours
      for (const auto& source : wish.sources)
        if (const auto found = stream_fps.find(stream_key(source)); found != stream_fps.end())
          wanted = std::min(wanted, found->second);
      if (is.fps < wanted * kFpsSlack && is.fps < wanted * kFpsSlack * gate_of(wish, *situation.profiles)) {
        const std::string slow =
            fmt::format("{:.1f} frames a second where it asks for {:g}", is.fps, wish.objective.min_fps);
        watch.what = missing ? watch.what + ", " + slow : slow;
        missing = true;
      }
    }
    if (missing && !watch.missing) watch.missing_since = now;
    if (!missing && watch.missing) watch.kept_since = now;
    watch.missing = missing;
    if (!missing && now - watch.kept_since >= options_.raise_after) {
      watch.attempts = 0;
      watch.said = false;
    }
  }
}

void Supervisor::note(MonotonicTime now, const Decision& decision, const std::vector<std::string>& for_whom) {
  quiet_until_ = now + std::max(options_.settle + options_.patience, options_.window + std::chrono::seconds(1));
  wait_longer(now, for_whom);
  for (auto& [name, watch] : watches_)
    if (watch.missing)
      watch.missing_since = quiet_until_ - options_.patience;  // what the window still holds is of before
  std::vector<std::string> changed;
  if (decision.kind == Decision::Kind::kLower || decision.kind == Decision::Kind::kRaise)
    changed.push_back(decision.application);
  for (const auto& [name, level] : decision.also) changed.push_back(name);
  for (const auto& name : changed) {
    Watch& watch = watches_[name];
    if (decision.kind == Decision::Kind::kRaise) {
      watch.raised = now;
    } else if (watch.raised != MonotonicTime{} &&
               now - watch.raised < 4 * watch.raise_wait) {  // the rise was a mistake
      watch.raise_wait = std::min<Duration>(2 * watch.raise_wait, options_.raise_after * (1 << kMostDoublings));
    }
    watch.raise_at = now + watch.raise_wait;
  }
}

void Supervisor::wait_longer(MonotonicTime now, const std::vector<std::string>& for_whom) {
  for (const auto& name : for_whom) {
    Watch& watch = watches_[name];
    watch.next_try = now + options_.settle * (1 << std::min(watch.attempts, kMostDoublings));
    watch.attempts++;
  }
}

Decision Supervisor::mend(MonotonicTime now, const Situation& situation, const Plan& plan,
                          const std::vector<size_t>& late) {
  std::vector<double> reported;
  for (const auto& wish : plan.wishes) reported.push_back(watches_[wish.name].p95_ms);
  const Trial trial(situation, plan.wishes, plan.shared, reported, late, options_.effort);
  const auto evaluate = [&](const Plan& with, const Placement& from, bool thorough) {
    return trial.place_all(with.wishes, with.shared, from, kAim, thorough);
  };
  const Outcome before = trial.as_it_is(plan.wishes, plan.shared, kAim);

  const auto nodes = nodes_of(plan.wishes, plan.shared, *situation.placement);
  const size_t first = late.front();
  const Watch& watch = watches_[plan.wishes[first].name];
  std::string busiest;
  double use = 0;
  for (const auto& report : situation.reports) {
    if (!nodes[first].contains(report.node) || use_of(report) <= use) continue;
    use = use_of(report);
    busiest = report.node;
  }
  std::string why =
      fmt::format("{}: {} for {:.0f} s", plan.wishes[first].name, watch.what, to_seconds(now - watch.missing_since));
  if (late.size() > 1) why += fmt::format(" (and {} more)", late.size() - 1);
  if (!busiest.empty()) why += fmt::format("; {} is at {:.0f} %", busiest, use * 100);
  const auto expected = [&](const Outcome& outcome) {
    const auto& is = outcome.result.predictions[first];
    return plan.wishes[first].objective.latency_p95_ms > 0 ? said_p95(is.latency_p95_ms * trial.factor(first))
                                                           : fmt::format("{:.1f} frames a second", is.fps);
  };
  std::vector<std::string> names;
  for (const size_t i : late) names.push_back(plan.wishes[i].name);

  Decision decision;
  Outcome moved = evaluate(plan, *situation.placement, true);
  if (fewer(moved.missed, before.missed) && (moved.mends || moved.excess < 0.8 * before.excess) &&
      moved.result.placement != *situation.placement) {
    decision.kind = Decision::Kind::kPlace;
    std::string what;
    if (!moved.result.reasons.empty())
      what = moved.result.reasons.front().substr(0, moved.result.reasons.front().find(':'));
    if (moved.result.reasons.size() > 1) what += fmt::format(" and {} more", moved.result.reasons.size() - 1);
    decision.reason = fmt::format("{}: move {} (expected {})", why, what, expected(moved));
    decision.placement = std::move(moved.result.placement);
    note(now, decision, names);
    return decision;
  }

  auto changes = changes_for(situation, plan, late, nodes);
  changes.resize(std::min(changes.size(), situation.placement->size() > kManyPieces ? 4 : kMostTrials));
  const Change* chosen = nullptr;
  Outcome best;
  std::vector<int> chosen_levels;
  for (const auto& change : changes) {
    std::vector<int> levels = plan.levels;
    for (const auto& [i, level] : change.levels) levels[i] = level;
    const Plan with = Plan::of(situation, levels);
    Outcome outcome = evaluate(with, carried_over(*situation.placement, plan.shared, with.shared), false);
    const bool helps = fewer(outcome.missed, before.missed) ||
                       (!fewer(before.missed, outcome.missed) && outcome.excess < 0.95 * before.excess - 1e-9);
    if (!helps) continue;
    if (chosen && !fewer(outcome.missed, best.missed) && !(outcome.mends && !best.mends) &&
        outcome.excess >= 0.9 * best.excess)
      continue;
    chosen = &change;
    chosen_levels = levels;
    best = std::move(outcome);
    if (best.mends) break;
  }
  if (!chosen) {
    Watch& mine = watches_[plan.wishes[first].name];
    wait_longer(now, names);
    if (mine.said) return {};
    for (const auto& name : names) watches_[name].said = true;
    decision.reason =
        fmt::format("{}: no placement keeps it, and nothing may be lowered that would help (best expected {})", why,
                    expected(moved));
    return decision;
  }
  const Plan with = Plan::of(situation, chosen_levels);
  Outcome thorough = evaluate(with, carried_over(*situation.placement, plan.shared, with.shared), true);
  if (fewer(thorough.missed, best.missed) || (!best.mends && thorough.excess < best.excess)) best = std::move(thorough);
  decision.kind = Decision::Kind::kLower;
  std::string what;
  for (const auto& [i, level] : chosen->levels) {
    if (decision.application.empty()) {
      decision.application = plan.wishes[i].name;
      decision.level = level;
    } else {
      decision.also.emplace_back(plan.wishes[i].name, level);
    }
    what += fmt::format("{}{}: {}", what.empty() ? "" : ", ", plan.wishes[i].name,
                        describe_level(situation.wishes[i], level));
  }
  decision.reason = fmt::format("{}: lower {} (expected {})", why, what, expected(best));
  decision.placement = std::move(best.result.placement);
  note(now, decision, names);
  return decision;
}

Decision Supervisor::raise(MonotonicTime now, const Situation& situation, const Plan& plan) {
  std::vector<size_t> order;
  for (size_t i = 0; i < plan.wishes.size(); ++i)
    if (plan.levels[i] > 0 && now >= watches_[plan.wishes[i].name].raise_at) order.push_back(i);
  if (order.empty()) return {};
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return plan.wishes[a].priority != plan.wishes[b].priority ? plan.wishes[a].priority > plan.wishes[b].priority
                                                              : plan.wishes[a].name < plan.wishes[b].name;
  });
  const auto nodes = nodes_of(plan.wishes, plan.shared, *situation.placement);
  for (const size_t i : order) {
    Watch& watch = watches_[plan.wishes[i].name];
    bool calm = true;
    for (size_t j = 0; j < plan.wishes.size(); ++j) {
      const Watch& other = watches_[plan.wishes[j].name];
      if ((other.missing || now - other.kept_since < options_.raise_after) && meet(nodes[i], nodes[j])) calm = false;
    }
    if (!calm) continue;
    // Those that went down along with it go up along with it.
    std::vector<int> levels = plan.levels;
    --levels[i];
    const auto together = sharers(plan.wishes, plan.shared, *situation.profiles, i);
    Decision decision;
    decision.kind = Decision::Kind::kRaise;
    decision.application = plan.wishes[i].name;
    decision.level = levels[i];
    for (size_t j = 0; j < plan.wishes.size(); ++j) {
      if (j == i || plan.levels[j] != plan.levels[i] || !together.contains(j)) continue;
      --levels[j];
      decision.also.emplace_back(plan.wishes[j].name, levels[j]);
    }
    std::vector<double> reported;
    for (const auto& wish : plan.wishes) reported.push_back(watches_[wish.name].p95_ms);
    const Trial trial(situation, plan.wishes, plan.shared, reported, {}, options_.effort);
    const Plan with = Plan::of(situation, levels);
    const Placement from = carried_over(*situation.placement, plan.shared, with.shared);
    PlacementResult result = trial.place_all(with.wishes, with.shared, from, kRoom, true).result;
    const bool room = result.overfull < 1e-6 && std::all_of(
                                                    result.predictions.begin(), result.predictions.end(),
                                                    [&](const Prediction& is) {
                                                      const size_t j =
                                                          static_cast<size_t>(&is - result.predictions.data());
                                                      return is.met || !meet(nodes[i], nodes[j]);
                                                    });
    if (!room) {
      watch.raise_at = now + watch.raise_wait;
      continue;
    }
    std::string what =
        fmt::format("{}: back from {}", decision.application, describe_level(situation.wishes[i], plan.levels[i]));
    if (!decision.also.empty()) what += fmt::format(", and {} more with it", decision.also.size());
    decision.reason =
        fmt::format("{}; every objective was kept for {:.0f} s and there is room (expected {})", what,
                    to_seconds(options_.raise_after), said_p95(result.predictions[i].latency_p95_ms * trial.factor(i)));
    decision.placement = std::move(result.placement);
    note(now, decision, {});
    return decision;
  }
  return {};
}

Decision Supervisor::step(MonotonicTime now, const Situation& situation) {
  std::vector<int> levels;
  for (const auto& wish : situation.wishes) {
    const auto found = situation.levels ? situation.levels->find(wish.name) : Levels::const_iterator{};
    const bool lowered = situation.levels && found != situation.levels->end();
    levels.push_back(lowered ? std::clamp(found->second, 0, lowest_level(wish)) : 0);
  }
  Plan plan = Plan::of(situation, levels, false);  // sharing is dear, and most steps end here
  observe(now, situation, plan);
  if (now < quiet_until_ || !situation.placement || !situation.profiles || situation.nodes.empty()) return {};
  std::vector<size_t> late;
  for (size_t i = 0; i < plan.wishes.size(); ++i) {
    const Watch& watch = watches_[plan.wishes[i].name];
    if (watch.missing && now - watch.missing_since >= options_.patience && now >= watch.next_try) late.push_back(i);
  }
  const bool may_raise = std::any_of(levels.begin(), levels.end(), [](int level) { return level > 0; });
  if (late.empty() && !may_raise) return {};
  plan.shared = share(plan.wishes);
  if (!late.empty()) {
    std::stable_sort(late.begin(), late.end(),
                     [&](size_t a, size_t b) { return plan.wishes[a].priority > plan.wishes[b].priority; });
    Decision decision = mend(now, situation, plan, late);
    if (decision.kind != Decision::Kind::kNothing || !decision.reason.empty()) return decision;
  }
  return raise(now, situation, plan);
}

}  // namespace vedette::plan
