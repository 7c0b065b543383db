#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/graph/application.h"

/// What application.h is made of, for its own files only: application.cc reads the whole, application_module.cc a
/// module's own part, application_sources.cc the sources; application_flow.cc looks at how modules read from each
/// other; overrides.cc edits before anything is read.
namespace vedette::graph {

/// What any module has beside its type's settings.
inline const std::vector<std::string> kModuleKeys{"type", "name", "inputs", "queue", "parallel", "node", "labels"};
/// Of a module and a source: what says where they stand and run, not what they do.
inline const std::vector<std::string> kPlaceKeys{"type", "name", "inputs", "node", "labels"};

struct PinFields {
  std::string node;
  std::vector<std::pair<std::string, std::string>> labels;

  void fields(Fields& f) {
    f.text("node", node, "on a fleet: only on the node of this name");
    f.pairs("labels", labels, "on a fleet: only on nodes with all of these labels");
  }
  plan::Pin pin() const { return {node, {labels.begin(), labels.end()}}; }
};

/// A module's kModuleKeys.
struct ModuleHead {
  std::string type;
  std::string name;
  std::vector<std::string> inputs;
  QueueSpec queue;
  std::string parallel = "0";
  PinFields pin;

  void fields(Fields& f);
  /// Nothing when `parallel` cannot be read.
  std::optional<Parallel> calls() const;
};

bool valid_name(std::string_view name);
std::vector<std::string> module_type_names();
/// Reads what is the module's own, and its head besides. `spec.type` is known.
void read_module(const ConfigNode& map, ModuleHead& head, ModuleSpec& spec, Faults& faults);

void parse_sources(const ConfigNode* list, std::vector<SourceSpec>& sources, Faults& faults);

/// The modules from sources to sinks. Fewer than all when inputs run in a circle, which is a fault. `nodes` are theirs.
std::vector<size_t> check_circles(const Application& application, const std::vector<const ConfigNode*>& nodes,
                                  Faults& faults);
/// Whether what a module reads is there, in this order. Modules that are `unclear` have a fault of their own.
void check_facets(const Application& application, const std::vector<size_t>& order, const std::set<size_t>& unclear,
                  const std::vector<const ConfigNode*>& nodes, Faults& faults);

}  // namespace vedette::graph
