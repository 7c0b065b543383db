#include "vedette/sim/wiring.h"

#include <algorithm>
#include <tuple>

#include "vedette/base/error.h"

namespace vedette::sim {
namespace {

template <typename T>
auto& get(T& list, int i) {
  return list[static_cast<size_t>(i)];
}

// 16 bits of node, 24 of stage, 24 of stream: World and Wiring refuse more.
uint64_t place_of(int node, int stage, int stream) {
  return static_cast<uint64_t>(node) << 48 | static_cast<uint64_t>(stage + 1) << 24 | static_cast<uint64_t>(stream);
}

uint64_t way_of(int lane, int node) { return static_cast<uint64_t>(lane) << 32 | static_cast<uint32_t>(node); }

}  // namespace

Wiring::Wiring(const World& world, Environment& environment) : world_(world), environment_(environment) {
  VEDETTE_ASSERT(world.nodes().size() < 1u << 16 && world.cameras().size() < 1u << 24);
  for (int i = 0; const auto& node : world.nodes()) node_index_.emplace(node.view.name, i++);
  plans_.assign(world.nodes().size(), nullptr);
  sources_.assign(world.cameras().size(), {});
  on_node_.assign(world.nodes().size(), {});
}

void Wiring::set(int node, std::shared_ptr<const plan::NodePlan> plan) {
  get(plans_, node) = std::move(plan);
  stale_ = true;
}

int Wiring::stage_number(const std::string& key) const {
  if (key == plan::kSource) return kSourceStage;
  const auto found = stage_index_.find(key);
  return found == stage_index_.end() ? kNone - 1 : found->second;
}

int Wiring::application(const std::string& name) const {
  const auto found = application_index_.find(name);
  return found == application_index_.end() ? kNone : found->second;
}

int Wiring::know(const plan::Stage& stage) {
  const auto [entry, added] = stage_index_.try_emplace(stage.key, static_cast<int>(stages_.size()));
  if (added) {
    StageInfo info;
    info.key = stage.key;
    info.name = stage.name;
    info.type = stage.type;
    info.settings = stage.settings;
    info.scope = stage.scope;
    info.sink = stage.sink;
    info.pixels = stage.reads_pixels;
    info.crops = stage.reads_crops;
    info.cost = &world_.cost(stage.type, stage.settings);
    stages_.push_back(std::move(info));
    VEDETTE_ASSERT(stages_.size() < 1u << 24);
  }
  return entry->second;
}

Slice Wiring::store(std::vector<int>& list) {
  const Slice out{static_cast<uint32_t>(numbers_.size()), static_cast<uint32_t>(list.size())};
  numbers_.insert(numbers_.end(), list.begin(), list.end());
  list.clear();
  return out;
}

void Wiring::make_lanes(Keys& index) {
  std::vector<std::pair<int, const plan::Stage*>> seen;
  for (const auto& plan : plans_)
    if (plan)
      for (const auto& stage : plan->stages) seen.emplace_back(know(stage), &stage);
  // A sink keeps its key when what it reads changes, so inputs are read each time.
  for (const auto& [number, stage] : seen) {
    auto& inputs = get(stages_, number).inputs;
    inputs.clear();
    for (const auto& input : stage->inputs)
      if (const int known = stage_number(input); known >= kSourceStage) inputs.push_back(known);
  }
  for (auto& stage : stages_) stage.depth = stage.inputs.empty() ? 0 : 1;
  for (bool changed = true; changed;) {
    changed = false;
    for (auto& stage : stages_)
      for (const int input : stage.inputs)
        if (input >= 0 && stage.depth <= get(stages_, input).depth) {
          stage.depth = get(stages_, input).depth + 1;
          changed = true;
        }
  }
  lanes_.clear();
  for (int node = 0; const auto& plan : plans_) {
    if (plan) {
      const auto add = [&](int stage, const std::string& stream) {
        Lane& lane = lanes_.emplace_back();
        lane.node = node;
        lane.stage = stage;
        lane.stream = environment_.camera(stream);
      };
      for (const auto& key : plan->sources) add(kSourceStage, key);
      for (const auto& stage : plan->stages)
        for (const auto& key : stage.streams) add(stage_number(stage.key), key);
    }
    ++node;
  }
  const auto rank = [&](const Lane& lane) {
    return std::tuple(lane.stage == kSourceStage ? -1 : get(stages_, lane.stage).depth, lane.node, lane.stage,
                      lane.stream);
  };
  std::sort(lanes_.begin(), lanes_.end(), [&](const Lane& a, const Lane& b) { return rank(a) < rank(b); });
  servers_ = 0;
  index.reserve(lanes_.size() * 2);
  for (size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    index.emplace(place_of(lane.node, lane.stage, lane.stream), static_cast<int>(i));
    if (lane.stage == kSourceStage) continue;
    const plan::Scope scope = stage(lane).scope;
    if (scope == plan::Scope::kStateless) continue;
    const bool same =
        scope == plan::Scope::kGlobal && i > 0 && lanes_[i - 1].stage == lane.stage && lanes_[i - 1].node == lane.node;
    lane.server = same ? lanes_[i - 1].server : static_cast<int>(servers_++);
  }
}

void Wiring::make_edges(const Keys& index) {
  numbers_.clear();
  wires_.clear();
  Keys wires;
  // Ways out, as the senders' plans say.
  for (int node = 0; const auto& plan : plans_) {
    if (plan) {
      for (const auto& channel : plan->exports) {
        const int stage = stage_number(channel.producer), stream = environment_.camera(channel.stream);
        const auto lane = index.find(place_of(node, stage, stream));
        if (lane == index.end()) continue;
        const int to = node_index_.at(channel.node);
        wires.emplace(way_of(lane->second, to), static_cast<int>(wires_.size()));
        Wire& wire = wires_.emplace_back();
        wire.from_lane = lane->second;
        wire.to_node = to;
        wire.link = environment_.link(node, to);
        wire.stage = stage;
        wire.stream = stream;
        wire.pixels = channel.pixels;
        wire.crops = channel.crops;
      }
    }
    ++node;
  }
  std::unordered_map<uint64_t, std::vector<int>> imported;  // place of the producer at the importing node → wires
  for (int node = 0; const auto& plan : plans_) {
    if (plan) {
      for (const auto& channel : plan->imports) {
        const int stage = stage_number(channel.producer), stream = environment_.camera(channel.stream);
        if (stage < kSourceStage) continue;
        const auto lane = index.find(place_of(node_index_.at(channel.node), stage, stream));
        if (lane == index.end()) continue;
        if (const auto wire = wires.find(way_of(lane->second, node)); wire != wires.end())
          imported[place_of(node, stage, stream)].push_back(wire->second);
      }
    }
    ++node;
  }
  std::vector<std::pair<int, int>> readers, wire_readers;  // by lane, by wire
  std::vector<int> feeders, incoming;
  for (int i = 0; auto& lane : lanes_) {
    if (lane.stage != kSourceStage) {
      for (const int input : stage(lane).inputs) {
        const uint64_t place = place_of(lane.node, input, lane.stream);
        if (const auto here = index.find(place); here != index.end()) {
          feeders.push_back(here->second);
          readers.emplace_back(here->second, i);
        } else if (const auto there = imported.find(place); there != imported.end()) {
          for (const int wire : there->second) {
            incoming.push_back(wire);
            wire_readers.emplace_back(wire, i);
          }
        }
      }
    }
    lane.feeders = store(feeders);
    lane.incoming = store(incoming);
    ++i;
  }
  std::sort(readers.begin(), readers.end());
  std::sort(wire_readers.begin(), wire_readers.end());
  std::vector<int> list;
  size_t at = 0;
  for (int i = 0; auto& lane : lanes_) {
    for (; at < readers.size() && readers[at].first == i; ++at) list.push_back(readers[at].second);
    lane.readers = store(list);
    ++i;
  }
  at = 0;
  for (int i = 0; auto& wire : wires_) {
    for (; at < wire_readers.size() && wire_readers[at].first == i; ++at) list.push_back(wire_readers[at].second);
    wire.readers = store(list);
    ++i;
  }
  std::vector<std::pair<int, int>> out;
  for (int i = 0; const auto& wire : wires_) out.emplace_back(wire.from_lane, i++);
  std::sort(out.begin(), out.end());
  at = 0;
  for (int i = 0; auto& lane : lanes_) {
    for (; at < out.size() && out[at].first == i; ++at) list.push_back(out[at].second);
    lane.channels = store(list);
    ++i;
  }
  std::vector<int> was(wires_.size(), kNone);
  Keys keys;
  for (int i = 0; const auto& wire : wires_) {
    // A wire stays the same one when its producer is where it was; 16 + 16 + 16 bits of nodes do not fit with the rest.
    const uint64_t key = place_of(get(lanes_, wire.from_lane).node, wire.stage, wire.stream) * 0x9e3779b97f4a7c15 +
                         static_cast<uint64_t>(wire.to_node);
    keys.emplace(key, i);
    if (const auto old = wire_index_.find(key); old != wire_index_.end()) get(was, i) = old->second;
    ++i;
  }
  wire_was_ = std::move(was);
  wire_index_ = std::move(keys);
}

/// An application's ends are its modules that no other of its modules reads.
void Wiring::make_ends(const Keys& index) {
  std::vector<std::pair<int, int>> ends;  // lane, application
  for (int node = 0; const auto& plan : plans_) {
    if (plan) {
      for (const auto& application : plan->applications) {
        const auto [entry, added] =
            application_index_.try_emplace(application.name, static_cast<int>(applications_.size()));
        if (added) applications_.push_back(application.name);
        for (const auto& module : application.modules) {
          const bool read = std::any_of(application.modules.begin(), application.modules.end(), [&](const auto& other) {
            return std::find(other.inputs.begin(), other.inputs.end(), module.name) != other.inputs.end();
          });
          const int stage = stage_number(module.key);
          if (read || stage < 0) continue;
          for (const auto& key : application.streams)
            if (const auto lane = index.find(place_of(node, stage, environment_.camera(key))); lane != index.end())
              ends.emplace_back(lane->second, entry->second);
        }
      }
    }
    ++node;
  }
  std::sort(ends.begin(), ends.end());
  std::vector<int> list;
  size_t at = 0;
  for (int i = 0; auto& lane : lanes_) {
    for (; at < ends.size() && ends[at].first == i; ++at) list.push_back(ends[at].second);
    lane.ends = store(list);
    ++i;
  }
}

void Wiring::rebuild() {
  stale_ = false;
  Keys index;
  make_lanes(index);
  lane_was_.assign(lanes_.size(), kNone);
  for (const auto& [place, lane] : index)
    if (const auto old = lane_index_.find(place); old != lane_index_.end()) get(lane_was_, lane) = old->second;
  make_edges(index);
  make_ends(index);
  lane_index_ = std::move(index);
  std::vector<std::vector<int>> by_stream(sources_.size()), by_node(on_node_.size());
  for (int i = 0; const auto& lane : lanes_) {
    if (lane.stage == kSourceStage) get(by_stream, lane.stream).push_back(i);
    get(by_node, lane.node).push_back(i);
    ++i;
  }
  for (size_t i = 0; i < by_stream.size(); ++i) sources_[i] = store(by_stream[i]);
  for (size_t i = 0; i < by_node.size(); ++i) on_node_[i] = store(by_node[i]);
}

}  // namespace vedette::sim
