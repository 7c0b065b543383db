// How an application's modules read from each other: from sources to sinks, and only what something before them adds.
#include <fmt/ranges.h>

#include <array>
#include <set>

#include "vedette/graph/application_parts.h"

namespace vedette::graph {
namespace {

struct FacetName {
  Facet facet;
  std::string_view name;
  std::string_view hint;
};
constexpr std::array<FacetName, 5> kFacets{{
    {Facet::kPixels, "raw pixels", "put a 'decode' module before it"},
    {Facet::kObjects, "objects", "put a 'detect' module before it"},
    {Facet::kTracks, "track ids", "put a 'track' module before it"},
    {Facet::kEvents, "events", "put a 'roi' module before it"},
    {Facet::kCrops, "crops", "put a 'crop' module before it"},
}};

/// Takes away, one after the other, what has nothing (left) in `before`; `after` are the same edges the other way
/// round.
std::vector<size_t> peel(const std::vector<std::vector<size_t>>& before,
                         const std::vector<std::vector<size_t>>& after) {
  std::vector<size_t> waiting(before.size()), order;
  for (size_t i = 0; i < before.size(); ++i) {
    waiting[i] = before[i].size();
    if (waiting[i] == 0) order.push_back(i);
  }
  for (size_t at = 0; at < order.size(); ++at)
    for (const size_t next : after[order[at]])
      if (--waiting[next] == 0) order.push_back(next);
  return order;
}

}  // namespace

/// Kahn's algorithm, with the flow and then against it; what is left over lies on cycles or between them.
std::vector<size_t> check_circles(const Application& application, const std::vector<const ConfigNode*>& nodes,
                                  Faults& faults) {
  const auto& modules = application.modules;
  std::vector<std::vector<size_t>> inputs(modules.size()), readers(modules.size());
  for (size_t i = 0; i < modules.size(); ++i) {
    inputs[i] = modules[i].inputs;
    for (const size_t input : inputs[i]) readers[input].push_back(i);
  }
  auto order = peel(inputs, readers);
  if (order.size() == modules.size()) return order;
  std::set<size_t> circle;
  for (size_t i = 0; i < modules.size(); ++i) circle.insert(i);
  for (const auto& peeled : {order, peel(readers, inputs)})
    for (const size_t i : peeled) circle.erase(i);
  std::vector<std::string> names;
  for (const size_t i : circle) names.push_back(modules[i].name);
  faults.add(*nodes[*circle.begin()], fmt::format("the inputs run in a circle through {}", fmt::join(names, ", ")),
             "an application must flow from sources to sinks");
  return order;
}

/// Where another fault hides what a module is or reads from, everything is taken to be there: one mistake, one line.
void check_facets(const Application& application, const std::vector<size_t>& order, const std::set<size_t>& unclear,
                  const std::vector<const ConfigNode*>& nodes, Faults& faults) {
  std::vector<Facet> available(application.modules.size());
  for (const size_t i : order) {
    const ModuleSpec& module = application.modules[i];
    if (!module.type || unclear.contains(i)) {
      available[i] = ~Facet::kNone;
      continue;
    }
    Facet have = module.from_source ? Facet::kNone : ~Facet::kNone;
    for (const size_t input : module.inputs) have = have & available[input];
    for (const auto& [facet, name, hint] : kFacets) {
      if ((module.traits.reads & facet) != Facet::kNone && (have & facet) == Facet::kNone)
        faults.add(*nodes[i], fmt::format("'{}' reads {}, which nothing before it adds", module.name, name),
                   std::string(hint));
    }
    available[i] = have | module.traits.adds;
  }
}

}  // namespace vedette::graph
