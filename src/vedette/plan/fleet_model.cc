#include "vedette/plan/fleet_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::plan {
namespace {

constexpr double kWorkTail = 1.1;         // 95th percentile of work and transmission over their mean
constexpr double kDeviations = 2;         // from the mean wait to its 95th percentile
constexpr double kSteep = 0.97;           // utilisation from which on the wait grows in a straight line
constexpr double kEncode = 25e-9;         // seconds a byte of JPEG made, at speed 1
constexpr double kDecode = 20e-9;         // … read
constexpr double kMessage = 50e-6;        // seconds for each end of each message
constexpr double kCropBytes = 15'000;     // objects' pixels without the picture around them
constexpr double kFpsSlack = 0.98;        // cameras are not exact

double erlang_wait(double cores, double use) {
  const double c = std::max(1.0, cores);
  const auto at = [&](double rho) { return std::pow(rho, std::sqrt(2 * (c + 1)) - 1) / (c * (1 - rho)); };
  return use < kSteep ? at(std::max(0.0, use)) : at(kSteep) * (1 + (use - kSteep) / (1 - kSteep));
}

/// Mean wait of M/D/1 in service times.
double single_wait(double use) {
  const auto at = [](double rho) { return rho / (2 * (1 - rho)); };
  return use < kSteep ? at(std::max(0.0, use)) : at(kSteep) * (1 + (use - kSteep) / (1 - kSteep));
}

double share_of(double use) { return use > 1 ? 1 / use : 1; }

template <typename T>
auto& get(T& list, int i) {
  return list[static_cast<size_t>(i)];
}

}  // namespace

bool Score::better_than(const Score& other) const {
  const auto rounded = [](const Score& s) {
    return std::array{std::round(s.missed), std::round(s.excess * 100), std::round(s.overfull * 200),
                      std::round(s.cost * 1e5)};
  };
  return rounded(*this) < rounded(other);
}

FleetModel::FleetModel(const PlacementProblem& problem)
    : problem_(problem), flow_((VEDETTE_ASSERT(problem.shared && problem.profiles), *problem.shared)) {
  streams_ = problem_.shared->streams.size();
  read_nodes();
  read_pins();
  read_loads();
  read_applications();
  read_now();
  at_.assign(flow_.pieces.size(), kNowhere);
  place_in_node_.assign(flow_.pieces.size(), 0);
  seen_.assign(streams_, 0);
  for (int i = 0; i < streams(); ++i) {
    work_out_stream(i);
    count_parts(i, 1);
  }
  work_ = 0;
}

double FleetModel::seconds(int piece) const {
  const auto points = flow_.piece_points[piece];
  return points.empty() ? 0 : get(points_, points.front()).seconds;
}

double FleetModel::demand(int piece) const { return get(piece_rate_, piece) * seconds(piece); }

double FleetModel::bytes_of(int point, bool pixels, bool crops) const {
  const auto& load = get(points_, point);
  return load.bytes + (pixels ? get(picture_, get(flow_.points, point).stream) : crops ? kCropBytes : 0);
}

FleetModel::Link& FleetModel::link(int from, int to) const {
  const auto [entry, added] = links_.try_emplace(static_cast<uint64_t>(from) << 32 | static_cast<uint32_t>(to));
  if (added) {
    const LinkCost cost = problem_.profiles->link(get(problem_.nodes, from).name, get(problem_.nodes, to).name);
    entry->second.bandwidth = std::max(1.0, cost.bytes_per_second);
    entry->second.rtt = std::max(0.0, cost.rtt_seconds);
  }
  return entry->second;
}

double FleetModel::transmission(int point, int from, int to) const {
  if (from == to || from == kNowhere || to == kNowhere) return 0;
  const auto& at = get(flow_.points, point);
  bool pixels = false, crops = false;
  for (const int reader : flow_.outputs[point]) {
    pixels |= get(flow_.points, reader).pixels;
    crops |= get(flow_.points, reader).crops;
  }
  const Link& way = link(from, to);
  const double picture = pixels ? get(picture_, at.stream) : 0;
  return bytes_of(point, pixels, crops) / way.bandwidth + way.rtt / 2 +
         (kMessage + kEncode * picture) / get(nodes_, from).speed +
         (kMessage + kDecode * picture) / get(nodes_, to).speed;
}

void FleetModel::account(Node& node) {
  overfull_ -= node.overfull;
  node.overfull =
      std::max(0.0, node.load / node.cores - problem_.full) + std::max(0.0, node.memory_used / node.memory - 1);
  if (node.overfull < 1e-9) node.overfull = 0;
  overfull_ += node.overfull;
  node.stale = true;
}

void FleetModel::load(Node& node, int index, double cores) {
  node.load += cores;
  cores_ += cores;
  account(node);
  if (!node.dirty) {
    node.dirty = true;
    dirty_.push_back(index);
  }
}

/// Adds (sign 1) or takes away (sign -1) what the point's output puts on links and on the nodes at their ends.
void FleetModel::carry(int point, double sign) {
  const auto& from_point = get(flow_.points, point);
  const int from = get(at_, from_point.piece);
  if (from == kNowhere) return;
  const auto readers = flow_.outputs[point];
  const double rate = get(points_, point).out * sign;
  bool encoded = false;
  for (size_t i = 0; i < readers.size(); ++i) {
    const int to = get(at_, get(flow_.points, readers[i]).piece);
    if (to == from || to == kNowhere) continue;
    bool pixels = false, crops = false, first = true;
    for (size_t j = 0; j < readers.size(); ++j) {
      const auto& other = get(flow_.points, readers[j]);
      if (get(at_, other.piece) != to) continue;
      if (j < i) first = false;  // counted with that one: one channel for all readers on a node
      pixels |= other.pixels;
      crops |= other.crops;
    }
    if (!first) continue;
    const double picture = pixels ? get(picture_, from_point.stream) : 0;
    const double bytes = bytes_of(point, pixels, crops);
    Link& way = link(from, to);
    way.bytes += rate * bytes;
    Node& sender = get(nodes_, from);
    Node& receiver = get(nodes_, to);
    load(sender, from, rate * (kMessage + (encoded ? 0 : kEncode * picture)) / sender.speed);  // encoded once
    load(receiver, to, rate * (kMessage + kDecode * picture) / receiver.speed);
    encoded |= pixels;
    crossing_ += rate * (bytes / way.bandwidth + way.rtt / 2);
  }
}

void FleetModel::put(int piece, int where) {
  int& at = get(at_, piece);
  if (at == where) return;
  const auto points = flow_.piece_points[piece];
  work_ += points.size();
  const auto carry_all = [&](double sign) {
    for (const int point : points) {
      carry(point, sign);
      for (const int input : flow_.inputs[point])
        if (get(flow_.points, input).piece != piece) carry(input, sign);
    }
  };
  const auto weigh = [&](int index, double sign) {
    if (index == kNowhere) return;
    Node& node = get(nodes_, index);
    double cores = 0;
    for (const int point : points) {
      const auto& load = get(points_, point);
      const double service = load.seconds / node.speed;
      node.first += sign * load.in * service;
      node.second += sign * load.in * service * service;
      cores += load.in * service;
    }
    const auto& which = get(flow_.pieces, piece);
    node.memory_used += sign * get(piece_memory_, piece);
    if (which.stage != Flow::kNone) {
      int& count = replicas_[static_cast<uint64_t>(which.stage) << 32 | static_cast<uint32_t>(index)];
      if (count == (sign > 0 ? 0 : 1)) node.memory_used += sign * get(shared_memory_, which.stage);
      count += sign > 0 ? 1 : -1;
    }
    load(node, index, sign * cores);
    if (const int was = get(now_, piece); was != kNowhere && was != index) moves_ += sign * get(move_cost_, piece);
    if (sign > 0) {
      get(place_in_node_, piece) = static_cast<int>(node.pieces.size());
      node.pieces.push_back(piece);
    } else {
      const int slot = get(place_in_node_, piece);
      get(node.pieces, slot) = node.pieces.back();
      get(place_in_node_, node.pieces.back()) = slot;
      node.pieces.pop_back();
    }
  };
  carry_all(-1);
  weigh(at, -1);
  for (const int point : points) dirty_streams_.push_back(get(flow_.points, point).stream);
  at = where;
  weigh(at, 1);
  carry_all(1);
}

double FleetModel::PointLoad::p95() const { return kWorkTail * work + wait + kDeviations * std::sqrt(variance); }

void FleetModel::work_out(Node& node) const {
  const double use = node.load / node.cores;
  node.wait = node.first > 1e-12 ? std::max(0.0, node.second) / node.first / 2 * erlang_wait(node.cores, use) : 0;
  node.factor = share_of(use);
  node.stale = false;
}

void FleetModel::work_out_stream(int stream) {
  work_ += stream_points_[stream].size();
  for (const int index : stream_points_[stream]) {
    const auto& point = get(flow_.points, index);
    auto& load = get(points_, index);
    const int here = get(at_, point.piece);
    load.placed = here != kNowhere;
    load.work = load.wait = load.variance = 0;
    load.factor = 1;
    double slowest = -1;
    for (const int input : flow_.inputs[index]) {
      const auto& before = get(points_, input);
      const int there = get(at_, get(flow_.points, input).piece);
      double sending = 0, queueing = 0, factor = before.factor;
      if (there != here && there != kNowhere && load.placed) {
        const Link& way = link(there, here);
        const double use = way.bytes / way.bandwidth;
        const double picture = point.pixels ? get(picture_, point.stream) : 0;
        const double send = bytes_of(input, point.pixels, point.crops) / way.bandwidth;
        sending = send + way.rtt / 2 + (kMessage + kEncode * picture) / get(nodes_, there).speed +
                  (kMessage + kDecode * picture) / get(nodes_, here).speed;
        queueing = send * single_wait(use);
        factor = std::min(factor, share_of(use));
      }
      PointLoad arrival = before;
      arrival.work += sending;
      arrival.wait += queueing;
      arrival.variance += queueing * queueing;
      if (const double p95 = arrival.p95(); p95 > slowest) {
        slowest = p95;
        load.work = arrival.work;
        load.wait = arrival.wait;
        load.variance = arrival.variance;
      }
      load.factor = std::min(load.factor, factor);
      load.placed &= before.placed;
    }
    if (here == kNowhere) continue;
    Node& node = get(nodes_, here);
    if (node.stale) work_out(node);
    const double service = load.seconds / node.speed;
    double own = 0;  // use of the one thread that its state allows
    const Scope scope =
        point.stage == Flow::kNone ? Scope::kPerStream : get(problem_.shared->stages, point.stage).scope;
    if (scope != Scope::kStateless) own = get(piece_rate_, point.piece) * service;
    const double turn = service * single_wait(own) / 2;  // cameras are more regular than M/D/1 has it
    load.work += service;
    load.wait += node.wait + turn;
    load.variance += node.wait * node.wait + turn * turn;
    load.factor = std::min({load.factor, node.factor, share_of(own)});
  }
  for (const int part : stream_parts_[stream]) judge(get(parts_, part));
}

void FleetModel::judge(Part& part) const {
  const Objective& objective = get(wanted_, part.application).objective;
  part.p95 = 0;
  part.fps = std::numeric_limits<double>::infinity();
  bool placed = true;
  double possible = objective.min_fps;  // no placement gets more out of a camera than it gives
  for (size_t i = part.first_end; i < part.first_end + part.ends; ++i) {
    const auto& end = get(points_, ends_[i]);
    part.p95 = std::max(part.p95, end.p95());
    part.fps = std::min(part.fps, end.nominal * end.factor);
    possible = std::min(possible, end.nominal);
    placed &= end.placed;
  }
  part.excess = 0;
  if (objective.latency_p95_ms > 0) part.excess += std::max(0.0, part.p95 * 1e3 / objective.latency_p95_ms - 1);
  if (possible > 0) part.excess += std::max(0.0, 1 - part.fps / (possible * kFpsSlack));
  if (!placed) {
    part.fps = 0;
    part.excess = 1;
  }
  part.missed = part.excess > 1e-9;
}

void FleetModel::count_parts(int stream, int sign) {
  for (const int p : stream_parts_[stream]) {
    const Part& part = get(parts_, p);
    Wanted& wanted = get(wanted_, part.application);
    excess_ += sign * part.excess * wanted.excess_weight;
    if (!part.missed) continue;
    if (wanted.missed == (sign > 0 ? 0 : 1)) missed_ += sign * wanted.weight;
    wanted.missed += sign;
  }
}

void FleetModel::renew(int stream) {
  count_parts(stream, -1);
  work_out_stream(stream);
  count_parts(stream, 1);
}

void FleetModel::refresh() {
  ++stamp_;
  const auto once = [&](int stream) {
    if (std::exchange(get(seen_, stream), stamp_) != stamp_) renew(stream);
  };
  for (const int index : dirty_) {
    Node& node = get(nodes_, index);
    node.dirty = false;
    for (const int piece : node.pieces) {
      for (const int point : flow_.piece_points[piece]) once(get(flow_.points, point).stream);
    }
  }
  for (const int stream : dirty_streams_) once(stream);
  dirty_.clear();
  dirty_streams_.clear();
}

Score FleetModel::score() {
  refresh();
  return rough();
}

Score FleetModel::rough() const { return {missed_, excess_, overfull_, cores_ + crossing_ + moves_}; }

void FleetModel::undone() {
  for (const int index : dirty_) get(nodes_, index).dirty = false;
  dirty_.clear();
  dirty_streams_.clear();
}

Score FleetModel::score_of(int stream) {
  renew(stream);
  Score out = rough();
  out.missed = out.excess = 0;
  for (const int p : stream_parts_[stream]) {
    const Part& part = get(parts_, p);
    const Wanted& wanted = get(wanted_, part.application);
    if (part.missed) out.missed += wanted.weight;
    out.excess += part.excess * wanted.excess_weight;
  }
  return out;
}

bool FleetModel::missing(int stream) const {
  const auto parts = stream_parts_[stream];
  return std::any_of(parts.begin(), parts.end(), [&](int part) { return get(parts_, part).missed; });
}

std::vector<Prediction> FleetModel::predictions() {
  refresh();
  std::vector<Prediction> out;
  for (const auto& wish : problem_.applications) {
    const Wanted& wanted = wanted_[out.size()];
    out.push_back({.application = wish.name, .met = wanted.missed == 0});
  }
  std::vector<bool> seen(out.size(), false);
  for (const auto& part : parts_) {
    Prediction& prediction = get(out, part.application);
    prediction.latency_p95_ms = std::max(prediction.latency_p95_ms, part.p95 * 1e3);
    prediction.fps = seen[static_cast<size_t>(part.application)] ? std::min(prediction.fps, part.fps) : part.fps;
    prediction.met &= wanted_[static_cast<size_t>(part.application)].objective.min_fps * kFpsSlack <= part.fps;
    seen[static_cast<size_t>(part.application)] = true;
  }
  return out;
}

}  // namespace vedette::plan
