#include "vedette/fleet/definition.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/fleet/wanted.h"
#include "vedette/fleet/yaml_text.h"
#include "vedette/graph/executor.h"

namespace vedette::fleet {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 16;

/// A JSON value as YAML in one line.
std::string flow_of(const json& value, int depth) {
  if (depth > kMaxDepth) throw Error(ErrorCode::kUsage, "the settings are nested too deeply");
  std::string out;
  if (value.is_object()) {
    for (const auto& [key, entry] : value.items())
      out += (out.empty() ? "" : ", ") + json(key).dump() + ": " + flow_of(entry, depth + 1);
    return '{' + out + '}';
  }
  if (value.is_array()) {
    for (const json& item : value) out += (out.empty() ? "" : ", ") + flow_of(item, depth + 1);
    return '[' + out + ']';
  }
  return value.is_null() ? "~" : value.dump();
}

ConfigNode without(const ConfigNode& map, const std::string& key) {
  ConfigNode copy = parse_config("{}", "the application");
  for (const auto& [name, value] : map.entries())
    if (name != key) copy.set(name, value);
  return copy;
}

}  // namespace

Definition read_definition(const std::string& yaml, const std::string& origin) {
  if (yaml.size() > ApplicationRecord::kMaxYamlBytes)
    throw Error(ErrorCode::kUsage, fmt::format("{} has {} bytes", origin, yaml.size()),
                fmt::format("an application has at most {}", ApplicationRecord::kMaxYamlBytes));
  Definition definition;
  definition.yaml = yaml;
  definition.root = parse_config(yaml, origin);
  definition.application = graph::parse_application(definition.root);
  definition.wish = graph::wish_of(definition.application);
  return definition;
}

std::string with_settings(const Definition& definition, const std::string& module, const std::string& settings) {
  json changes;
  try {
    changes = json::parse(settings);
  } catch (const json::exception& e) {
    throw Error(ErrorCode::kUsage, std::string("the settings do not read as JSON: ") + e.what());
  }
  if (!changes.is_object() || changes.empty())
    throw Error(ErrorCode::kUsage, "the settings must be a JSON map with at least one entry", "{\"score\": 0.5}");
  const auto& modules = definition.application.modules;
  std::vector<std::string> names;
  size_t index = modules.size();
  for (size_t i = 0; i < modules.size(); ++i) {
    names.push_back(modules[i].name);
    if (modules[i].name == module) index = i;
  }
  if (index == modules.size())
    throw Error(ErrorCode::kNotFound,
                fmt::format("'{}' has no module '{}'", definition.application.name, module.substr(0, 64)),
                did_you_mean(module, names));
  ConfigNode root = definition.root;
  ConfigNode& target = root.find("modules")->items().at(index);
  for (const auto& [key, value] : changes.items()) {
    if (key == "type" || key == "name" || key == "inputs")
      throw Error(ErrorCode::kUsage, fmt::format("'{}' is no setting of a module", key),
                  "to change what an application consists of, apply its YAML");
    if (value.is_null()) {
      target = without(target, key);
    } else {
      const std::string text = "{\"value\": " + flow_of(value, 0) + "}";
      target.set(key, *parse_config(text, "settings").find("value"));
    }
  }
  return to_yaml(root);
}

}  // namespace vedette::fleet
