// The part of Controller that changes what is wanted.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/fleet/controller.h"
#include "vedette/fleet/report_check.h"
#include "vedette/net/message.h"

namespace vedette::fleet {
namespace {

constexpr size_t kMaxPiecesPredicted = 5'000;  // of the whole fleet: more would keep who applies waiting
constexpr size_t kMaxEffects = 50;
constexpr int kTries = 5;
constexpr size_t kMaxLabels = 64, kMaxLabelBytes = 128;

bool is_kept(const plan::Objective& objective, const plan::Prediction& p) {
  return (objective.latency_p95_ms <= 0 || p.latency_p95_ms <= objective.latency_p95_ms) &&
         (objective.min_fps <= 0 || p.fps + 1e-6 >= objective.min_fps);
}

std::string users_text(const plan::Stage& stage, const std::string& self, const Controller::Caller& caller,
                       const std::map<std::string, std::string>& tenants) {
  std::set<std::string> names;
  for (const auto& user : stage.users) {
    if (user.application == self) continue;
    const auto tenant = tenants.find(user.application);
    const std::string owner = tenant == tenants.end() ? "" : tenant->second;
    names.insert(!caller.tenant.empty() && owner != caller.tenant ? "another tenant"
                                                                  : fmt::format("{} ({})", user.application, owner));
  }
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

struct Controller::Basis {
  std::vector<plan::ApplicationWish> wishes;
  plan::Levels levels;
  std::vector<plan::NodeView> nodes;
  plan::Profiles profiles;
  std::shared_ptr<const Planned> planned;
};

Controller::Basis Controller::basis() const {
  const std::lock_guard lock(mutex_);
  const ControllerCore& c = core();
  return {c.wishes(), c.levels(), c.node_views(), c.profiles(), c.snapshot(Instant::now(clock_)).planned};
}

void Controller::judge(const Caller& caller, const Definition& definition, const Basis& b, Applied& applied) const {
  const auto& wish = definition.wish;
  const plan::PlacementProblem problem{
      .applications = {}, .shared = nullptr, .nodes = b.nodes, .profiles = &b.profiles, .now = nullptr, .full = 0.85};
  if (b.nodes.empty()) {
    applied.effect.emplace_back("it waits: no node is there");
    return;
  }
  if (wish.objective.latency_p95_ms > 0 || wish.objective.min_fps > 0) {
    const plan::Prediction best = plan::best_possible(problem, wish);
    const int lowest = plan::lowest_level(wish);
    const bool possible =
        is_kept(wish.objective, best) ||
        (lowest > 0 && is_kept(wish.objective, plan::best_possible(problem, plan::at_level(wish, lowest))));
    if (!possible) {
      std::string asked;
      if (wish.objective.latency_p95_ms > 0 && best.latency_p95_ms > wish.objective.latency_p95_ms)
        asked = fmt::format("p95 {:g} ms: the best is {:.0f} ms", wish.objective.latency_p95_ms, best.latency_p95_ms);
      if (wish.objective.min_fps > 0 && best.fps + 1e-6 < wish.objective.min_fps)
        asked += fmt::format("{}{:g} frames a second: the best is {:.1f}", asked.empty() ? "" : ", and ",
                             wish.objective.min_fps, best.fps);
      if (asked.empty()) asked = "its objective";
      applied.refused = Refusal{fmt::format("{} cannot keep {}", wish.name, asked), best};
    }
  }
  std::vector<plan::ApplicationWish> wishes = b.wishes;
  std::erase_if(wishes, [&](const auto& one) { return one.name == wish.name; });
  std::map<std::string, std::string> tenants{{wish.name, wish.tenant}};
  for (const auto& one : wishes) tenants[one.name] = one.tenant;
  wishes.push_back(wish);
  plan::Levels levels = b.levels;
  levels.erase(wish.name);
  wishes = lowered(wishes, levels);
  const plan::Shared shared = plan::share(wishes);
  plan::PlacementResult result;
  if (pieces_of(shared).size() <= kMaxPiecesPredicted) {
    plan::PlacementProblem whole = problem;
    whole.applications = wishes;
    whole.shared = &shared;
    whole.now = &b.planned->placement;
    whole.effort = effort_for(wishes);
    result = plan::place(whole);
    for (const auto& prediction : result.predictions)
      if (prediction.application == wish.name) applied.prediction = prediction;
  }
  for (const auto& [piece, why] : result.unplaced)
    if (applied.effect.size() < kMaxEffects)
      applied.effect.push_back(fmt::format("{} does not run: {}", describe(shared, piece), why));
  for (const auto& stage : shared.stages) {
    if (applied.effect.size() >= kMaxEffects) break;
    if (std::none_of(stage.users.begin(), stage.users.end(), [&](const auto& u) { return u.application == wish.name; }))
      continue;
    std::set<std::string> nodes;
    for (const auto& [piece, node] : result.placement)
      if (piece.stage == stage.key) nodes.insert(node);
    const std::string where = nodes.size() == 1 ? " on " + *nodes.begin()
                              : nodes.empty()   ? ""
                                                : fmt::format(" on {} nodes", nodes.size());
    std::string streams;
    if (stage.streams.size() == 1)
      if (const auto* stream = shared.find_stream(stage.streams.front())) streams = " of " + stream->name;
    const std::string others = users_text(stage, wish.name, caller, tenants);
    if (!others.empty()) {
      applied.effect.push_back(fmt::format("{}{}{} is shared with {}", stage.name, streams, where, others));
    } else if (!b.planned->shared.find_stage(stage.key)) {
      applied.effect.push_back(fmt::format("{}{} starts{}", stage.name, streams, where));
    }
  }
  for (const auto& stage : b.planned->shared.stages) {
    if (applied.effect.size() >= kMaxEffects) break;
    const bool mine =
        std::any_of(stage.users.begin(), stage.users.end(), [&](const auto& u) { return u.application == wish.name; });
    if (mine && !shared.find_stage(stage.key)) applied.effect.push_back(stage.name + " stops");
  }
}

Controller::Applied Controller::apply(const Caller& caller, const std::string& name, const std::string& yaml,
                                      const ApplyOptions& options) {
  Definition definition = read_definition(yaml, options.origin.empty() ? name : options.origin);
  const auto& wanted = definition.application;
  if (wanted.name != name)
    throw Error(ErrorCode::kUsage,
                fmt::format("the application is named '{}', not '{}'", wanted.name, name.substr(0, 64)));
  if (!caller.tenant.empty() && wanted.tenant != caller.tenant)
    throw Error(ErrorCode::kPermissionDenied,
                fmt::format("'{}' belongs to tenant '{}', and {} is of tenant '{}'", name, wanted.tenant, caller.name,
                            caller.tenant),
                "write tenant: " + caller.tenant);
  for (int tries = 0; tries < kTries; ++tries) {
    std::shared_ptr<const Application> before;
    {
      const std::lock_guard lock(mutex_);
      before = core().find(name);
    }
    if (before && !caller.tenant.empty() && before->record.tenant != caller.tenant)
      throw net::HttpError(409, ErrorCode::kAddressInUse, fmt::format("the name '{}' is taken by another tenant", name),
                           "choose another one");
    std::optional<Definition> present;
    if (before && before->refused.empty()) present = read_definition(before->record.yaml, name);
    Applied applied;
    applied.application = name;
    applied.version = before ? before->record.version : 0;
    applied.dry_run = options.dry_run;
    applied.changes = diff(present ? &*present : nullptr, definition);
    const bool again = before && !before->record.failed.empty();
    if (applied.changes.empty() && !again) return applied;
    judge(caller, definition, basis(), applied);
    if (options.dry_run) return applied;
    if (applied.refused && !options.force)
      throw net::HttpError(409, ErrorCode::kInvalidConfig, applied.refused->message,
                           "ask for less, allow it to adapt, or add a node; --force applies it all the same");

    const std::lock_guard changes(changes_mutex_);
    Application next;
    {
      const std::lock_guard lock(mutex_);
      if (core().find(name) != before) continue;  // changed meanwhile: look again at what this changes
      if (!before && core().snapshot({}).applications.size() >= ControllerCore::Options{}.max_applications)
        throw Error(ErrorCode::kExhausted, "the fleet has as many applications as it can have", "delete some");
    }
    const double now = to_unix(clock_.now());
    if (before) next.record = before->record;
    next.record.name = name;
    next.record.tenant = wanted.tenant;
    next.record.yaml = yaml;
    ++next.record.version;
    next.record.level = 0;
    next.record.failed.clear();
    next.record.changed = now;
    if (!before) next.record.created = now;
    const std::string text = applied.changes.empty() ? "again" : before ? summary(applied.changes) : "created";
    next.record.remember(caller.name, text);
    next.wish = definition.wish;
    next.wish.version = applied.version = next.record.version;
    commit({{"app/" + name, to_json(next.record), std::nullopt}});
    const std::lock_guard lock(mutex_);
    core().put(std::move(next), fmt::format("{} version {}", name, applied.version));
    say(caller, "", name, fmt::format("version {} by {}: {}", applied.version, caller.name, text));
    return applied;
  }
  throw Error(ErrorCode::kUnavailable, fmt::format("'{}' is being changed by others all the time", name), "try again");
}

Controller::Applied Controller::update(const Caller& caller, const std::string& name, const std::string& module,
                                       const std::string& settings, const ApplyOptions& options) {
  const auto application = find(caller, name);
  const Definition present = read_definition(application->record.yaml, name);
  return apply(caller, name, with_settings(present, module, settings), options);
}

std::shared_ptr<const Application> Controller::find(const Caller& caller, const std::string& name) const {
  const std::lock_guard lock(mutex_);
  auto application = core().find(name);
  if (application && (caller.tenant.empty() || application->record.tenant == caller.tenant)) return application;
  std::vector<std::string> names;
  for (const auto& one : core().snapshot({}).applications)
    if (caller.tenant.empty() || one->record.tenant == caller.tenant) names.push_back(one->record.name);
  throw Error(ErrorCode::kNotFound, fmt::format("there is no application '{}'", name.substr(0, 64)),
              names.empty() ? "there is none at all" : did_you_mean(name, names));
}

std::shared_ptr<const NodeState> Controller::find_node(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  if (auto node = core().find_node(name)) return node;
  std::vector<std::string> names;
  for (const auto& one : core().snapshot({}).nodes) names.push_back(one->record.name);
  throw Error(ErrorCode::kNotFound, fmt::format("there is no node '{}'", name.substr(0, 64)),
              names.empty() ? "no node has joined yet" : did_you_mean(name, names));
}

void Controller::commit(const std::vector<Store::Write>& writes) {
  if (!store_->commit(writes)) throw Error(ErrorCode::kUnavailable, "the store was changed by another", "try again");
}

/// mutex_ held.
void Controller::say(const Caller&, const std::string& node, const std::string& application, const std::string& text) {
  events_.add({to_unix(clock_.now()), "info", node, application, text}, false);
  ++revision_;
  kick();
  changed_.notify_all();
}

void Controller::remove(const Caller& caller, const std::string& name) {
  find(caller, name);
  const std::lock_guard changes(changes_mutex_);
  find(caller, name);
  commit({{"app/" + name, std::nullopt, std::nullopt}});
  const std::lock_guard lock(mutex_);
  core().remove(name);
  say(caller, "", name, "removed by " + caller.name);
}

void Controller::set_running(const Caller& caller, const std::string& name, bool running) {
  const std::lock_guard changes(changes_mutex_);
  Application next = *find(caller, name);
  if (next.record.running == running && next.record.failed.empty()) return;
  next.record.running = running;
  if (running) next.record.failed.clear();
  commit({{"app/" + name, to_json(next.record), std::nullopt}});
  const std::lock_guard lock(mutex_);
  core().put(std::move(next), name + (running ? " is started" : " is stopped"));
  say(caller, "", name, (running ? "started by " : "stopped by ") + caller.name);
}

void Controller::drain(const Caller& caller, const std::string& name, bool drained) {
  const std::lock_guard changes(changes_mutex_);
  NodeRecord record = find_node(name)->record;
  if (record.drained == drained) return;
  record.drained = drained;
  commit({{"node/" + name, to_json(record), std::nullopt}});
  const std::lock_guard lock(mutex_);
  if (const auto node = core().find_node(name)) {
    NodeRecord newest = node->record;
    newest.drained = drained;
    core().put_node(std::move(newest));
  }
  say(caller, name, "", fmt::format("{} {} by {}", name, drained ? "is drained" : "takes work again", caller.name));
}

void Controller::set_labels(const Caller& caller, const std::string& name, std::map<std::string, std::string> labels) {
  if (labels.size() > kMaxLabels || std::any_of(labels.begin(), labels.end(), [](const auto& l) {
        return l.first.empty() || l.first.size() > kMaxLabelBytes || l.second.size() > kMaxLabelBytes;
      }))
    throw Error(ErrorCode::kUsage, "these are no labels", "at most 64 pairs of texts of at most 128 bytes");
  const std::lock_guard changes(changes_mutex_);
  NodeRecord record = find_node(name)->record;
  record.labels = labels;
  commit({{"node/" + name, to_json(record), std::nullopt}});
  const std::lock_guard lock(mutex_);
  if (const auto node = core().find_node(name)) {
    NodeRecord newest = node->record;
    newest.labels = std::move(labels);
    core().put_node(std::move(newest));
  }
  say(caller, name, "", fmt::format("{} is labelled anew by {}", name, caller.name));
}

void Controller::forget(const Caller& caller, const std::string& name) {
  const std::lock_guard changes(changes_mutex_);
  if (find_node(name)->counts())
    throw Error(ErrorCode::kUsage, fmt::format("{} is alive", name), "drain it and end it first");
  commit({{"node/" + name, std::nullopt, std::nullopt}, {"place/" + name, std::nullopt, std::nullopt}});
  const std::lock_guard lock(mutex_);
  core().forget_node(name);
  say(caller, name, "", fmt::format("{} is forgotten, by {}", name, caller.name));
}

}  // namespace vedette::fleet
