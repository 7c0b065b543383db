// The edits that the command line makes to an application before it is parsed.
#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/graph/application.h"

namespace vedette::graph {
namespace {

const std::vector<std::string> kSinkKinds{"jsonl", "mot", "video", "webhook", "console"};

std::string name_of(const ConfigNode& module) {
  const ConfigNode* name = module.find("name");
  if (!name) name = module.find("type");
  return name && name->is_scalar() ? name->text() : std::string();
}

/// The value is YAML, so that --set filter.classes=[person,car] works.
ConfigNode parse_value(std::string_view text, const std::string& argument) {
  try {
    return parse_config(text, argument);
  } catch (const Error& e) {
    throw Error(ErrorCode::kUsage, e.what(), e.hint());
  }
}

ConfigNode& modules_of(ConfigNode& root) {
  ConfigNode* modules = root.is_map() ? root.find("modules") : nullptr;
  if (!modules || !modules->is_list())
    throw Error(ErrorCode::kInvalidConfig, root.where() + ": 'modules' must be a list");
  return *modules;
}

}  // namespace

void set_override(ConfigNode& root, std::string_view assignment) {
  const std::string argument = "--set " + std::string(assignment);
  const size_t equals = assignment.find('=');
  const size_t dot = assignment.find('.');
  if (equals == std::string_view::npos || dot == std::string_view::npos || dot > equals || dot == 0 ||
      dot + 1 == equals)
    throw Error(ErrorCode::kUsage, argument + ": expected module.key=value");
  const std::string module_name(assignment.substr(0, dot));
  std::string path(assignment.substr(dot + 1, equals - dot - 1));
  if (path.front() == '.' || path.back() == '.' || path.find("..") != std::string::npos)
    throw Error(ErrorCode::kUsage, argument + ": expected module.key=value");
  ConfigNode value = parse_value(assignment.substr(equals + 1), argument);

  std::vector<std::string> names;
  for (ConfigNode& module : modules_of(root).items()) {
    names.push_back(name_of(module));
    if (names.back() != module_name) continue;
    ConfigNode* at = &module;
    for (size_t next; (next = path.find('.')) != std::string::npos; path.erase(0, next + 1)) {
      const std::string key = path.substr(0, next);
      if (!at->find(key)) at->set(key, ConfigNode());
      at = at->find(key);
      if (!at->is_map() && !at->is_null())
        throw Error(ErrorCode::kUsage, argument + ": '" + key + "' is no group of settings");
    }
    at->set(path, std::move(value));
    return;
  }
  throw Error(ErrorCode::kUsage, argument + ": no module is named '" + module_name + "'",
              did_you_mean(module_name, names));
}

void replace_sources(ConfigNode& root, const std::vector<std::string>& urls) {
  if (urls.empty() || !root.is_map()) return;
  const ConfigNode* old = root.find("sources");
  ConfigNode list;
  for (const auto& url : urls) {
    ConfigNode entry;
    if (old) {
      for (const auto& item : old->items()) {
        const ConfigNode* known = item.find("url");
        if (known && known->is_scalar() && known->text() == url) entry = item;
      }
    }
    entry.set("url", ConfigNode::scalar(url, "--source " + url));
    list.push(std::move(entry));
  }
  root.set("sources", std::move(list));
}

void set_for_sources(ConfigNode& root, const std::string& key, const std::string& value) {
  ConfigNode* list = root.is_map() ? root.find("sources") : nullptr;
  if (!list || !list->is_list()) return;
  for (auto& item : list->items()) {
    if (item.is_scalar()) {
      ConfigNode map;
      map.set("url", item);
      item = std::move(map);
    }
    if (item.is_map()) item.set(key, ConfigNode::scalar(value, "--" + value));
  }
}

void append_sink(ConfigNode& root, std::string_view kind_and_path) {
  const std::string argument = "--sink " + std::string(kind_and_path);
  const size_t colon = kind_and_path.find(':');
  const std::string kind(kind_and_path.substr(0, colon));
  if (std::find(kSinkKinds.begin(), kSinkKinds.end(), kind) == kSinkKinds.end())
    throw Error(ErrorCode::kUsage, argument + ": unknown kind of sink '" + kind + "'", did_you_mean(kind, kSinkKinds));
  const bool has_path = colon != std::string_view::npos && colon + 1 < kind_and_path.size();
  if (!has_path && (kind != "console" || colon != std::string_view::npos))
    throw Error(ErrorCode::kUsage, argument + ": expected " + kind + ":PATH");

  ConfigNode& modules = modules_of(root);
  const auto taken = [&](const std::string& name) {
    return std::any_of(modules.items().begin(), modules.items().end(),
                       [&](const ConfigNode& m) { return name_of(m) == name; });
  };
  std::string name = kind;
  for (int n = 2; taken(name); ++n) name = kind + "-" + std::to_string(n);

  ConfigNode module;
  module.set("type", ConfigNode::scalar(kind, argument));
  module.set("name", ConfigNode::scalar(name, argument));
  if (has_path)
    module.set(kind == "webhook" ? "url" : "path",
               ConfigNode::scalar(std::string(kind_and_path.substr(colon + 1)), argument));
  modules.push(std::move(module));
}

}  // namespace vedette::graph
