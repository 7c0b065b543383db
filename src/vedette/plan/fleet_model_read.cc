// What a FleetModel takes from its problem, once.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "vedette/base/error.h"
#include "vedette/plan/fleet_model.h"

namespace vedette::plan {
namespace {

constexpr double kMostWeight = 1e15;  // doubles still count one by one there

template <typename T>
auto& get(T& list, int i) {
  return list[static_cast<size_t>(i)];
}

}  // namespace

void FleetModel::read_nodes() {
  for (const auto& view : problem_.nodes) {
    Node node;
    node.cores = std::isfinite(view.cores) ? std::max(0.01, view.cores) : 1;
    node.speed = std::isfinite(view.speed) ? std::clamp(view.speed, 1e-3, 1e3) : 1;
    node.memory = std::isfinite(view.memory_bytes) ? std::max(1.0, view.memory_bytes) : 1;
    node.load = std::isfinite(view.other_load) ? std::clamp(view.other_load, 0.0, node.cores) : 0;
    nodes_.push_back(node);
  }
  for (auto& node : nodes_) account(node);
}

int FleetModel::make_class(const Pin& pin) {
  PinClass out;
  out.may.assign(nodes_.size(), false);
  std::vector<int> draining;
  for (int i = 0; i < nodes(); ++i) {
    const NodeView& view = problem_.nodes[static_cast<size_t>(i)];
    const bool fits = (pin.node.empty() || pin.node == view.name) &&
                      std::all_of(pin.labels.begin(), pin.labels.end(), [&](const auto& label) {
                        const auto found = view.labels.find(label.first);
                        return found != view.labels.end() && found->second == label.second;
                      });
    if (fits) (view.draining ? draining : out.nodes).push_back(i);
  }
  if (out.nodes.empty() && !pin.empty()) out.nodes = draining;  // pinned there: it has nowhere else to go
  for (const int node : out.nodes) out.may[static_cast<size_t>(node)] = true;
  if (out.nodes.empty()) {
    if (nodes_.empty())
      out.why = "no node is there";
    else if (pin.empty())
      out.why = "every node is draining";
    else if (!pin.node.empty() && pin.labels.empty())
      out.why = fmt::format("no node named {} is there", pin.node);
    else {
      for (const auto& [label, value] : pin.labels)
        out.why += fmt::format("{}{}={}", out.why.empty() ? "" : ", ", label, value);
      out.why = pin.node.empty() ? fmt::format("no node carries {}", out.why)
                                 : fmt::format("node {} is not there or does not carry {}", pin.node, out.why);
    }
  }
  classes_.push_back(std::move(out));
  return static_cast<int>(classes_.size()) - 1;
}

void FleetModel::read_pins() {
  std::map<std::pair<std::string, std::map<std::string, std::string>>, int> known;
  const auto find = [&](const Pin& pin) {
    const auto [entry, added] = known.try_emplace({pin.node, pin.labels}, 0);
    if (added) entry->second = make_class(pin);
    return entry->second;
  };
  std::vector<int> of_stage;
  for (const auto& stage : problem_.shared->stages) of_stage.push_back(find(stage.pin));
  for (const auto& piece : flow_.pieces)
    class_.push_back(piece.stage == Flow::kNone ? find(get(problem_.shared->streams, piece.stream).pin)
                                                : get(of_stage, piece.stage));
}

void FleetModel::read_loads() {
  const Shared& shared = *problem_.shared;
  const Profiles& profiles = *problem_.profiles;
  for (const auto& stream : shared.streams) picture_.push_back(profiles.picture_bytes(stream));
  std::vector<StageCost> costs;
  std::vector<double> limits;
  for (const auto& stage : shared.stages) {
    costs.push_back(profiles.stage(stage));
    limits.push_back(rate_limit(stage.type, stage.settings));
  }
  const StageCost source = guess(kSource, {});
  std::vector<std::pair<int, int>> of_stream;
  points_.resize(flow_.points.size());
  for (int i = 0; i < static_cast<int>(points_.size()); ++i) {
    const auto& point = get(flow_.points, i);
    auto& load = get(points_, i);
    of_stream.emplace_back(point.stream, i);
    if (point.stage == Flow::kNone) {
      load.in = load.out = load.nominal = profiles.fps(get(shared.streams, point.stream));
      load.seconds = source.seconds;
      load.bytes = source.bytes_out;
      continue;
    }
    const StageCost& cost = get(costs, point.stage);
    load.seconds = cost.seconds;
    load.bytes = cost.bytes_out;
    load.nominal = flow_.inputs[i].empty() ? 0 : std::numeric_limits<double>::infinity();
    for (const int input : flow_.inputs[i]) {
      load.in += get(points_, input).out;
      load.nominal = std::min(load.nominal, get(points_, input).nominal);
    }
    load.out = load.in * cost.emitted;
    if (const double limit = get(limits, point.stage); limit > 0) {
      load.out = std::min(load.in, limit);
      load.nominal = std::min(load.nominal, limit);
    }
  }
  stream_points_ = Lists::of(streams_, of_stream);
  piece_rate_.assign(flow_.pieces.size(), 0);
  for (int i = 0; i < static_cast<int>(points_.size()); ++i)
    get(piece_rate_, get(flow_.points, i).piece) += get(points_, i).in;
  for (const auto& stage : costs) shared_memory_.push_back(stage.memory_bytes);
  for (const auto& piece : flow_.pieces) {
    const bool is_source = piece.stage == Flow::kNone;
    const Scope scope = is_source ? Scope::kPerStream : get(shared.stages, piece.stage).scope;
    piece_memory_.push_back(is_source ? source.memory_bytes : 1e6);  // queues and a stream's state
    // Forgetting a stream's state, or all of it, is worse than a new start; a source may lose frames.
    move_cost_.push_back(is_source ? 0.1 : scope == Scope::kStateless ? 0.02 : scope == Scope::kPerStream ? 0.05 : 0.1);
  }
}

void FleetModel::read_applications() {
  std::map<int, double> of_priority;  // applications, then the weight of one
  for (const auto& wish : problem_.applications) of_priority[wish.priority] += 1;
  double weight = 1;
  const double most_step =
      std::floor(std::pow(kMostWeight, 1.0 / static_cast<double>(std::max<size_t>(1, of_priority.size()))));
  for (auto& [priority, count] : of_priority) {
    const double step = std::clamp(count + 1, 2.0, std::max(2.0, most_step));
    count = weight;
    weight *= step;
  }
  std::unordered_map<std::string_view, int> stages;
  for (int i = 0; const auto& stage : problem_.shared->stages) stages.emplace(stage.key, i++);
  // An application with something that no node may have is missed whatever we do, and must not stand in the way.
  std::vector<char> stage_hopeless(problem_.shared->stages.size(), 0);
  for (int piece = 0; piece < pieces(); ++piece)
    if (allowed(piece).empty() && get(flow_.pieces, piece).stage != Flow::kNone)
      get(stage_hopeless, get(flow_.pieces, piece).stage) = 1;
  std::unordered_map<std::string_view, std::vector<int>> streams;
  for (int i = 0; const auto& stream : problem_.shared->streams) {
    for (const auto& user : stream.users) streams[user].push_back(i);
    ++i;
  }
  std::vector<std::pair<int, int>> of_stream;
  for (const auto& wish : problem_.applications) {
    Wanted& wanted = wanted_.emplace_back();
    wanted.objective = wish.objective;
    wanted.weight = of_priority.at(wish.priority);
    wanted.excess_weight = (1.0 + std::clamp(wish.priority, 0, 100)) / 101;
    const auto keys = stage_keys(wish);
    std::vector<int> last;  // stages that no other module of it reads
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto reads = [&](const ModuleWish& other) {
        return std::find(other.inputs.begin(), other.inputs.end(), wish.modules[i].name) != other.inputs.end();
      };
      const auto found = stages.find(keys[i]);
      VEDETTE_ASSERT(found != stages.end());  // `shared` is of these applications
      if (get(stage_hopeless, found->second)) wanted.weight = wanted.excess_weight = 0;
      if (std::none_of(wish.modules.begin(), wish.modules.end(), reads)) last.push_back(found->second);
    }
    for (const int stream : streams[wish.name]) {
      if (allowed(stream).empty())
        wanted.weight = wanted.excess_weight = 0;  // a source's piece has its stream's number
      Part part;
      part.application = static_cast<int>(wanted_.size()) - 1;
      part.first_end = ends_.size();
      for (const int stage : last) {
        const auto& passing = get(flow_.stage_streams, stage);
        const auto at = std::lower_bound(passing.begin(), passing.end(), stream) - passing.begin();
        ends_.push_back(get(flow_.first_point, stage) + static_cast<int>(at));
      }
      if (last.empty()) ends_.push_back(stream);  // nothing but a source
      part.ends = ends_.size() - part.first_end;
      of_stream.emplace_back(stream, static_cast<int>(parts_.size()));
      parts_.push_back(part);
    }
  }
  stream_parts_ = Lists::of(streams_, of_stream);
}

void FleetModel::read_now() {
  now_.assign(flow_.pieces.size(), kNowhere);
  if (!problem_.now) return;
  std::unordered_map<std::string_view, int> index;
  for (int i = 0; const auto& node : problem_.nodes) index.emplace(node.name, i++);
  for (int i = 0; const auto& piece : flow_.pieces) {
    const auto found = problem_.now->find(
        {piece.stage == Flow::kNone ? kSource : get(problem_.shared->stages, piece.stage).key,
         piece.stream == Flow::kNone ? std::string() : get(problem_.shared->streams, piece.stream).key});
    if (found != problem_.now->end())
      if (const auto node = index.find(found->second); node != index.end()) get(now_, i) = node->second;
    ++i;
  }
}

}  // namespace vedette::plan
