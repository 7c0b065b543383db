#include "vedette/fleet/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "vedette/fleet/yaml_text.h"

namespace vedette::fleet {
namespace {

using Leaves = std::map<std::string, std::string>;

/// Dotted path → value. Lists are leaves: their items have no names.
void collect(const ConfigNode& node, const std::string& path, Leaves& leaves) {
  if (node.is_map() && !node.entries().empty()) {
    for (const auto& [key, value] : node.entries()) collect(value, path.empty() ? key : path + '.' + key, leaves);
  } else if (!path.empty()) {
    leaves[path] = without_secrets(to_flow(node));
  }
}

bool is_structure(const std::string& key) { return key == "name" || key == "inputs"; }

Leaves leaves_of(const ConfigNode& entry) {
  Leaves leaves;
  if (entry.is_scalar()) {
    leaves["url"] = without_secrets(to_flow(entry));
    return leaves;
  }
  for (const auto& [key, value] : entry.entries())
    if (!is_structure(key)) collect(value, key, leaves);
  return leaves;
}

void compare(const Leaves& from, const Leaves& to, const std::string& kind, const std::string& prefix,
             std::vector<Change>& changes) {
  for (const auto& [path, value] : from) {
    const auto now = to.find(path);
    if (now == to.end()) {
      changes.push_back({"remove", kind, prefix + path, value, std::nullopt});
    } else if (now->second != value) {
      changes.push_back({"change", kind, prefix + path, value, now->second});
    }
  }
  for (const auto& [path, value] : to)
    if (!from.contains(path)) changes.push_back({"add", kind, prefix + path, std::nullopt, value});
}

Leaves head_of(const Definition& d) {
  Leaves leaves;
  for (const auto& [key, value] : d.root.entries())
    if (key != "sources" && key != "modules" && key != "objective" && key != "application") collect(value, key, leaves);
  return leaves;
}

Leaves objective_of(const Definition& d) {
  Leaves leaves;
  if (const ConfigNode* objective = d.root.find("objective")) collect(*objective, "", leaves);
  return leaves;
}

struct Part {
  std::string text;  ///< what it is, in a word
  Leaves settings;
};
using Parts = std::vector<std::pair<std::string, Part>>;  // in file order

const ConfigNode* item(const Definition& d, const char* list, size_t i) {
  const ConfigNode* node = d.root.find(list);
  return node && node->is_list() && i < node->items().size() ? &node->items()[i] : nullptr;
}

Parts sources_of(const Definition& d) {
  Parts parts;
  for (size_t i = 0; i < d.application.sources.size(); ++i) {
    const auto& source = d.application.sources[i];
    const ConfigNode* node = item(d, "sources", i);
    parts.emplace_back(source.name, Part{without_secrets(source.options.url), node ? leaves_of(*node) : Leaves{}});
  }
  return parts;
}

Parts modules_of(const Definition& d) {
  Parts parts;
  for (size_t i = 0; i < d.application.modules.size(); ++i) {
    const auto& module = d.application.modules[i];
    const ConfigNode* node = item(d, "modules", i);
    parts.emplace_back(module.name, Part{module.type->traits.type, node ? leaves_of(*node) : Leaves{}});
  }
  return parts;
}

Leaves edges_of(const Definition& d) {
  Leaves edges;
  const auto& modules = d.application.modules;
  for (const auto& module : modules) {
    if (module.from_source) edges["source → " + module.name];
    for (const size_t input : module.inputs) edges[modules[input].name + " → " + module.name];
  }
  return edges;
}

const Part* find(const Parts& parts, const std::string& name) {
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const auto& one) { return one.first == name; });
  return found == parts.end() ? nullptr : &found->second;
}

void compare(const Parts& from, const Parts& to, const std::string& kind, std::vector<Change>& changes) {
  for (const auto& [name, part] : from)
    if (!find(to, name)) changes.push_back({"remove", kind, name, part.text, std::nullopt});
  for (const auto& [name, part] : to) {
    if (const Part* before = find(from, name)) {
      compare(before->settings, part.settings, "setting", name + '.', changes);
    } else {
      changes.push_back({"add", kind, name, std::nullopt, part.text});
    }
  }
}

}  // namespace

std::vector<Change> diff(const Definition* from, const Definition& to) {
  std::vector<Change> changes;
  if (!from) {
    changes.push_back({"add", "application", to.application.name, std::nullopt, to.application.tenant});
    compare({}, objective_of(to), "objective", "", changes);
    compare({}, sources_of(to), "source", changes);
    compare({}, modules_of(to), "module", changes);
    return changes;
  }
  compare(head_of(*from), head_of(to), "application", "", changes);
  compare(objective_of(*from), objective_of(to), "objective", "", changes);
  compare(sources_of(*from), sources_of(to), "source", changes);
  compare(modules_of(*from), modules_of(to), "module", changes);
  const Leaves before = edges_of(*from), after = edges_of(to);
  for (const auto& [edge, ignored] : before)
    if (!after.contains(edge)) changes.push_back({"remove", "edge", edge, std::nullopt, std::nullopt});
  for (const auto& [edge, ignored] : after)
    if (!before.contains(edge)) changes.push_back({"add", "edge", edge, std::nullopt, std::nullopt});
  return changes;
}

std::vector<Change> diff_removed(const Definition& from) {
  std::vector<Change> changes{{"remove", "application", from.application.name, from.application.tenant, std::nullopt}};
  compare(sources_of(from), {}, "source", changes);
  compare(modules_of(from), {}, "module", changes);
  return changes;
}

std::string to_text(const Change& change) {
  const char sign = change.what == "add" ? '+' : change.what == "remove" ? '-' : '~';
  std::string text =
      fmt::format("{} {}", sign, change.kind == "setting" ? change.name : change.kind + ' ' + change.name);
  if (change.from && change.to) return fmt::format("{}: {} → {}", text, *change.from, *change.to);
  if (change.from || change.to) return fmt::format("{}: {}", text, change.from ? *change.from : *change.to);
  return text;
}

std::string summary(const std::vector<Change>& changes) {
  constexpr size_t kShown = 3, kLongest = 300;
  std::string text;
  for (size_t i = 0; i < std::min(kShown, changes.size()); ++i) text += (i ? "; " : "") + to_text(changes[i]);
  if (text.size() > kLongest) {
    size_t cut = kLongest;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
    text = text.substr(0, cut) + "…";
  }
  if (changes.size() > kShown) text += fmt::format("; and {} more", changes.size() - kShown);
  return text;
}

}  // namespace vedette::fleet
