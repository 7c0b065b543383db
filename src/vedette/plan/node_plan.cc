#include "vedette/plan/node_plan.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "vedette/base/error.h"
#include "vedette/plan/flow.h"

namespace vedette::plan {
namespace {

/// What comes to lie on one node, as indices.
struct Share {
  std::vector<int> sources;
  std::map<int, std::pair<std::vector<int>, std::set<int>>> stages;  // stage → streams, applications
  std::set<int> streams;                                 // that touch the node
  std::map<int, std::set<int>> applications;             // application → its streams here
  std::map<std::tuple<int, int, int>, Channel> imports;  // stage, stream, node
  std::map<std::tuple<int, int, int>, Channel> exports;
};

PlannedApplication planned(const ApplicationWish& wish) {
  PlannedApplication out{.name = wish.name,
                         .tenant = wish.tenant,
                         .version = wish.version,
                         .objective = wish.objective,
                         .streams = {},
                         .modules = {}};
  const auto keys = stage_keys(wish);
  for (size_t i = 0; i < wish.modules.size(); ++i)
    out.modules.push_back({wish.modules[i].name, wish.modules[i].type, keys[i], wish.modules[i].inputs});
  return out;
}

/// All of a stage but its streams and users, of which a popular one has thousands.
Stage without_lists(const Stage& stage) {
  Stage out;
  out.key = stage.key;
  out.name = stage.name;
  out.type = stage.type;
  out.settings = stage.settings;
  out.scope = stage.scope;
  out.sink = stage.sink;
  out.reads_pixels = stage.reads_pixels;
  out.reads_crops = stage.reads_crops;
  out.pin = stage.pin;
  out.inputs = stage.inputs;
  return out;
}

void sort_channels(std::vector<Channel>& out, std::map<std::tuple<int, int, int>, Channel>& channels) {
  for (auto& [at, channel] : channels) out.push_back(std::move(channel));
  std::sort(out.begin(), out.end());
}

}  // namespace

std::map<std::string, NodePlan> node_plans(const Shared& shared, std::span<const ApplicationWish> applications,
                                           const Placement& placement, uint64_t version,
                                           const std::map<std::string, std::vector<std::string>>& addresses) {
  const Flow flow(shared);
  std::map<std::string, int> node_index;
  for (const auto& [name, where] : addresses) node_index.emplace(name, 0);
  for (const auto& [piece, name] : placement) node_index.emplace(name, 0);
  std::vector<std::string> nodes;
  for (auto& [name, index] : node_index) {
    index = static_cast<int>(nodes.size());
    nodes.push_back(name);
  }
  const auto key_of = [&](int stage) {
    return stage == Flow::kNone ? kSource : shared.stages[static_cast<size_t>(stage)].key;
  };
  const auto stream_of = [&](int stream) { return shared.streams[static_cast<size_t>(stream)].key; };
  std::vector<int> at;  // of each piece
  for (const auto& piece : flow.pieces) {
    const auto found =
        placement.find({key_of(piece.stage), piece.stream == Flow::kNone ? std::string() : stream_of(piece.stream)});
    VEDETTE_ASSERT(found != placement.end());
    at.push_back(node_index.at(found->second));
  }

  std::unordered_map<std::string_view, int> application_index;
  for (const auto& wish : applications)
    VEDETTE_ASSERT(application_index.emplace(wish.name, static_cast<int>(application_index.size())).second);
  std::vector<std::vector<int>> stream_users, stage_users;  // applications
  for (const auto& stream : shared.streams) {
    auto& users = stream_users.emplace_back();
    for (const auto& user : stream.users) users.push_back(application_index.at(user));
  }
  for (const auto& stage : shared.stages) {
    auto& users = stage_users.emplace_back();
    for (const auto& user : stage.users) users.push_back(application_index.at(user.application));
    std::sort(users.begin(), users.end());
  }
  std::vector<Share> shares(nodes.size());
  for (int i = 0; const auto& point : flow.points) {
    const int here = at[static_cast<size_t>(point.piece)];
    auto& share = shares[static_cast<size_t>(here)];
    share.streams.insert(point.stream);
    const bool source = point.stage == Flow::kNone;
    if (source)
      share.sources.push_back(point.stream);
    else
      share.stages[point.stage].first.push_back(point.stream);
    for (const int user : stream_users[static_cast<size_t>(point.stream)]) {
      if (!source) {
        const auto& users = stage_users[static_cast<size_t>(point.stage)];
        if (!std::binary_search(users.begin(), users.end(), user)) continue;
        share.stages[point.stage].second.insert(user);
      }
      share.applications[user].insert(point.stream);
    }
    for (const int behind : flow.outputs[i]) {
      const auto& reader = flow.points[static_cast<size_t>(behind)];
      const int there = at[static_cast<size_t>(reader.piece)];
      if (there == here) continue;
      const auto carry = [&](auto& channels, int end) {
        Channel& channel = channels[{point.stage, point.stream, end}];
        if (channel.node.empty())
          channel = {key_of(point.stage), stream_of(point.stream), nodes[static_cast<size_t>(end)]};
        channel.pixels |= reader.pixels;
        channel.crops |= reader.crops;
      };
      carry(share.exports, there);
      carry(shares[static_cast<size_t>(there)].imports, here);
    }
    ++i;
  }

  std::vector<PlannedApplication> all;
  for (const auto& wish : applications) all.push_back(planned(wish));
  std::map<std::string, NodePlan> plans;
  for (size_t n = 0; n < nodes.size(); ++n) {
    auto& share = shares[n];
    NodePlan& plan = plans[nodes[n]];
    plan.version = version;
    plan.node = nodes[n];
    for (const int stream : share.streams) plan.streams.push_back(shared.streams[static_cast<size_t>(stream)]);
    for (const int stream : share.sources) plan.sources.push_back(stream_of(stream));
    for (const auto& [index, here] : share.stages) {
      const Stage& whole = shared.stages[static_cast<size_t>(index)];
      Stage& stage = plan.stages.emplace_back(without_lists(whole));
      for (const int stream : here.first) stage.streams.push_back(stream_of(stream));
      std::set<std::string_view> users;
      for (const int user : here.second) users.insert(applications[static_cast<size_t>(user)].name);
      for (const auto& name : users) {
        auto user = std::lower_bound(whole.users.begin(), whole.users.end(), name,
                                     [](const User& a, std::string_view b) { return a.application < b; });
        for (; user != whole.users.end() && user->application == name; ++user) stage.users.push_back(*user);
      }
    }
    sort_channels(plan.imports, share.imports);
    sort_channels(plan.exports, share.exports);
    for (const auto& [index, streams] : share.applications) {
      auto& application = plan.applications.emplace_back(all[static_cast<size_t>(index)]);
      for (const int stream : streams) application.streams.push_back(stream_of(stream));
    }
    std::sort(plan.applications.begin(), plan.applications.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    for (const auto* channels : {&plan.imports, &plan.exports}) {
      for (const auto& channel : *channels) {
        const auto found = addresses.find(channel.node);
        plan.peers.emplace(channel.node, found == addresses.end() ? std::vector<std::string>{} : found->second);
      }
    }
  }
  return plans;
}

NodePlan plan_for_one(std::span<const ApplicationWish> applications, const std::string& node, uint64_t version) {
  const Shared shared = share(applications);
  Placement placement;
  for (const auto& stream : shared.streams) placement[{kSource, stream.key}] = node;
  for (const auto& stage : shared.stages) {
    if (stage.scope == Scope::kGlobal)
      placement[{stage.key, ""}] = node;
    else
      for (const auto& stream : stage.streams) placement[{stage.key, stream}] = node;
  }
  return node_plans(shared, applications, placement, version, {{node, {}}}).at(node);
}

NodePlan without(const NodePlan& plan, std::span<const std::string> applications) {
  const std::set<std::string> gone(applications.begin(), applications.end());
  NodePlan out = plan;
  std::erase_if(out.applications, [&](const auto& application) { return gone.contains(application.name); });
  std::unordered_map<std::string_view, std::set<std::string_view>> streams;  // of those that stay
  std::set<std::pair<std::string_view, std::string_view>> read;  // producer and reader, in those that stay
  for (const auto& application : out.applications) {
    streams[application.name].insert(application.streams.begin(), application.streams.end());
    std::unordered_map<std::string_view, std::string_view> keys{{kSource, kSource}};
    for (const auto& module : application.modules) keys[module.name] = module.key;
    for (const auto& module : application.modules)
      for (const auto& input : module.inputs)
        if (const auto key = keys.find(input); key != keys.end()) read.emplace(key->second, module.key);
  }

  std::set<std::pair<std::string_view, std::string_view>> here;  // stage, stream
  for (auto& stage : out.stages) {
    std::erase_if(stage.users, [&](const User& user) { return !streams.contains(user.application); });
    std::erase_if(stage.streams, [&](const std::string& stream) {
      return std::none_of(stage.users.begin(), stage.users.end(),
                          [&](const User& user) { return streams[user.application].contains(stream); });
    });
  }
  std::erase_if(out.stages, [](const Stage& stage) { return stage.users.empty(); });
  for (auto& stream : out.streams)
    std::erase_if(stream.users, [&](const std::string& user) { return gone.contains(user); });
  std::set<std::string_view> unused;
  for (const auto& stream : out.streams)
    if (stream.users.empty()) unused.insert(stream.key);
  std::erase_if(out.sources, [&](const std::string& key) { return unused.contains(key); });
  for (const auto& key : out.sources) here.emplace(kSource, key);
  for (const auto& stage : out.stages)
    for (const auto& stream : stage.streams) here.emplace(stage.key, stream);

  std::erase_if(out.imports, [&](const Channel& channel) {
    return std::none_of(out.stages.begin(), out.stages.end(), [&](const Stage& stage) {
      return here.contains({stage.key, channel.stream}) &&
             std::find(stage.inputs.begin(), stage.inputs.end(), channel.producer) != stage.inputs.end();
    });
  });
  std::erase_if(out.exports, [&](const Channel& channel) {
    if (!here.contains({channel.producer, channel.stream})) return true;
    return std::none_of(read.begin(), read.end(), [&](const auto& edge) {  // its reader is elsewhere
      return edge.first == channel.producer && !here.contains({edge.second, channel.stream});
    });
  });
  std::set<std::string_view> touched;
  std::set<std::string_view> peers;
  for (const auto& [stage, stream] : here) touched.insert(stream);
  for (const auto* channels : {&out.imports, &out.exports}) {
    for (const auto& channel : *channels) {
      touched.insert(channel.stream);
      peers.insert(channel.node);
    }
  }
  std::erase_if(out.streams, [&](const Stream& stream) { return !touched.contains(stream.key); });
  std::erase_if(out.peers, [&](const auto& peer) { return !peers.contains(peer.first); });
  return out;
}

}  // namespace vedette::plan
