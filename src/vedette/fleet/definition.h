#pragma once

#include <string>

#include "vedette/base/config.h"
#include "vedette/graph/application.h"
#include "vedette/plan/wish.h"

namespace vedette::fleet {

/// An application's YAML, read and checked.
struct Definition {
  std::string yaml;
  ConfigNode root;
  graph::Application application;
  plan::ApplicationWish wish;  ///< its version is 0
};

/// Throws Error(kInvalidConfig) that lists every fault, one a line with origin:line; Error(kUsage) for a text of more
/// than ApplicationRecord::kMaxYamlBytes.
Definition read_definition(const std::string& yaml, const std::string& origin);

/// The YAML with these settings of a module changed: `settings` is a JSON map in which null takes a setting away.
/// Comments are lost. Throws Error(kNotFound) naming the nearest module, Error(kUsage) for what is no map of settings.
std::string with_settings(const Definition& definition, const std::string& module, const std::string& settings);

}  // namespace vedette::fleet
