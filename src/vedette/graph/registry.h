#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/settings.h"
#include "vedette/graph/module.h"

namespace vedette::graph {

/// What a module type says of itself.
struct ModuleTraits {
  std::string type;     ///< as applications name it
  std::string summary;  ///< one line for the reference page
  Concurrency concurrency = Concurrency::kPerStream;
  Facet reads = Facet::kNone;
  Facet adds = Facet::kNone;
  bool uses_picture = false;  ///< looks at the frame's picture or JPEG when there is one; implied by reading kPixels
  bool uses_crops = false;    ///< likewise of the objects' pixels; implied by reading kCrops
  bool sink = false;  ///< hands nothing on; modules that come after it in a file read from the one before it
};

using ModuleFactory = std::function<std::unique_ptr<Module>()>;

/// A module type with settings.
struct ConfiguredModule {
  ModuleFactory factory;
  ModuleTraits traits;  ///< the type's, as the settings adjust them
};

/// A registered module type: its traits, and how settings become instances.
struct ModuleType {
  ModuleTraits traits;
  /// Reads the settings out of a module's YAML map (passing over `reserved` keys); adds to `faults` what is wrong.
  std::function<ConfiguredModule(const ConfigNode&, Faults&, const std::vector<std::string>& reserved)> configure;
  std::function<std::vector<FieldDoc>()> list_settings;
};

/// The registry is filled by static initialisers (VEDETTE_MODULE) before main and only read afterwards.
const ModuleType* find_module_type(std::string_view type);
std::vector<const ModuleType*> module_types();  ///< sorted by name
void register_module_type(ModuleType type);     ///< asserts that the name is new

template <typename M>
struct ModuleRegistration {
  explicit ModuleRegistration(ModuleTraits traits) {
    using Settings = typename M::Settings;
    const auto configure = [traits](const ConfigNode& map, Faults& faults, const std::vector<std::string>& reserved) {
      const auto settings = read_settings<Settings>(map, faults, reserved);
      ConfiguredModule module{[settings] { return std::make_unique<M>(settings); }, traits};
      if constexpr (requires { settings.adjust(module.traits); }) settings.adjust(module.traits);
      return module;
    };
    register_module_type({std::move(traits), configure, [] { return vedette::list_settings<Settings>(); }});
  }
};

/// Registers a module class. It has a nested `Settings` struct (see base/settings.h) and a constructor that takes one.
/// Settings on which the traits depend have `void adjust(graph::ModuleTraits&) const`.
#define VEDETTE_MODULE(Class, ...) \
  static const ::vedette::graph::ModuleRegistration<Class> registered_##Class(__VA_ARGS__)

}  // namespace vedette::graph
