#include "vedette/sim/simulation.h"

#include <fmt/format.h>

#include <algorithm>

#include "vedette/sim/frame_engine.h"
#include "vedette/sim/slot_engine.h"

namespace vedette::sim {
namespace {

constexpr Nanos kTurnEvery = 5 * kSecond;
constexpr double kGrace = 10;           // seconds after which an application's objective counts
constexpr double kMetFps = 0.95;
constexpr double kRecoverWithin = 3;    // seconds after the lease, that the issue asks for
constexpr size_t kRoundsToLearn = 4;    // from one of many nodes
constexpr size_t kManyNodes = 200;
constexpr size_t kManyLanes = 20'000;   // with more, invariants are looked at less often

template <typename T>
auto& get(T& list, int i) {
  return list[static_cast<size_t>(i)];
}

bool slots_wanted(const FleetFile& file, std::optional<Mode> mode, size_t cameras) {
  const Mode wanted = mode.value_or(file.mode);
  return wanted == Mode::kSlots || (wanted == Mode::kAuto && cameras > static_cast<size_t>(file.frames_up_to));
}

}  // namespace

Simulation::Simulation(FleetFile file, SimulationOptions options)
    : world_(std::move(file)),
      options_(std::move(options)),
      seed_(options_.seed.value_or(world_.file().seed)),
      frames_(!slots_wanted(world_.file(), options_.mode, world_.cameras().size())),
      environment_(world_, seed_),
      wiring_(world_, environment_),
      engine_(frames_ ? std::unique_ptr<Engine>(std::make_unique<FrameEngine>(world_, environment_, wiring_, seed_))
                      : std::make_unique<SlotEngine>(world_, environment_, wiring_, seed_,
                                                     to_nanos(world_.file().slot_ms * 1e-3))),
      reporter_(world_, environment_, wiring_, *engine_),
      controller_(world_, world_.file().controller),
      invariants_(world_, frames_),
      random_(seed_, 5),
      end_(to_nanos(world_.file().duration_s)) {
  const size_t nodes = world_.nodes().size();
  applied_.resize(nodes);
  lived_since_.assign(nodes, -1);
  lived_s_.assign(nodes, 0);
  for (uint32_t i = 0; i < nodes; ++i) control_.push(to_nanos(world_.nodes()[i].joins_s), kJoin, i);
  for (const auto& each : world_.applications()) {
    known_[each.wish.name] = each.wish;
    if (each.starts) put(each.wish);
  }
  control_.push(0, kReport, 0);
  control_.push(kSecond, kEachSecond, 0);
  control_.push(kTurnEvery, kTurn, 0);
  for (uint32_t i = 0; i < world_.file().events.size(); ++i) {
    const EventOf& event = world_.file().events[i];
    control_.push(to_nanos(event.at_s >= 0 ? event.at_s : event.every_s * random_.exponential()), kHappen, i);
  }
}

Simulation::~Simulation() = default;

void Simulation::put(const plan::ApplicationWish& wish) {
  world_.know(wish);
  known_[wish.name] = wish;
  Track& track = tracks_[wish.name];
  if (!track.running) track.added = now_;
  track.changed = now_;
  track.running = true;
  track.passes = 1;
  for (const auto& module : wish.modules) track.passes *= world_.cost(module.type, module.settings).passes;
  controller_.put(wish);
}

void Simulation::remove(const std::string& name) {
  Track& track = tracks_[name];
  track.wanted += now_ - track.added;
  track.running = false;
  controller_.remove(name);
}

Result Simulation::run() {
  bool going = true;
  while (going && !control_.empty() && control_.top().time <= end_) {
    const Event event = control_.pop();
    engine_->advance(event.time);
    now_ = event.time;
    handle(event);
    // What happens at one time is wired together.
    if (wiring_.stale() && (control_.empty() || control_.top().time > now_)) rewire();
    if (event.kind == kEachSecond && options_.progress) going = options_.progress(seconds_of(now_));
  }
  if (going) {
    engine_->advance(end_);
    now_ = end_;
  }
  if (options_.check) invariants_.check_engine(*engine_, now_);
  return result();
}

void Simulation::rewire() {
  wiring_.rebuild();
  engine_->rewire();
  reporter_.rewire(now_);
  look_at_recoveries();
}

void Simulation::handle(const Event& event) {
  switch (event.kind) {
    case kEachSecond: each_second(); break;
    case kReport: on_report(); break;
    case kTurn:
      reporter_.turn(now_);
      control_.push(now_ + kTurnEvery, kTurn, 0);
      break;
    case kPublish: on_publish(); break;
    case kApply: on_apply(event.index); break;
    case kJoin: join(static_cast<int>(event.index)); break;
    case kHappen: happen(event.index); break;
    case kUndo: undo(event.index); break;
    default: controller_.restart(now_, replan_); replan_ = false;
  }
}

void Simulation::each_second() {
  environment_.update(now_);
  control_.push(now_ + kSecond, kEachSecond, 0);
  const bool many = wiring_.lanes().size() > kManyLanes;
  if (options_.check && (!many || (now_ / kSecond) % 10 == 0)) invariants_.check_engine(*engine_, now_);
}

void Simulation::on_report() {
  if (wiring_.stale()) rewire();
  const Nanos every = to_nanos(world_.file().controller.report_s);
  control_.push(now_ + every, kReport, 0);
  reporter_.report(now_);
  if (now_ >= controller_down_until_) {
    const auto reports = reporter_.reports();
    // Each node's report is learned from about every five seconds; of very many nodes from one now and then: it is slow
    // (plan/profile.cc), and they do much the same.
    const auto turns = std::max<uint64_t>({1, static_cast<uint64_t>(5 * kSecond / every),
                                           reports.size() > kManyNodes ? reports.size() * kRoundsToLearn : 0});
    for (size_t i = 0; i < reports.size(); ++i) {
      controller_.seen(reporter_.nodes()[i], now_);
      if ((rounds_ + i) % turns == 0) controller_.learn(reports[i]);
    }
    controller_.tick(now_);
    for (auto& loss : losses_)
      if (loss.noticed < 0 && !controller_.believed_alive(loss.node)) loss.noticed = now_;
    maybe_plan();
  }
  ++rounds_;
  look_at_applications();
  last_report_ = now_;
}

void Simulation::maybe_plan() {
  if (pending_) return;
  pending_ = controller_.plan(now_, reporter_.reports());
  if (pending_) control_.push(now_ + to_nanos(world_.file().controller.plan_s), kPublish, 0);
}

void Simulation::on_publish() {
  if (!pending_ || now_ < controller_down_until_) {
    replan_ = replan_ || pending_.has_value();
    pending_.reset();
    return;
  }
  invariants_.note_outcome(controller_.planned(), *pending_, now_);
  const ControllerOf& delays = world_.file().controller;
  const auto changed = controller_.publish(std::move(*pending_), now_);
  pending_.reset();
  if (!changed.empty()) invariants_.disturbed(now_);
  for (const auto& [node, plan] : changed) {
    if (!engine_->alive(node)) continue;
    const auto& had = get(applied_, node);
    const bool starts = std::any_of(plan->stages.begin(), plan->stages.end(), [&](const plan::Stage& stage) {
      return !had || std::none_of(had->stages.begin(), had->stages.end(),
                                  [&](const auto& other) { return other.key == stage.key; });
    });
    // Not all at the same time, so that nodes work with plans of different ages for a moment.
    const double apart = 0.01 * static_cast<double>(node % 4);
    control_.push(now_ + to_nanos(delays.deliver_s + apart + (starts ? delays.start_s : 0)), kApply,
                  static_cast<uint32_t>(deliveries_.size()));
    deliveries_.push_back({node, plan});
  }
  look_at_recoveries();
}

void Simulation::on_apply(uint32_t index) {
  Delivery& delivery = deliveries_[index];
  const auto plan = std::move(delivery.plan);
  if (!engine_->alive(delivery.node) || controller_.wanted(delivery.node) != plan) return;  // dead, or outdated
  get(applied_, delivery.node) = plan;
  wiring_.set(delivery.node, plan);
}

void Simulation::join(int node) {
  if (engine_->alive(node)) return;
  engine_->revive(node);
  get(lived_since_, node) = now_;
  get(applied_, node) = nullptr;
  wiring_.set(node, nullptr);
  invariants_.disturbed(now_);
}

void Simulation::kill(int node) {
  if (wiring_.stale()) rewire();
  engine_->kill(node);
  get(lived_s_, node) += seconds_of(now_ - get(lived_since_, node));
  get(lived_since_, node) = -1;
  Loss loss;
  loss.node = node;
  loss.at = now_;
  loss.controller_was_up = now_ >= controller_down_until_;
  loss.line = {.node = get(world_.nodes(), node).view.name, .at_s = seconds_of(now_)};
  for (const auto& [piece, where] : controller_.planned().placement)
    if (where == loss.line.node) loss.pieces.push_back(piece);
  loss.line.pieces = loss.pieces.size();
  losses_.push_back(std::move(loss));
  get(applied_, node) = nullptr;
  wiring_.set(node, nullptr);
  invariants_.disturbed(now_);
  rewire();
}

/// A loss is made good when a plan was made without the node, and every living node has taken up its part.
void Simulation::look_at_recoveries() {
  bool settled = !pending_;
  for (int node = 0; settled && node < static_cast<int>(applied_.size()); ++node)
    if (engine_->alive(node) && controller_.believed_alive(node))
      settled = get(applied_, node) == controller_.wanted(node);
  if (!settled || controller_.dirty()) return;
  const auto& placement = controller_.planned().placement;
  const ControllerOf& c = world_.file().controller;
  for (auto& loss : losses_) {
    if (loss.done >= 0 || loss.noticed < 0) continue;
    loss.done = now_;
    loss.line.elsewhere = static_cast<size_t>(
        std::count_if(loss.pieces.begin(), loss.pieces.end(), [&](const auto& p) { return placement.contains(p); }));
    // Plans that were under way when it died, and were of another mind, come on top.
    const double work = c.report_s + 2 * c.plan_s + c.deliver_s + c.start_s + 0.5;
    if (loss.controller_was_up && controller_down_until_ < loss.at && options_.check)
      invariants_.note_recovery(loss.line.node, seconds_of(loss.done - loss.at),
                                c.lease_s + std::max(kRecoverWithin, work), now_);
  }
  if (options_.check && wiring_.lanes().size() <= kManyLanes && !wiring_.stale()) {
    bool gone = false;  // what is not noticed yet still has its place
    for (int node = 0; node < static_cast<int>(applied_.size()); ++node)
      gone = gone || (controller_.believed_alive(node) && !engine_->alive(node));
    if (!gone) invariants_.check_places(controller_, wiring_, now_);
  }
}

void Simulation::look_at_applications() {
  const double passed = seconds_of(now_ - last_report_);
  for (auto& [name, track] : tracks_) {
    if (!track.running || seconds_of(now_ - track.changed) < kGrace) continue;
    track.seen_s += passed;
    if (track.number == kNone) track.number = wiring_.application(name);
    track.kept = false;
    if (track.number != kNone && static_cast<size_t>(track.number) < reporter_.seen().size()) {
      const plan::Objective& objective = known_.at(name).objective;
      const auto& seen = reporter_.seen()[static_cast<size_t>(track.number)];
      const bool in_time = objective.latency_p95_ms <= 0 || seen.p95_ms <= objective.latency_p95_ms;
      const double fps = std::min(objective.min_fps, seen.wanted_fps) * track.passes * kMetFps;
      track.kept = seen.there && in_time && seen.fps >= fps;
    }
    if (track.kept) track.kept_s += passed;
  }
  if (options_.check && now_ >= controller_down_until_)
    invariants_.check_objectives(controller_, reporter_, wiring_, environment_, now_);
}

Result Simulation::result() {
  Result out;
  out.name = world_.file().name;
  out.seed = seed_;
  out.mode = frames_ ? "frames" : "slots";
  out.seconds = seconds_of(now_);
  out.cameras = world_.cameras().size();
  for (int i = 0; i < static_cast<int>(out.cameras); ++i) out.frames += engine_->stream(i).frames;
  LatencyHistogram all;
  const auto& planned = controller_.planned();
  for (auto& [name, track] : tracks_) {
    const auto& wish = known_.at(name);
    ApplicationResult line;
    line.name = name;
    line.tenant = wish.tenant;
    line.objective = wish.objective;
    line.running = track.running;
    line.met_share = track.seen_s > 0 ? track.kept_s / track.seen_s : 0;
    line.met_at_end = track.running && track.kept;
    if (const auto level = planned.levels.find(name); level != planned.levels.end()) line.level = level->second;
    const double wanted = seconds_of(track.wanted + (track.running ? now_ - track.added : 0));
    if (const int application = wiring_.application(name); application != kNone) {
      const auto& stats = engine_->application(application);
      const SmallLatency latency = stats.latency.all();
      const auto quantiles = latency.quantiles();
      line.mean_ms = quantiles.mean * 1e3;
      line.p50_ms = quantiles.p50 * 1e3;
      line.p95_ms = quantiles.p95 * 1e3;
      line.p99_ms = quantiles.p99 * 1e3;
      line.delivered = stats.delivered;
      size_t ends = 0;
      for (const auto& module : wish.modules)
        ends += std::none_of(wish.modules.begin(), wish.modules.end(), [&](const auto& other) {
          return std::find(other.inputs.begin(), other.inputs.end(), module.name) != other.inputs.end();
        });
      line.fps = wanted > 0 ? stats.delivered / wanted / static_cast<double>(wish.sources.size() * ends) : 0;
      out.delivered += stats.delivered;
      all.add(latency);
    }
    out.applications.push_back(std::move(line));
  }
  const auto quantiles = all.quantiles();
  out.mean_ms = quantiles.mean * 1e3;
  out.p50_ms = quantiles.p50 * 1e3;
  out.p95_ms = quantiles.p95 * 1e3;
  out.p99_ms = quantiles.p99 * 1e3;
  for (int i = 0; const auto& node : world_.nodes()) {
    const bool alive = engine_->alive(i);
    const double lived = get(lived_s_, i) + (alive ? seconds_of(now_ - get(lived_since_, i)) : 0);
    out.nodes.push_back({node.view.name, lived > 0 ? engine_->node(i).busy_s / lived / node.view.cores : 0, alive});
    ++i;
  }
  for (size_t i = 0; i < kDrops; ++i)
    if (engine_->drops()[i] > 0) out.drops[name_of(static_cast<Drop>(i))] = engine_->drops()[i];
  for (int i = 0; i < static_cast<int>(environment_.links().size()); ++i) out.link_bytes += engine_->link(i).bytes;
  out.plans = controller_.plans();
  out.moves = controller_.moves();
  out.decisions = controller_.decisions();
  for (auto& loss : losses_) {
    if (loss.noticed >= 0) loss.line.noticed_s = seconds_of(loss.noticed - loss.at);
    if (loss.done >= 0) loss.line.recovered_s = seconds_of(loss.done - loss.at);
    out.recoveries.push_back(loss.line);
  }
  out.log = controller_.log();
  out.log_left_out = controller_.lines_left_out();
  out.violations = invariants_.violations();
  return out;
}

}  // namespace vedette::sim
