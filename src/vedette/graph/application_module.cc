// One module of an application: the keys that every module has, and its type's own.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <thread>

#include "vedette/base/nearest.h"
#include "vedette/graph/application_parts.h"
#include "vedette/graph/containers.h"

namespace vedette::graph {

void ModuleHead::fields(Fields& f) {
  f.required().text("type", type, "module type");
  f.text("name", name, "unique within the application; default: the type");
  f.texts("inputs", inputs, "names of modules, or 'source'; default: the nearest module above that is not a sink");
  f.group("queue", queue, "the module's input queue");
  f.text("parallel", parallel,
         "stateless modules: calls at the same time; 0: one a core; auto: more than one only when a call takes longer "
         "than the frame interval");
  f.check(
      [this] { return calls() ? "" : "'parallel' must be auto or a number from 0 to 1024, not '" + parallel + "'"; });
  pin.fields(f);
}

std::optional<Parallel> ModuleHead::calls() const {
  if (parallel == "auto") return Parallel{.automatic = true};
  size_t number = 0;
  const auto [end, error] = std::from_chars(parallel.data(), parallel.data() + parallel.size(), number);
  if (error != std::errc{} || end != parallel.data() + parallel.size() || number > 1024) return std::nullopt;
  return Parallel{.calls = number};
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

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  });
}

std::vector<std::string> module_type_names() {
  std::vector<std::string> names;
  for (const auto* type : module_types()) names.push_back(type->traits.type);
  return names;
}

void read_module(const ConfigNode& map, ModuleHead& head, ModuleSpec& spec, Faults& faults) {
  // The head's keys first; everything else is the module's own and is checked by its type.
  std::vector<std::string> own;
  for (const auto& [key, value] : map.entries())
    if (!contains(kModuleKeys, key)) own.push_back(key);
  read_settings(map, [&](Fields& f) { head.fields(f); }, faults, own);
  spec.queue = head.queue;
  spec.parallel = head.calls().value_or(Parallel{});
  spec.pin = head.pin.pin();
  if (!spec.type) return;
  auto configured = spec.type->configure(map, faults, kModuleKeys);
  spec.factory = std::move(configured.factory);
  spec.traits = std::move(configured.traits);
}

ModuleSpec parse_module(const std::string& type, const std::string& settings) {
  ModuleSpec spec;
  spec.name = type;
  spec.type = find_module_type(type);
  spec.settings = settings;
  if (!spec.type) {
    throw Error(ErrorCode::kInvalidConfig, "this program knows no module type '" + type + "'",
                did_you_mean(type, module_type_names()));
  }
  ConfigNode map = parse_config(settings, "settings of '" + type + "'");
  map.set("type", ConfigNode::scalar(type, "settings"));
  Faults faults;
  ModuleHead head;
  read_module(map, head, spec, faults);
  faults.throw_if_any();
  return spec;
}

}  // namespace vedette::graph
