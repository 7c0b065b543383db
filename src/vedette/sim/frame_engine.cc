#include "vedette/sim/frame_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace vedette::sim {
namespace {

constexpr uint32_t kBlockWindow = 16;  // observations a link takes before its reader has taken them
constexpr uint32_t kLatestWindow = 2;  // one that is sent and one that waits

template <typename T>
auto& get(T& list, int i) {
  return list[static_cast<size_t>(i)];
}

}  // namespace

FrameEngine::FrameEngine(const World& world, Environment& environment, const Wiring& wiring, uint64_t seed)
    : Engine(world, environment, wiring), random_(seed, 2) {
  for (const auto& node : world.nodes()) {
    NodeState state;
    state.cores = node.view.cores;
    state.speed = node.view.speed;
    state.threads = static_cast<uint32_t>(std::max(1.0, std::ceil(node.view.cores)));
    nodes_.push_back(std::move(state));
  }
  for (size_t i = 0; i < world.cameras().size(); ++i) {
    camera_random_.emplace_back(seed, 3, i);
    phase_.push_back(camera_random_.back().unit() / world.cameras()[i].wish.fps);
    frame_.push_back(0);
    plan_frame(static_cast<uint32_t>(i));
  }
}

uint32_t FrameEngine::make(const Token& like) {
  ++made_;
  if (free_ == kNil) {
    tokens_.push_back(like);
    return static_cast<uint32_t>(tokens_.size() - 1);
  }
  const uint32_t token = free_;
  free_ = tokens_[token].next;
  tokens_[token] = like;
  return token;
}

void FrameEngine::free(uint32_t token) {
  tokens_[token].state = State::kFree;
  tokens_[token].next = free_;
  free_ = token;
}

void FrameEngine::drop(uint32_t token, Drop why) {
  count_drop(why);
  free(token);
}

void FrameEngine::drop_queue(uint32_t head, Drop why) {
  while (head != kNil) {
    const uint32_t next = tokens_[head].next;
    drop(head, why);
    head = next;
  }
}

void FrameEngine::plan_frame(uint32_t stream) {
  const CameraSpec& camera = world_.cameras()[stream];
  const double jitter = camera.jitter_s > 0 ? camera.jitter_s * camera_random_[stream].normal() : 0;
  const double due = phase_[stream] + static_cast<double>(frame_[stream]++) / camera.wish.fps + jitter;
  events_.push(std::max(now_, to_nanos(due)), kFrame, stream);
}

void FrameEngine::on_frame(uint32_t stream) {
  plan_frame(stream);
  if (environment_.off(static_cast<int>(stream))) return;
  for (const int lane : wiring_.sources(static_cast<int>(stream))) {
    if (!alive(get(wiring_.lanes(), lane).node)) continue;
    stream_stats_[stream].frames += 1;
    Token token;
    token.born = now_;
    token.objects = environment_.objects()[stream];
    const uint32_t made = make(token);
    if (!may_take(lane)) {
      get(lane_stats_, lane).received += 1;
      get(lane_stats_, lane).dropped += 1;
      drop(made, Drop::kNoRoom);
      continue;
    }
    put(lane, made);
  }
}

void FrameEngine::put(int lane, uint32_t token) {
  LaneState& state = get(lanes_, lane);
  LaneStats& stats = get(lane_stats_, lane);
  stats.received += 1;
  if (state.count >= state.capacity) {
    stats.dropped += 1;
    if (state.blocks) {  // only after a change of wiring, which may promise too much
      drop(token, Drop::kQueueFull);
      return;
    }
    const uint32_t old = state.head;
    state.head = tokens_[old].next;
    if (state.head == kNil) state.tail = kNil;
    --state.count;
    drop(old, state.latest ? Drop::kSuperseded : Drop::kQueueFull);
  }
  Token& put = tokens_[token];
  put.state = State::kQueued;
  put.where = lane;
  put.since = now_;
  put.next = kNil;
  (state.tail == kNil ? state.head : tokens_[state.tail].next) = token;
  state.tail = token;
  ++state.count;
  wake(lane);
}

/// Puts the lane on the list of its server, when that is busy, or of its node.
void FrameEngine::wake(int lane) {
  LaneState& state = get(lanes_, lane);
  const Lane& where = get(wiring_.lanes(), lane);
  if (state.listed || state.parked || state.count == 0) return;
  if (where.stage == kSourceStage) {  // has a thread of its own
    if (state.working == 0) take(lane);
    return;
  }
  enlist(lane);
  pump(where.node);
}

void FrameEngine::enlist(int lane) {
  LaneState& state = get(lanes_, lane);
  const Lane& where = get(wiring_.lanes(), lane);
  const bool waits = where.server != kNone && get(servers_, where.server).busy;
  uint32_t& head = waits ? get(servers_, where.server).head : get(nodes_, where.node).head;
  uint32_t& tail = waits ? get(servers_, where.server).tail : get(nodes_, where.node).tail;
  state.listed = true;
  state.next = kNil;
  if (!waits && std::exchange(goes_next_, kNone) == where.node) {
    state.next = head;
    head = static_cast<uint32_t>(lane);
    if (tail == kNil) tail = head;
    return;
  }
  (tail == kNil ? head : lanes_[tail].next) = static_cast<uint32_t>(lane);
  tail = static_cast<uint32_t>(lane);
}

/// Whether there is room for what comes of one more observation.
bool FrameEngine::may_take(int lane) const {
  const Lane& where = get(wiring_.lanes(), lane);
  for (const int reader : wiring_.list(where.readers)) {
    const LaneState& state = get(lanes_, reader);
    if (state.blocks && state.count + state.reserved >= state.capacity) return false;
  }
  for (const int channel : wiring_.list(where.channels)) {
    const WireState& state = get(wires_, channel);
    if (state.blocks && state.outstanding + state.reserved >= kBlockWindow && !dead_end(get(wiring_.wires(), channel)))
      return false;
  }
  return true;
}

void FrameEngine::reserve(int lane, int sign) {
  const Lane& where = get(wiring_.lanes(), lane);
  const auto by = static_cast<uint32_t>(sign);
  for (const int reader : wiring_.list(where.readers))
    if (get(lanes_, reader).blocks) get(lanes_, reader).reserved += by;
  for (const int channel : wiring_.list(where.channels))
    if (get(wires_, channel).blocks) get(wires_, channel).reserved += by;
}

/// Starts work on a lane's oldest observation.
void FrameEngine::take(int lane) {
  LaneState& state = get(lanes_, lane);
  const Lane& where = get(wiring_.lanes(), lane);
  const uint32_t token = state.head;
  state.head = tokens_[token].next;
  if (state.head == kNil) state.tail = kNil;
  --state.count;
  ++state.working;
  reserve(lane, 1);
  LaneStats& stats = get(lane_stats_, lane);
  stats.wait_s += seconds_of(now_ - tokens_[token].since);
  double work = 0;
  if (where.stage == kSourceStage) {
    work = get(world_.cameras(), where.stream).decode_s;
  } else {
    const ModuleCost& cost = *wiring_.stage(where).cost;
    work = (cost.seconds + cost.per_object_s * static_cast<double>(tokens_[token].objects)) *
           get(spreads_, where.stage).draw(random_);
    if (where.server != kNone) get(servers_, where.server).busy = true;
  }
  tokens_[token].state = State::kWorked;
  start_task(where.node, token, work);
  if (state.blocks) made_room(lane);
}

/// Those who waited for room in this lane go on.
void FrameEngine::made_room(int lane) {
  const Lane& where = get(wiring_.lanes(), lane);
  for (const int wire : wiring_.list(where.incoming)) hand_over(wire);
  for (const int feeder : wiring_.list(where.feeders)) {
    LaneState& state = get(lanes_, feeder);
    if (!state.parked) continue;
    state.parked = false;
    wake(feeder);
  }
}

/// Gives the node's idle threads to its ready lanes, first come first served.
void FrameEngine::pump(int node) {
  NodeState& state = get(nodes_, node);
  while (state.busy < state.threads && state.head != kNil) {
    const int lane = static_cast<int>(state.head);
    LaneState& first = get(lanes_, lane);
    state.head = first.next;
    if (state.head == kNil) state.tail = kNil;
    first.listed = false;
    if (first.count == 0) continue;
    const int server = get(wiring_.lanes(), lane).server;
    if (server != kNone && get(servers_, server).busy) {
      enlist(lane);
      continue;
    }
    if (!may_take(lane)) {
      first.parked = true;
      continue;
    }
    ++state.busy;
    tokens_[first.head].pooled = true;
    take(lane);
    if (get(lanes_, lane).count > 0 && !get(lanes_, lane).listed) enlist(lane);
  }
}

bool FrameEngine::passes(int lane, const Token& token) {
  const Lane& where = get(wiring_.lanes(), lane);
  if (where.stage == kSourceStage) return true;
  const ModuleCost& cost = *wiring_.stage(where).cost;
  if (cost.rate > 0) {
    LaneState& state = get(lanes_, lane);
    const double born = seconds_of(token.born), interval = 1 / cost.rate;
    if (born < state.next_pass - 0.1 * interval) {
      count_drop(Drop::kRate);
      return false;
    }
    state.next_pass = std::max(state.next_pass, born - interval) + interval;
  }
  if (cost.passes < 1 && !random_.chance(cost.passes)) {
    count_drop(Drop::kGated);
    return false;
  }
  return true;
}

void FrameEngine::finish_work(uint32_t token) {
  const Token done = tokens_[token];
  const int lane = done.where;
  const bool source = lane != kNone && get(wiring_.lanes(), lane).stage == kSourceStage;
  NodeState& node = get(nodes_, done.node);
  if (lane == kNone) {  // its stage was taken away meanwhile; rewire() has freed the thread
    drop(token, Drop::kStopped);
    pump(done.node);
    return;
  }
  const Lane where = get(wiring_.lanes(), lane);
  if (done.pooled) --node.busy;
  LaneStats& stats = get(lane_stats_, lane);
  stats.processed += 1;
  stats.execution_s += seconds_of(now_ - done.since);
  node_stats_[static_cast<size_t>(done.node)].processed += 1;
  --get(lanes_, lane).working;
  reserve(lane, -1);
  if (where.ends.count > 0) deliver(where, seconds_of(now_ - done.born), 1, now_);
  if (where.server != kNone) {
    ServerState& server = get(servers_, where.server);
    server.busy = false;
    if (server.head != kNil) {
      const int next = static_cast<int>(server.head);
      server.head = lanes_[server.head].next;
      if (server.head == kNil) server.tail = kNil;
      get(lanes_, next).listed = false;
      enlist(next);
    }
  }
  if (passes(lane, done)) {
    used_ += 1;
    stats.emitted += 1;
    emit(lane, token);
  }
  free(token);
  if (source && !get(lanes_, lane).parked && get(lanes_, lane).count > 0) {
    if (may_take(lane))
      take(lane);
    else
      get(lanes_, lane).parked = true;
  }
  pump(done.node);
}

void FrameEngine::emit(int lane, uint32_t token) {
  const Lane where = get(wiring_.lanes(), lane);
  Token copy = tokens_[token];
  copy.state = State::kQueued;
  copy.pooled = false;
  if (tokens_[token].pooled) goes_next_ = where.node;
  for (const int reader : wiring_.list(where.readers)) put(reader, make(copy));
  goes_next_ = kNone;
  bool encode = true;
  for (const int channel : wiring_.list(where.channels)) {
    const Wire& wire = get(wiring_.wires(), channel);
    const uint32_t made = make(copy);
    WireState& state = get(wires_, channel);
    if (!alive(wire.to_node)) {
      drop(made, Drop::kLinkLost);
    } else if (!state.blocks && state.outstanding >= kLatestWindow) {
      drop(made, Drop::kLinkFull);
    } else {
      send(channel, made, encode && wire.pixels);
      if (wire.pixels) encode = false;
    }
  }
}

void FrameEngine::advance(Nanos until) {
  while (!events_.empty() && events_.top().time <= until) {
    const Event event = events_.pop();
    now_ = event.time;
    ++steps_;
    switch (event.kind) {
      case kFrame: on_frame(event.index); break;
      case kDone: on_done(static_cast<int>(event.index), event.extra); break;
      case kSent: on_sent(static_cast<int>(event.index)); break;
      default: on_arrived(event.index);
    }
    settle();
  }
  now_ = until;
  for (int node = 0; node < static_cast<int>(nodes_.size()); ++node) touch(node);
}

Balance FrameEngine::balance() const {
  Balance out{.made = made_, .used = used_};
  for (const double count : drops_) out.dropped += count;
  for (const auto& token : tokens_)
    if (token.state != State::kFree) out.under_way += 1;
  return out;
}

void FrameEngine::check(std::vector<std::string>& faults) const {
  for (size_t i = 0; i < lanes_.size(); ++i) {
    const LaneState& state = lanes_[i];
    const Lane& lane = wiring_.lanes()[i];
    if (state.count > state.capacity)
      faults.push_back(fmt::format("lane {} holds {} of {}", i, state.count, state.capacity));
    uint32_t walked = 0;
    for (uint32_t token = state.head; token != kNil; token = tokens_[token].next) ++walked;
    if (walked != state.count) faults.push_back(fmt::format("lane {} counts {} and holds {}", i, state.count, walked));
    if (!alive(lane.node) && (state.count > 0 || state.working > 0))
      faults.push_back(fmt::format("lane {} runs on dead node {}", i, lane.node));
    const LaneStats& stats = lane_stats_[i];
    const double held = static_cast<double>(state.count + state.working);
    if (std::abs(stats.received - stats.processed - stats.dropped - held) > 0.5)
      faults.push_back(fmt::format("lane {} received {} but has {} processed, {} dropped, {} held", i, stats.received,
                                   stats.processed, stats.dropped, held));
    // Work that was ready but is on no list would wait for ever.
    if (state.count > 0 && !state.listed && !state.parked && state.working == 0 && alive(lane.node))
      faults.push_back(fmt::format("lane {} is forgotten with {} in it", i, state.count));
    if (state.parked && state.count > 0 && may_take(static_cast<int>(i)))
      faults.push_back(fmt::format("lane {} is parked though there is room", i));
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!alive_[i] && !nodes_[i].tasks.empty()) faults.push_back(fmt::format("dead node {} works", i));
    if (nodes_[i].busy > nodes_[i].threads)
      faults.push_back(fmt::format("node {} has {} threads busy", i, nodes_[i].busy));
  }
}

}  // namespace vedette::sim
