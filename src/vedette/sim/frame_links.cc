// The part of FrameEngine that is links: encode → queue → send → fly → decode → hold until there is room.
#include <algorithm>

#include "vedette/sim/frame_engine.h"

namespace vedette::sim {
namespace {

template <typename T>
auto& get(T& list, int i) {
  return list[static_cast<size_t>(i)];
}

}  // namespace

double FrameEngine::picture_of(int wire) const {
  const Wire& way = get(wiring_.wires(), wire);
  return way.pixels ? get(world_.cameras(), way.stream).picture_bytes : 0;
}

double FrameEngine::bytes_of(int wire, const Token&) const {
  const Wire& way = get(wiring_.wires(), wire);
  const double own = way.stage == kSourceStage ? 200 : get(wiring_.stages(), way.stage).cost->bytes_out;
  return own + (way.pixels ? picture_of(wire) : way.crops ? kCropBytes : 0);
}

void FrameEngine::send(int wire, uint32_t token, bool encode) {
  ++get(wires_, wire).outstanding;
  tokens_[token].state = State::kEncoded;
  tokens_[token].where = wire;
  const int from = get(wiring_.lanes(), get(wiring_.wires(), wire).from_lane).node;
  start_task(from, token, kMessageSeconds + (encode ? kEncodeSecondsPerByte * picture_of(wire) : 0));
}

void FrameEngine::into_link(uint32_t token) {
  const int wire = tokens_[token].where;
  if (wire == kNone) {
    drop(token, Drop::kStopped);
    return;
  }
  const int link = get(wiring_.wires(), wire).link;
  LinkQueue& queue = get(links_, link);
  tokens_[token].state = State::kOnLink;
  tokens_[token].next = kNil;
  (queue.tail == kNil ? queue.head : tokens_[queue.tail].next) = token;
  queue.tail = token;
  if (!queue.sending) next_on_link(link);
}

void FrameEngine::next_on_link(int link) {
  LinkQueue& queue = get(links_, link);
  while (queue.head != kNil) {
    const uint32_t token = queue.head;
    queue.head = tokens_[token].next;
    if (queue.head == kNil) queue.tail = kNil;
    const int wire = tokens_[token].where;
    if (wire == kNone || !alive(get(environment_.links(), link).to)) {
      if (wire != kNone) --get(wires_, wire).outstanding;
      drop(token, Drop::kLinkLost);
      continue;
    }
    const double bytes = bytes_of(wire, tokens_[token]);
    const double seconds = bytes / get(environment_.links(), link).bytes_per_second;
    LinkStats& stats = get(link_stats_, link);
    stats.bytes += bytes;
    stats.sent += 1;
    stats.busy_s += seconds;
    queue.sending = true;
    get(on_link_, link) = token;
    events_.push(now_ + to_nanos(seconds), kSent, static_cast<uint32_t>(link));
    return;
  }
  queue.sending = false;
}

void FrameEngine::on_sent(int link) {
  const uint32_t token = get(on_link_, link);
  const LinkState& state = get(environment_.links(), link);
  LinkQueue& queue = get(links_, link);
  const double jitter = state.jitter_s > 0 ? state.jitter_s * random_.exponential() : 0;
  queue.last_arrival = std::max(queue.last_arrival, now_ + to_nanos(state.rtt_s / 2 + jitter));  // in order
  tokens_[token].state = State::kFlying;
  tokens_[token].node = state.to;
  events_.push(queue.last_arrival, kArrived, token);
  if (const int wire = tokens_[token].where; wire != kNone && !get(wires_, wire).blocks)
    --get(wires_, wire).outstanding;
  next_on_link(link);
}

void FrameEngine::on_arrived(uint32_t token) {
  const int wire = tokens_[token].where;
  const int node = tokens_[token].node;
  if (wire == kNone || !alive(node)) {
    if (wire != kNone && get(wires_, wire).blocks) --get(wires_, wire).outstanding;
    drop(token, alive(node) ? Drop::kLinkLost : Drop::kNodeDied);
    return;
  }
  tokens_[token].state = State::kDecoded;
  start_task(node, token, kMessageSeconds + kDecodeSecondsPerByte * picture_of(wire));
}

/// It is there and decoded; it goes to its readers once those that block have room.
void FrameEngine::hold(uint32_t token) {
  const int wire = tokens_[token].where;
  if (wire == kNone) {
    drop(token, Drop::kStopped);
    return;
  }
  WireState& state = get(wires_, wire);
  tokens_[token].state = State::kHeld;
  tokens_[token].next = kNil;
  (state.tail == kNil ? state.head : tokens_[state.tail].next) = token;
  state.tail = token;
  hand_over(wire);
}

void FrameEngine::hand_over(int wire) {
  WireState& state = get(wires_, wire);
  const Wire& way = get(wiring_.wires(), wire);
  while (state.head != kNil) {
    for (const int reader : wiring_.list(way.readers)) {
      const LaneState& lane = get(lanes_, reader);
      if (lane.blocks && lane.count + lane.reserved >= lane.capacity) return;
    }
    const uint32_t token = state.head;
    state.head = tokens_[token].next;
    if (state.head == kNil) state.tail = kNil;
    if (state.blocks) --state.outstanding;
    if (way.readers.count == 0) {
      drop(token, Drop::kNoReader);
    } else {
      Token copy = tokens_[token];
      copy.state = State::kQueued;
      for (const int reader : wiring_.list(way.readers)) put(reader, make(copy));
      used_ += 1;
      free(token);
    }
    LaneState& sender = get(lanes_, way.from_lane);
    if (!sender.parked) continue;
    sender.parked = false;
    wake(way.from_lane);
  }
}

}  // namespace vedette::sim
