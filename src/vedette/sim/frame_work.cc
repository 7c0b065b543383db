// The part of FrameEngine that is processors, and what happens when what runs on them changes.
#include <algorithm>
#include <cmath>
#include <functional>

#include "vedette/sim/frame_engine.h"

namespace vedette::sim {
namespace {

template <typename T>
auto& get(T& list, int i) {
  return list[static_cast<size_t>(i)];
}

constexpr double kDoneWithin = 1e-10;  // seconds of work: rounding of virtual time

}  // namespace

/// Brings the node's virtual time up to now. Every task has done as much work as that moved on: n tasks on c cores get
/// min(1, c/n) of a core each, so that finishing times keep their order and only the first one need be looked at.
void FrameEngine::touch(int node) {
  NodeState& state = get(nodes_, node);
  if (state.tasks.empty()) {
    state.virtual_time = 0;
  } else {
    const double elapsed = seconds_of(now_ - state.at), tasks = static_cast<double>(state.tasks.size());
    state.virtual_time += elapsed * state.speed * std::min(1.0, state.cores / tasks);
    get(node_stats_, node).busy_s += elapsed * std::min(tasks, state.cores);
  }
  state.at = now_;
}

void FrameEngine::start_task(int node, uint32_t token, double work) {
  touch(node);
  NodeState& state = get(nodes_, node);
  tokens_[token].node = node;
  tokens_[token].since = now_;
  state.tasks.push_back({state.virtual_time + work, task_order_++, token});
  std::push_heap(state.tasks.begin(), state.tasks.end(), std::greater<>());
  if (!state.changed) {
    state.changed = true;
    changed_.push_back(node);
  }
}

void FrameEngine::on_done(int node, uint32_t generation) {
  NodeState& state = get(nodes_, node);
  if (generation != state.generation) return;  // something came or went since
  touch(node);
  if (!state.changed) {
    state.changed = true;
    changed_.push_back(node);
  }
  while (!state.tasks.empty() && state.tasks.front().finish <= state.virtual_time + kDoneWithin) {
    const uint32_t token = state.tasks.front().token;
    std::pop_heap(state.tasks.begin(), state.tasks.end(), std::greater<>());
    state.tasks.pop_back();
    switch (tokens_[token].state) {
      case State::kWorked: finish_work(token); break;
      case State::kEncoded: into_link(token); break;
      default: hold(token);
    }
  }
}

/// Says anew when the nodes on which anything changed will have done their next task.
void FrameEngine::settle() {
  for (const int node : changed_) {
    NodeState& state = get(nodes_, node);
    state.changed = false;
    ++state.generation;
    if (state.tasks.empty()) continue;
    const double share = state.speed * std::min(1.0, state.cores / static_cast<double>(state.tasks.size()));
    const double left = std::max(0.0, state.tasks.front().finish - state.virtual_time) / share;
    events_.push(now_ + static_cast<Nanos>(std::ceil(left * 1e9)), kDone, static_cast<uint32_t>(node),
                 state.generation);
  }
  changed_.clear();
}

void FrameEngine::kill(int node) {
  touch(node);
  alive_[static_cast<size_t>(node)] = 0;
  NodeState& state = get(nodes_, node);
  for (const Task& task : state.tasks) {
    const Token& token = tokens_[task.token];
    if (token.state == State::kWorked && token.where != kNone) --get(lanes_, token.where).working;
    if (token.state == State::kWorked && token.where != kNone) get(lane_stats_, token.where).dropped += 1;
    drop(task.token, Drop::kNodeDied);
  }
  state.tasks.clear();
  state.busy = 0;
  ++state.generation;
}

void FrameEngine::rewire() {
  const auto& lanes = wiring_.lanes();
  const auto& wires = wiring_.wires();
  std::vector<int> lane_now(lanes_.size(), kNone), wire_now(wires_.size(), kNone);
  std::vector<LaneState> old_lanes = std::move(lanes_);
  std::vector<WireState> old_wires = std::move(wires_);
  lanes_.assign(lanes.size(), {});
  wires_.assign(wires.size(), {});
  servers_.assign(wiring_.servers(), {});
  for (size_t i = 0; i < lanes.size(); ++i) {
    LaneState& state = lanes_[i];
    if (const int was = wiring_.lane_was()[i]; was != kNone) {
      state = get(old_lanes, was);
      get(lane_now, was) = static_cast<int>(i);
    }
    state.listed = state.parked = false;
    state.reserved = 0;
    state.blocks = false;
    state.capacity = 1;
    if (lanes[i].stage == kSourceStage) continue;
    const ModuleCost& cost = *wiring_.stage(lanes[i]).cost;
    state.capacity = static_cast<uint32_t>(cost.queue);
    state.blocks = cost.when_full == WhenFull::kBlock;
    state.latest = cost.when_full == WhenFull::kLatest;
    if (lanes[i].server != kNone && state.working > 0) get(servers_, lanes[i].server).busy = true;
  }
  for (size_t i = 0; i < wires.size(); ++i) {
    for (const int reader : wiring_.list(wires[i].readers)) wires_[i].blocks |= get(lanes_, reader).blocks;
    if (const int was = wiring_.wire_was()[i]; was != kNone) {
      get(wire_now, was) = static_cast<int>(i);
      wires_[i].head = get(old_wires, was).head;
      wires_[i].tail = get(old_wires, was).tail;
    }
  }
  for (size_t i = 0; i < old_lanes.size(); ++i)
    if (lane_now[i] == kNone) drop_queue(old_lanes[i].head, Drop::kStopped);
  for (size_t i = 0; i < old_wires.size(); ++i)
    if (wire_now[i] == kNone) drop_queue(old_wires[i].head, Drop::kStopped);
  for (auto& token : tokens_) {
    if (token.state == State::kFree || token.where == kNone) continue;
    const bool on_lane = token.state == State::kQueued || token.state == State::kWorked;
    const int was = token.where;
    token.where = on_lane ? get(lane_now, was) : get(wire_now, was);
    if (token.state == State::kWorked && token.where == kNone) {
      // The module's thread is given back at once; the work itself goes on to its end.
      if (token.pooled) --get(nodes_, token.node).busy;
      token.pooled = false;
    } else if (token.where != kNone && !on_lane) {
      WireState& wire = get(wires_, token.where);
      const bool counted = wire.blocks || token.state == State::kEncoded || token.state == State::kOnLink;
      if (counted) ++wire.outstanding;
    }
  }
  for (const auto& token : tokens_)
    if (token.state == State::kWorked && token.where != kNone) reserve(token.where, 1);
  spreads_.resize(wiring_.stages().size());
  for (size_t i = 0; i < spreads_.size(); ++i) spreads_[i] = Spread(wiring_.stages()[i].cost->variation);
  links_.resize(environment_.links().size());
  on_link_.resize(links_.size(), kNil);
  rewire_stats();
  for (auto& node : nodes_) node.head = node.tail = kNil;
  for (int i = 0; i < static_cast<int>(lanes_.size()); ++i)
    if (alive(get(lanes, i).node)) wake(i);
  for (int i = 0; i < static_cast<int>(wires_.size()); ++i) hand_over(i);
  settle();
}

}  // namespace vedette::sim
