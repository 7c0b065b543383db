#include "vedette/graph/application.h"

#include <algorithm>
#include <map>
#include <set>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/graph/application_parts.h"
#include "vedette/graph/canonical.h"

namespace vedette::graph {
namespace {

constexpr std::string_view kSourceInput = "source";

struct ApplicationHead {
  std::string application;
  std::string tenant = "default";
  Objective objective;
  bool share = true;

  void fields(Fields& f) {
    f.required().text("application", application, "name");
    f.text("tenant", tenant, "owner");
    f.group("objective", objective, "what is asked of the whole");
    f.flag("share", share, "whether modules may serve other tenants' applications as well");
  }
};

/// What of an application's YAML is a map of free keys: adapt.models.
void parse_adapt(const ConfigNode* node, Application& application, Faults& faults) {
  if (!node) return;
  if (!node->is_map()) {
    faults.add(*node, "'adapt' must be a map with 'fps' and 'models'");
    return;
  }
  for (const auto& [key, value] : node->entries()) {
    if (key != "fps" && key != "models") {
      faults.add(value, "unknown key 'adapt." + key + "'",
                 did_you_mean(key, std::vector<std::string>{"fps", "models"}));
    } else if (key == "fps" && value.is_list()) {
      for (const auto& item : value.items()) {
        const double fps = item.is_scalar() ? item.as_float() : 0;
        const double before = application.adapt.fps.empty() ? 1000 : application.adapt.fps.back();
        if (fps <= 0 || fps >= before) {
          faults.add(item, "'adapt.fps' must list falling frame rates above 0");
          break;
        }
        application.adapt.fps.push_back(fps);
      }
    } else if (key == "models" && value.is_map()) {
      for (const auto& [module, models] : value.entries()) {
        std::vector<std::string> names;
        for (const auto& item : models.items())
          if (item.is_scalar()) names.push_back(item.text());
        if (names.empty() || names.size() != models.items().size())
          faults.add(models, "'adapt.models." + module + "' must list names of models, best first");
        application.adapt.models.emplace_back(module, std::move(names));
      }
    } else {
      faults.add(value, key == "fps" ? "'adapt.fps' must be a list" : "'adapt.models' must be a map of lists");
    }
  }
}

void check_adapt(const ConfigNode* node, const Application& application, Faults& faults) {
  if (!node) return;
  for (const auto& [name, models] : application.adapt.models) {
    const auto& modules = application.modules;
    std::vector<std::string> names;
    for (const auto& module : modules) names.push_back(module.name);
    if (std::find(names.begin(), names.end(), name) == names.end())
      faults.add(*node, "'adapt.models' names the module '" + name + "', which does not exist",
                 did_you_mean(name, names));
  }
}

class Parser {
 public:
  explicit Parser(const ConfigNode& root) : root_(root) {}

  Application parse() {
    ApplicationHead head;
    read_settings(root_, [&](Fields& f) { head.fields(f); }, faults_, {"sources", "modules", "adapt"});
    application_.share = head.share;
    application_.name = head.application;
    application_.tenant = head.tenant;
    application_.objective = head.objective;
    if (!head.application.empty() && !valid_name(head.application))
      faults_.add(*root_.find("application"), "'" + head.application + "' is no name",
                  "letters, digits, '-', '_' and '.', at most 64");
    parse_sources(root_.find("sources"), application_.sources, faults_);
    parse_modules();
    parse_adapt(root_.find("adapt"), application_, faults_);
    check_adapt(root_.find("adapt"), application_, faults_);
    const auto order = check_circles(application_, nodes_, faults_);
    check_facets(application_, order, unclear_, nodes_, faults_);
    faults_.throw_if_any();
    return std::move(application_);
  }

 private:
  void parse_modules() {
    const ConfigNode* list = root_.find("modules");
    if (!list || !list->is_list() || list->items().empty()) {
      faults_.add(list ? *list : root_, "'modules' must list at least one module");
      return;
    }
    for (const auto& item : list->items()) parse_module(item);
    for (size_t i = 0; i < nodes_.size(); ++i) resolve_inputs(i);
  }

  void parse_module(const ConfigNode& item) {
    ModuleHead head;
    ModuleSpec spec;
    spec.place = item.where();
    if (!item.is_map()) {
      faults_.add(item, "a module must be a map with a 'type'");
    } else {
      const ConfigNode* type = item.find("type");
      spec.type = type && type->is_scalar() ? find_module_type(type->text()) : nullptr;
      read_module(item, head, spec, faults_);
      if (!spec.type && type && type->is_scalar())
        faults_.add(*type, "unknown module type '" + type->text() + "'",
                    did_you_mean(type->text(), module_type_names()));
    }
    spec.name = head.name.empty() ? head.type : head.name;
    if (!spec.name.empty() && (!valid_name(spec.name) || spec.name == kSourceInput))
      faults_.add(item, "'" + spec.name + "' is no name for a module",
                  "letters, digits, '-', '_' and '.', at most 64, not 'source'");
    if (!spec.name.empty() && !index_.emplace(spec.name, application_.modules.size()).second)
      faults_.add(item, "two modules are named '" + spec.name + "'", "give one of them another 'name'");
    if (spec.type) spec.settings = canonical_json(item, kPlaceKeys, spec.type->list_settings());
    application_.modules.push_back(std::move(spec));
    inputs_.push_back(std::move(head.inputs));
    nodes_.push_back(&item);
  }

  void resolve_inputs(size_t i) {
    ModuleSpec& spec = application_.modules[i];
    const ConfigNode* node = nodes_[i];
    if (inputs_[i].empty()) {
      for (size_t above = i; above-- > 0;) {
        const ModuleType* type = application_.modules[above].type;
        if (type && type->traits.sink) continue;
        spec.inputs.push_back(above);
        return;
      }
      spec.from_source = true;
      return;
    }
    std::set<std::string> seen;
    for (const auto& input : inputs_[i]) {
      if (!seen.insert(input).second) {
        faults_.add(*node->find("inputs"), "the input '" + input + "' stands twice");
      } else if (input == kSourceInput) {
        spec.from_source = true;
      } else if (const auto found = index_.find(input); found != index_.end()) {
        spec.inputs.push_back(found->second);
        const ModuleType* type = application_.modules[found->second].type;
        if (type && type->traits.sink)
          faults_.add(*node->find("inputs"), "'" + input + "' is a sink and hands nothing on");
      } else {
        unclear_.insert(i);
        std::vector<std::string> names{std::string(kSourceInput)};
        for (const auto& module : application_.modules) names.push_back(module.name);
        faults_.add(*node->find("inputs"), "unknown input '" + input + "'", did_you_mean(input, names));
      }
    }
  }

  const ConfigNode& root_;
  Application application_;
  Faults faults_;
  std::map<std::string, size_t> index_;
  std::vector<const ConfigNode*> nodes_;           // the modules'
  std::vector<std::vector<std::string>> inputs_;  // as they are written there
  std::set<size_t> unclear_;   // modules with an input that does not exist
};

}  // namespace

void Objective::fields(Fields& f) {
  f.number("latency_p95_ms", latency_p95_ms, "from a frame's arrival to the end of the last sink; 0: not asked for",
           {0, 3.6e6});
  f.number("min_fps", min_fps, "frames a second each stream must get through; 0: not asked for", {0, 1000});
  f.whole("priority", priority, "whose objective is kept when not all can be: the greater", {0, 100});
}

Application parse_application(const ConfigNode& root) {
  if (!root.is_map())
    throw Error(ErrorCode::kInvalidConfig,
                root.where() + ": an application must be a map with 'application' and 'modules'");
  return Parser(root).parse();
}

}  // namespace vedette::graph
