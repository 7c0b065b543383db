#include "vedette/graph/application.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/graph/canonical.h"

namespace vedette::graph {
namespace {

const std::vector<std::string> kModuleKeys{"type", "name", "inputs", "queue", "parallel", "node", "labels"};
/// Of a module and a source: what says where they stand and run, not what they do.
const std::vector<std::string> kPlaceKeys{"type", "name", "inputs", "node", "labels"};
constexpr std::string_view kSourceInput = "source";

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

struct PinFields {
  std::string node;
  std::vector<std::pair<std::string, std::string>> labels;

  void fields(Fields& f) {
    f.text("node", node, "on a fleet: only on the node of this name");
    f.pairs("labels", labels, "on a fleet: only on nodes with all of these labels");
  }
  plan::Pin pin() const { return {node, {labels.begin(), labels.end()}}; }
};

struct ModuleHead {
  std::string type;
  std::string name;
  std::vector<std::string> inputs;
  QueueSpec queue;
  std::string parallel = "0";
  PinFields pin;

  void fields(Fields& f) {
    f.required().text("type", type, "module type");
    f.text("name", name, "unique within the application; default: the type");
    f.texts("inputs", inputs, "names of modules, or 'source'; default: the nearest module above that is not a sink");
    f.group("queue", queue, "the module's input queue");
    f.text(
        "parallel", parallel,
        "stateless modules: calls at the same time; 0: one a core; auto: more than one only when a call takes longer "
        "than the frame interval");
    f.check(
        [this] { return calls() ? "" : "'parallel' must be auto or a number from 0 to 1024, not '" + parallel + "'"; });
    pin.fields(f);
  }
  std::optional<Parallel> calls() const {
    if (parallel == "auto") return Parallel{.automatic = true};
    size_t number = 0;
    const auto [end, error] = std::from_chars(parallel.data(), parallel.data() + parallel.size(), number);
    if (error != std::errc{} || end != parallel.data() + parallel.size() || number > 1024) return std::nullopt;
    return Parallel{.calls = number};
  }
};

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

struct SourceEntry {
  std::string name;
  media::SourceOptions options;
  PinFields pin;

  void fields(Fields& f) {
    f.text("name", name, "unique within the application; default: made from the URL");
    options.fields(f);
    pin.fields(f);
  }
};

std::vector<FieldDoc> source_fields() {
  SourceEntry entry;
  return list_settings([&](Fields& f) { entry.fields(f); });
}

/// A source that is nothing but a URL, as a map.
ConfigNode as_map(const ConfigNode& item) {
  if (!item.is_scalar()) return item;
  ConfigNode map;
  map.set("url", item);
  return map;
}

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  });
}

/// A name for a source that has none: the last part of its URL, made valid and unique.
std::string name_from_url(const std::string& url, const std::set<std::string>& taken) {
  std::string path = media::without_credentials(url);
  if (const size_t query = path.find('?'); query != std::string::npos && path.find("://") != std::string::npos)
    path.resize(query);
  while (!path.empty() && path.back() == '/') path.pop_back();
  const size_t slash = path.find_last_of('/');
  std::string base = slash == std::string::npos ? path : path.substr(slash + 1);
  if (const size_t dot = base.find_last_of('.'); dot != std::string::npos && dot > 0) base.resize(dot);
  std::string name;
  for (const unsigned char c : base.substr(0, 48))
    name += std::isalnum(c) || c == '-' || c == '_' || c == '.' ? static_cast<char>(c) : '-';
  if (name.empty()) name = "camera";
  std::string unique = name;
  for (int n = 2; taken.contains(unique); ++n) unique = name + "-" + std::to_string(n);
  return unique;
}

void parse_sources(const ConfigNode* list, std::vector<SourceSpec>& sources, Faults& faults) {
  if (!list) return;
  if (!list->is_list()) {
    faults.add(*list, "'sources' must be a list");
    return;
  }
  std::set<std::string> taken;
  for (const auto& item : list->items()) {
    SourceEntry entry;
    if (item.is_scalar()) {
      entry.options.url = item.text();
    } else {
      read_settings(item, [&](Fields& f) { entry.fields(f); }, faults);
    }
    if (entry.name.empty()) entry.name = name_from_url(entry.options.url, taken);
    if (!valid_name(entry.name))
      faults.add(item, "'" + entry.name + "' is no name", "letters, digits, '-', '_' and '.', at most 64");
    if (!taken.insert(entry.name).second) faults.add(item, "two sources are named '" + entry.name + "'");
    SourceSpec spec{
        .name = std::move(entry.name), .options = std::move(entry.options), .settings = {}, .pin = entry.pin.pin()};
    if (item.is_map() || item.is_scalar()) spec.settings = canonical_json(as_map(item), kPlaceKeys, source_fields());
    sources.push_back(std::move(spec));
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
    check_cycles();
    check_facets();
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
    for (size_t i = 0; i < heads_.size(); ++i) resolve_inputs(i);
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
      // The head's keys first; everything else is the module's own and is checked by its type.
      std::vector<std::string> own;
      for (const auto& [key, value] : item.entries())
        if (std::find(kModuleKeys.begin(), kModuleKeys.end(), key) == kModuleKeys.end()) own.push_back(key);
      read_settings(item, [&](Fields& f) { head.fields(f); }, faults_, own);
      if (spec.type) {
        auto configured = spec.type->configure(item, faults_, kModuleKeys);
        spec.factory = std::move(configured.factory);
        spec.traits = std::move(configured.traits);
      } else if (type && type->is_scalar()) {
        std::vector<std::string> known;
        for (const auto* t : module_types()) known.push_back(t->traits.type);
        faults_.add(*type, "unknown module type '" + type->text() + "'", did_you_mean(type->text(), known));
      }
    }
    spec.name = head.name.empty() ? head.type : head.name;
    if (!spec.name.empty() && (!valid_name(spec.name) || spec.name == kSourceInput))
      faults_.add(item, "'" + spec.name + "' is no name for a module",
                  "letters, digits, '-', '_' and '.', at most 64, not 'source'");
    if (!spec.name.empty() && !index_.emplace(spec.name, application_.modules.size()).second)
      faults_.add(item, "two modules are named '" + spec.name + "'", "give one of them another 'name'");
    spec.queue = head.queue;
    spec.parallel = head.calls().value_or(Parallel{});
    spec.pin = head.pin.pin();
    if (spec.type) spec.settings = canonical_json(item, kPlaceKeys, spec.type->list_settings());
    application_.modules.push_back(std::move(spec));
    heads_.emplace_back(std::move(head), &item);
  }

  void resolve_inputs(size_t i) {
    ModuleSpec& spec = application_.modules[i];
    const auto& [head, node] = heads_[i];
    if (head.inputs.empty()) {
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
    for (const auto& input : head.inputs) {
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

  /// Kahn's algorithm, with the flow and then against it; what is left over lies on cycles or between them.
  void check_cycles() {
    const auto& modules = application_.modules;
    std::vector<std::vector<size_t>> inputs(modules.size()), readers(modules.size());
    for (size_t i = 0; i < modules.size(); ++i) {
      inputs[i] = modules[i].inputs;
      for (const size_t input : inputs[i]) readers[input].push_back(i);
    }
    order_ = peel(inputs, readers);
    if (order_.size() == modules.size()) return;
    std::set<size_t> circle;
    for (size_t i = 0; i < modules.size(); ++i) circle.insert(i);
    for (const auto& peeled : {order_, peel(readers, inputs)})
      for (const size_t i : peeled) circle.erase(i);
    std::vector<std::string> names;
    for (const size_t i : circle) names.push_back(modules[i].name);
    faults_.add(*heads_[*circle.begin()].second,
                fmt::format("the inputs run in a circle through {}", fmt::join(names, ", ")),
                "an application must flow from sources to sinks");
  }

  /// Takes away, one after the other, what has nothing (left) in `before`; `after` are the same edges the other way
  /// round.
  static std::vector<size_t> peel(const std::vector<std::vector<size_t>>& before,
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

  /// Where another fault hides what a module is or reads from, everything is taken to be there: one mistake, one line.
  void check_facets() {
    std::vector<Facet> available(application_.modules.size());
    for (const size_t i : order_) {
      const ModuleSpec& module = application_.modules[i];
      if (!module.type || unclear_.contains(i)) {
        available[i] = ~Facet::kNone;
        continue;
      }
      Facet have = module.from_source ? Facet::kNone : ~Facet::kNone;
      for (const size_t input : module.inputs) have = have & available[input];
      for (const auto& [facet, name, hint] : kFacets) {
        if ((module.traits.reads & facet) != Facet::kNone && (have & facet) == Facet::kNone)
          faults_.add(*heads_[i].second, fmt::format("'{}' reads {}, which nothing before it adds", module.name, name),
                      std::string(hint));
      }
      available[i] = have | module.traits.adds;
    }
  }

  const ConfigNode& root_;
  Application application_;
  Faults faults_;
  std::map<std::string, size_t> index_;
  std::vector<std::pair<ModuleHead, const ConfigNode*>> heads_;
  std::set<size_t> unclear_;   // modules with an input that does not exist
  std::vector<size_t> order_;  // from sources to sinks
};

}  // namespace

void Objective::fields(Fields& f) {
  f.number("latency_p95_ms", latency_p95_ms, "from a frame's arrival to the end of the last sink; 0: not asked for",
           {0, 3.6e6});
  f.number("min_fps", min_fps, "frames a second each stream must get through; 0: not asked for", {0, 1000});
  f.whole("priority", priority, "whose objective is kept when not all can be: the greater", {0, 100});
}

void QueueSpec::fields(Fields& f) {
  f.whole("size", size, "observations a stream; 0: one a core, at least 4", {0, 1024});
  f.choice("when_full", when_full,
           {{"auto", WhenFull::kAuto},
            {"block", WhenFull::kBlock},
            {"latest", WhenFull::kLatest},
            {"drop_oldest", WhenFull::kDropOldest}},
           "what happens to one observation more; auto: latest right behind a live source, else block");
}

QueueOptions QueueSpec::resolve(bool behind_live_source) const {
  const size_t automatic = std::max<size_t>(4, std::thread::hardware_concurrency());
  QueueOptions options{.capacity = size > 0 ? static_cast<size_t>(size) : automatic,
                       .when_full = graph::WhenFull::kBlock};
  if (when_full == WhenFull::kLatest || (when_full == WhenFull::kAuto && behind_live_source))
    options.when_full = graph::WhenFull::kLatest;
  if (when_full == WhenFull::kDropOldest) options.when_full = graph::WhenFull::kDropOldest;
  return options;
}

Application parse_application(const ConfigNode& root) {
  if (!root.is_map())
    throw Error(ErrorCode::kInvalidConfig,
                root.where() + ": an application must be a map with 'application' and 'modules'");
  return Parser(root).parse();
}

ModuleSpec parse_module(const std::string& type, const std::string& settings) {
  ModuleSpec spec;
  spec.name = type;
  spec.type = find_module_type(type);
  spec.settings = settings;
  if (!spec.type) {
    std::vector<std::string> known;
    for (const auto* t : module_types()) known.push_back(t->traits.type);
    throw Error(ErrorCode::kInvalidConfig, "this program knows no module type '" + type + "'",
                did_you_mean(type, known));
  }
  ConfigNode map = parse_config(settings, "settings of '" + type + "'");
  map.set("type", ConfigNode::scalar(type, "settings"));
  Faults faults;
  ModuleHead head;
  std::vector<std::string> own;
  for (const auto& [key, value] : map.entries())
    if (std::find(kModuleKeys.begin(), kModuleKeys.end(), key) == kModuleKeys.end()) own.push_back(key);
  read_settings(map, [&](Fields& f) { head.fields(f); }, faults, own);
  auto configured = spec.type->configure(map, faults, kModuleKeys);
  spec.factory = std::move(configured.factory);
  spec.traits = std::move(configured.traits);
  faults.throw_if_any();
  spec.queue = head.queue;
  spec.parallel = head.calls().value_or(Parallel{});
  return spec;
}

media::SourceOptions parse_source(const std::string& settings) {
  Faults faults;
  auto options = read_settings<media::SourceOptions>(parse_config(settings, "settings of a source"), faults);
  faults.throw_if_any();
  return options;
}

}  // namespace vedette::graph
