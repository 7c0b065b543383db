#include "vedette/sim/slot_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace vedette::sim {
namespace {

constexpr double kSteep = 0.97;      // load from which on waits grow in a straight line
constexpr float kUnlimited = 1e9F;
constexpr double kLeastShare = 0.1;  // of a node that its pool gets in any case
constexpr double kMemory = 1.0;      // seconds over which loads are smoothed

template <typename T>
auto& get(T& list, int i) {
  return list[static_cast<size_t>(i)];
}

/// How much less than random arrivals those of n cameras wait, each of which is periodic by itself. The queue's tail is
/// exp(−2x(x/n + 1 − ρ)) instead of exp(−2x(1 − ρ)) (Roberts and Virtamo, "The superposition of periodic cell arrival
/// streams in an ATM multiplexer", IEEE Trans. Comm. 39, 1991, in the form for heavy traffic).
double periodic(double n, double load) {
  if (n <= 1) return 0;
  const double a = 2 / n, b = 2 * (1 - std::min(load, kSteep));
  const double x = b / (2 * std::sqrt(a));
  // exp(x²)·erfc(x), which overflows beyond x ≈ 26 though it is about 1/(x√π) there.
  const double scaled = x < 20 ? std::exp(x * x) * std::erfc(x) : 1 / (x * std::sqrt(std::numbers::pi));
  return b / 2 * std::sqrt(std::numbers::pi / a) * scaled;
}

double pool_wait(double cores, double load) {
  const double c = std::max(1.0, cores);
  const auto at = [&](double rho) { return std::pow(rho, std::sqrt(2 * (c + 1)) - 1) / (c * (1 - rho)); };
  return load < kSteep ? at(std::max(0.0, load)) : at(kSteep);
}

double single_wait(double load) {
  const double rho = std::clamp(load, 0.0, kSteep);
  return rho / (2 * (1 - rho));
}

}  // namespace

SlotEngine::SlotEngine(const World& world, Environment& environment, const Wiring& wiring, uint64_t seed, Nanos slot)
    : Engine(world, environment, wiring), slot_(slot), random_(seed, 4) {
  for (const auto& node : world.nodes()) {
    NodeState state;
    state.cores = node.view.cores;
    state.speed = node.view.speed;
    nodes_.push_back(state);
  }
}

void SlotEngine::kill(int node) { alive_[static_cast<size_t>(node)] = 0; }

void SlotEngine::rewire() {
  const auto& lanes = wiring_.lanes();
  std::vector<LaneState> old = std::move(lanes_);
  std::vector<char> kept(old.size(), 0);
  std::vector<float> amounts(wiring_.wires().size(), 0);
  lanes_.assign(lanes.size(), {});
  servers_.assign(wiring_.servers(), {});
  blocking_.clear();
  for (auto& node : nodes_) node.streams = 0;
  for (size_t i = 0; i < lanes.size(); ++i) {
    LaneState& state = lanes_[i];
    if (const int was = wiring_.lane_was()[i]; was != kNone) {
      state = get(old, was);
      get(kept, was) = 1;
    }
    const auto speed = static_cast<float>(get(nodes_, lanes[i].node).speed);
    if (lanes[i].stage == kSourceStage) {
      state.seconds = static_cast<float>(get(world_.cameras(), lanes[i].stream).decode_s) / speed;
      continue;
    }
    const ModuleCost& cost = *wiring_.stage(lanes[i]).cost;
    state.seconds = static_cast<float>(cost.seconds) / speed;
    state.per_object_s = static_cast<float>(cost.per_object_s) / speed;
    state.variation = static_cast<float>(cost.variation);
    state.passes = static_cast<float>(cost.passes);
    state.rate = static_cast<float>(cost.rate);
    state.capacity = static_cast<float>(cost.queue);
    state.blocks = cost.when_full == WhenFull::kBlock;
    state.latest = cost.when_full == WhenFull::kLatest;
    if (state.blocks) blocking_.push_back(static_cast<int>(i));
    const auto feeders = wiring_.list(lanes[i].feeders);
    state.next = feeders.size() == 1 && get(lanes, feeders[0]).stage != kSourceStage &&
                 wiring_.list(get(lanes, feeders[0]).readers)[0] == static_cast<int>(i);
    if (lanes[i].server != kNone) ++get(servers_, lanes[i].server).streams;
    if (wiring_.stage(lanes[i]).depth <= 1) get(nodes_, lanes[i].node).streams += 1;
  }
  for (auto& node : nodes_) node.streams = std::max(node.streams, 1.0);
  for (size_t i = 0; i < old.size(); ++i)
    if (!kept[i]) count_drop(Drop::kStopped, static_cast<double>(old[i].queue));
  for (size_t i = 0; i < amounts.size(); ++i)
    if (const int was = wiring_.wire_was()[i]; was != kNone) amounts[i] = get(wire_amount_, was);
  wire_amount_ = std::move(amounts);
  links_.resize(environment_.links().size());
  for (auto& link : links_) link.wires = 0;
  for (const auto& wire : wiring_.wires()) get(links_, wire.link).wires += 1;
  rewire_stats();
}

void SlotEngine::give(int lane, const Flow& flow) {
  LaneState& state = get(lanes_, lane);
  state.in += flow.amount;
  state.in_work += flow.amount * flow.work;
  state.in_waited += flow.amount * flow.waited;
  state.in_variance += flow.amount * flow.variance;
  made_ += static_cast<double>(flow.amount);
}

void SlotEngine::run_source(int lane, float seconds) {
  const Lane& where = get(wiring_.lanes(), lane);
  if (environment_.off(where.stream) || !alive(where.node)) return;
  LaneState& state = get(lanes_, lane);
  NodeState& node = get(nodes_, where.node);
  LaneStats& stats = get(lane_stats_, lane);
  const auto frames = static_cast<float>(get(world_.cameras(), where.stream).wish.fps) * seconds;
  get(stream_stats_, where.stream).frames += static_cast<double>(frames);
  made_ += static_cast<double>(frames);
  stats.received += static_cast<double>(frames);
  node.free += static_cast<double>(frames * state.seconds);
  float amount = std::min(frames * static_cast<float>(node.free_share), seconds / std::max(1e-6F, state.seconds));
  const float lost = frames - amount;
  if (lost > 0) count_drop(Drop::kSuperseded, static_cast<double>(lost));
  if (amount > state.room) {
    count_drop(Drop::kNoRoom, static_cast<double>(amount - state.room));
    amount = state.room;
  }
  stats.dropped += static_cast<double>(frames - amount);
  stats.processed += static_cast<double>(amount);
  stats.emitted += static_cast<double>(amount);
  stats.execution_s += static_cast<double>(amount * state.seconds);
  used_ += static_cast<double>(amount);
  node.served += static_cast<double>(amount * state.seconds);
  hand_on(lane, {amount, state.seconds, 0, 0}, seconds);
}

void SlotEngine::run_lane(int lane, float seconds) {
  LaneState& state = get(lanes_, lane);
  const float available = state.queue + state.in;
  if (available <= 1e-6F) return;
  const Lane& where = get(wiring_.lanes(), lane);
  NodeState& node = get(nodes_, where.node);
  LaneStats& stats = get(lane_stats_, lane);
  const float service = state.seconds + state.per_object_s * get(environment_.objects(), where.stream);
  (state.next ? node.free : node.wanted) += static_cast<double>(available * service);
  float processed = std::min(available * static_cast<float>(state.next ? node.free_share : node.share), state.room);
  float wait = state.next ? 0 : static_cast<float>(node.wait_s);
  const float lasts = service * static_cast<float>(node.stretch);
  if (where.server != kNone) {
    ServerState& server = get(servers_, where.server);
    processed = std::min(processed, std::max(0.0F, seconds - server.used) / std::max(1e-9F, lasts));
    server.used += processed * lasts;
    wait += server.wait * lasts;
  }
  const float in = state.in;
  Flow flow{processed, 0, 0, 0};
  if (in > 0) flow = {processed, state.in_work / in, state.in_waited / in, state.in_variance / in};
  state.in = state.in_work = state.in_waited = state.in_variance = 0;
  state.queue = available - processed;
  float lost = 0;
  if (state.queue > state.capacity && !state.blocks) {
    lost = state.queue - state.capacity;
    state.queue = state.capacity;
    count_drop(state.latest ? Drop::kSuperseded : Drop::kQueueFull, static_cast<double>(lost));
  }
  if (state.queue > 1e-3F && processed > 0) {
    // Little's law; what a full queue lets go is the oldest, so what it keeps is no older than its length in arrivals.
    float queued = state.queue / processed * seconds;
    const float oldest = (state.capacity - 0.5F) / std::max(in, 1e-6F) * seconds;
    if (!state.blocks && queued > oldest) {  // about anything up to twice the mean of that half
      queued = oldest;
      wait = 0;
      flow.work += queued;
      flow.variance += seconds * seconds / (in * in) / 12;
      stats.wait_s += static_cast<double>(processed * queued);
    } else {
      wait = std::max(wait, queued);
    }
  }
  state.processed = processed;
  stats.received += static_cast<double>(in);
  stats.dropped += static_cast<double>(lost);
  stats.processed += static_cast<double>(processed);
  stats.execution_s += static_cast<double>(processed * lasts);
  stats.wait_s += static_cast<double>(processed * wait);
  node.served += static_cast<double>(processed * service);
  node.first += static_cast<double>(processed * service);
  node.second += static_cast<double>(processed * service * service * (1 + state.variation * state.variation));
  node_stats_[static_cast<size_t>(where.node)].processed += static_cast<double>(processed);
  flow.work += lasts;
  flow.waited += wait;
  flow.variance += lasts * lasts * state.variation * state.variation;
  if (where.ends.count > 0 && processed > 0) {
    const double sample = static_cast<double>(flow.work) +
                          std::sqrt(static_cast<double>(flow.variance)) * random_.about_normal() +
                          static_cast<double>(flow.waited) * random_.exponential();
    deliver(where, std::max(sample, static_cast<double>(flow.work) / 2), static_cast<double>(processed), now_);
  }
  float out = processed * state.passes;
  if (out < processed) count_drop(Drop::kGated, static_cast<double>(processed - out));
  if (state.rate > 0 && out > state.rate * seconds) {
    count_drop(Drop::kRate, static_cast<double>(out - state.rate * seconds));
    out = state.rate * seconds;
  }
  stats.emitted += static_cast<double>(out);
  used_ += static_cast<double>(out);
  flow.amount = out;
  hand_on(lane, flow, seconds);
}

void SlotEngine::hand_on(int lane, Flow flow, float seconds) {
  const Lane& where = get(wiring_.lanes(), lane);
  for (const int reader : wiring_.list(where.readers)) give(reader, flow);
  bool encode = true;
  for (const int wire : wiring_.list(where.channels)) {
    const bool pixels = get(wiring_.wires(), wire).pixels;
    cross(wire, flow, encode && pixels, seconds);
    if (pixels) encode = false;
  }
}

void SlotEngine::cross(int wire, Flow flow, bool encode, float seconds) {
  const Wire& way = get(wiring_.wires(), wire);
  const LinkState& state = get(environment_.links(), way.link);
  LinkLoad& link = get(links_, way.link);
  made_ += static_cast<double>(flow.amount);
  if (!alive(way.to_node)) {
    count_drop(Drop::kLinkLost, static_cast<double>(flow.amount));
    return;
  }
  const double picture = way.pixels ? get(world_.cameras(), way.stream).picture_bytes : 0;
  const double own = way.stage == kSourceStage ? 200 : get(wiring_.stages(), way.stage).cost->bytes_out;
  const double bytes = own + (way.pixels ? picture : way.crops ? kCropBytes : 0);
  get(wire_amount_, wire) = flow.amount;
  link.bytes += bytes * static_cast<double>(flow.amount);
  const float passed = flow.amount * static_cast<float>(link.share);
  if (passed < flow.amount) count_drop(Drop::kLinkFull, static_cast<double>(flow.amount - passed));
  NodeState& from = get(nodes_, state.from);
  NodeState& to = get(nodes_, state.to);
  const double encoding = (kMessageSeconds + (encode ? kEncodeSecondsPerByte * picture : 0)) / from.speed;
  const double decoding = (kMessageSeconds + kDecodeSecondsPerByte * picture) / to.speed;
  from.free += encoding * static_cast<double>(flow.amount);
  from.served += encoding * static_cast<double>(flow.amount);
  to.free += decoding * static_cast<double>(passed);
  to.served += decoding * static_cast<double>(passed);
  const double sending = bytes / state.bytes_per_second;
  double wait = link.wait * sending;
  // Full: one message of each wire is sent and one waits.
  if (link.share < 1 && passed > 0) wait = 1.5 / static_cast<double>(passed) * static_cast<double>(seconds);
  LinkStats& stats = get(link_stats_, way.link);
  stats.bytes += bytes * static_cast<double>(passed);
  stats.sent += static_cast<double>(passed);
  stats.busy_s += sending * static_cast<double>(passed);
  flow.amount = passed;
  flow.work += static_cast<float>(encoding + decoding + sending + state.rtt_s / 2 + state.jitter_s);
  flow.waited += static_cast<float>(wait);
  if (way.readers.count == 0) {
    count_drop(Drop::kNoReader, static_cast<double>(passed));
    return;
  }
  used_ += static_cast<double>(passed);
  for (const int reader : wiring_.list(way.readers)) give(reader, flow);
}

/// From the slot that was: shares and waits for the next one.
void SlotEngine::account(float seconds) {
  const double slot = static_cast<double>(seconds), weight = std::min(1.0, slot / kMemory);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    NodeState& node = nodes_[i];
    const double full = node.cores * slot;
    node_stats_[i].busy_s += std::min(node.served, full);
    node.free_share = node.free > full ? full / node.free : 1;
    const double left = std::max(full - node.free, kLeastShare * full);
    node.share = node.wanted > left ? left / node.wanted : 1;
    const double threads = std::max(1.0, std::ceil(node.cores)), alone = std::max(1.0, 1 / node.cores);
    const double use_of_pool = std::min(1.0, node.wanted / left);
    node.stretch = alone + std::max(0.0, threads * slot / left - alone) * std::pow(use_of_pool, 4);
    node.load += weight * ((node.wanted + node.free) / full - node.load);
    const double use = std::min(node.load, 1.0);
    node.wait_s = node.first > 1e-12
                      ? node.second / node.first / 2 * pool_wait(node.cores, use) * periodic(node.streams, use)
                      : 0;
    node.wanted = node.free = node.served = node.first = node.second = 0;
  }
  for (auto& server : servers_) {
    server.load += static_cast<float>(weight) * (server.used / seconds - server.load);
    const auto load = static_cast<double>(server.load);
    server.wait = server.streams > 1 ? static_cast<float>(single_wait(load) * periodic(server.streams, load)) : 0;
    server.used = 0;
  }
  for (size_t i = 0; i < links_.size(); ++i) {
    LinkLoad& link = links_[i];
    const double full = environment_.links()[i].bytes_per_second * slot;
    link.share = link.bytes > full ? full / link.bytes : 1;
    link.load += weight * (link.bytes / full - link.load);
    link.wait = single_wait(std::min(link.load, 1.0)) * periodic(link.wires, std::min(link.load, 1.0));
    link.bytes = 0;
  }
}

/// What a reader that blocks will take in the next slot: what it worked off in the last one, and what fits into its
/// queue. A link lets through its part of the bandwidth.
void SlotEngine::find_room() {
  for (auto& lane : lanes_) lane.room = kUnlimited;
  for (const int i : blocking_) {
    const LaneState& state = get(lanes_, i);
    const Lane& where = get(wiring_.lanes(), i);
    const auto feeders = static_cast<float>(where.feeders.count + where.incoming.count);
    const float each = (state.processed + std::max(0.0F, state.capacity - state.queue)) / std::max(1.0F, feeders);
    for (const int feeder : wiring_.list(where.feeders))
      get(lanes_, feeder).room = std::min(get(lanes_, feeder).room, each);
    for (const int wire : wiring_.list(where.incoming)) {
      const Wire& way = get(wiring_.wires(), wire);
      const LinkLoad& link = get(links_, way.link);
      float& room = get(lanes_, way.from_lane).room;
      room = std::min(room, each);
      if (link.load > 0.9) {
        const double growth = std::clamp(0.99 / link.load, 0.5, 1.05);
        room =
            std::min(room, std::max(0.01F, get(wire_amount_, wire) * static_cast<float>(std::min(growth, link.share))));
      }
    }
  }
}

void SlotEngine::slot() {
  const auto seconds = static_cast<float>(seconds_of(slot_));
  const auto& lanes = wiring_.lanes();
  find_room();
  int i = 0;
  const int count = static_cast<int>(lanes.size());
  for (; i < count && get(lanes, i).stage == kSourceStage; ++i) run_source(i, seconds);
  for (; i < count; ++i) run_lane(i, seconds);
  account(seconds);
  steps_ += lanes.size();
}

void SlotEngine::advance(Nanos until) {
  for (; now_ + slot_ <= until; now_ += slot_) slot();
}

Balance SlotEngine::balance() const {
  Balance out{.made = made_, .used = used_};
  for (const double count : drops_) out.dropped += count;
  for (const auto& lane : lanes_) out.under_way += static_cast<double>(lane.queue + lane.in);
  return out;
}

void SlotEngine::check(std::vector<std::string>& faults) const {
  const float seconds = static_cast<float>(seconds_of(slot_));
  for (size_t i = 0; i < lanes_.size(); ++i) {
    const LaneState& state = lanes_[i];
    const Lane& lane = wiring_.lanes()[i];
    // A blocking reader tells those before it one slot later.
    const auto fps = static_cast<float>(get(world_.cameras(), lane.stream).wish.fps);
    const float inputs = static_cast<float>(std::max(1U, lane.feeders.count + lane.incoming.count));
    const float most = state.capacity + (state.blocks ? state.capacity + 2 * fps * seconds * inputs : 0);
    if (state.queue > most * 1.001F)
      faults.push_back(fmt::format("lane {} holds {:.2f} of {:.2f}", i, state.queue, most));
    if (state.queue < 0 || !std::isfinite(state.queue))
      faults.push_back(fmt::format("lane {} holds {}", i, state.queue));
    const LaneStats& stats = lane_stats_[i];
    const double held = stats.received - stats.processed - stats.dropped - static_cast<double>(state.queue);
    if (std::abs(held) > 1e-3 * stats.received + 0.1)
      faults.push_back(fmt::format("lane {} lost {} of {}", i, held, stats.received));
  }
}

}  // namespace vedette::sim
