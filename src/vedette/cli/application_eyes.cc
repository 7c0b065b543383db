#include "vedette/cli/application_eyes.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::cli {
namespace {

bool has(graph::Facet all, graph::Facet one) { return (all & one) != graph::Facet::kNone; }

bool without_memory(const graph::ModuleSpec& spec) {
  return spec.traits.concurrency == graph::Concurrency::kStateless && !spec.traits.sink;
}

/// Keeps the one observation that a module hands on.
class Keep final : public graph::Emit {
 public:
  void operator()(Observation observation) override { kept = std::move(observation); }
  void drop(std::string_view) override { kept.reset(); }
  std::optional<Observation> kept;
};

/// From the sources to the first module that finds objects, then the filters that follow it one by one.
std::vector<size_t> way_to_objects(const graph::Application& application, const std::string& path) {
  const auto& modules = application.modules;
  const auto finder = std::find_if(modules.begin(), modules.end(), [](const graph::ModuleSpec& m) {
    return without_memory(m) && has(m.traits.adds, graph::Facet::kObjects);
  });
  if (finder == modules.end())
    throw Error(ErrorCode::kInvalidConfig, path + ": no module of the application finds objects",
                "it needs a detect module");
  std::vector<size_t> way;
  for (auto at = static_cast<size_t>(finder - modules.begin());; at = modules[at].inputs.front()) {
    if (without_memory(modules[at])) way.push_back(at);
    if (modules[at].from_source || modules[at].inputs.empty() || way.size() > modules.size()) break;
  }
  std::reverse(way.begin(), way.end());
  for (bool found = true; found;) {
    found = false;
    for (size_t i = 0; i < modules.size() && !found; ++i) {
      const graph::ModuleSpec& m = modules[i];
      found = m.inputs == std::vector<size_t>{way.back()} && without_memory(m) &&
              has(m.traits.reads, graph::Facet::kObjects) && m.traits.adds == graph::Facet::kNone;
      if (found) way.push_back(i);
    }
  }
  return way;
}

graph::Application load(const std::string& path, const std::string& source) {
  ConfigNode root = load_config(path);
  graph::replace_sources(root, {source});
  return graph::parse_application(root);
}

}  // namespace

ApplicationEyes::ApplicationEyes(const std::string& path, const std::string& source)
    : application_(load(path, source)), way_(way_to_objects(application_, path)) {
  auto stream = std::make_shared<StreamInfo>();
  stream->name = "clip";
  stream_ = std::move(stream);
  for (const size_t i : way_) {
    const graph::ModuleSpec& spec = application_.modules[i];
    graph::ModuleContext context;
    context.application = application_.name;
    context.module = spec.name;
    context.pool = &pool_;
    auto module = spec.factory();
    module->start(context);
    started_.push_back(std::move(module));
  }
}

ApplicationEyes::~ApplicationEyes() {
  for (const auto& module : started_) module->stop();
}

std::vector<std::string> ApplicationEyes::modules() const {
  std::vector<std::string> names;
  for (const size_t i : way_) names.push_back(application_.modules[i].name);
  return names;
}

std::vector<Object> ApplicationEyes::look(const std::shared_ptr<const Picture>& picture) {
  auto frame = std::make_shared<Frame>();
  frame->stream = stream_;
  frame->sequence = next_++;
  frame->picture = picture;
  frame->width = picture->width();
  frame->height = picture->height();
  Keep keep;
  keep.kept.emplace(std::move(frame));
  for (const auto& module : started_) {
    const Observation input = *std::exchange(keep.kept, std::nullopt);
    module->process(input, keep);
    if (!keep.kept) return {};
  }
  return {keep.kept->objects().begin(), keep.kept->objects().end()};
}

}  // namespace vedette::cli
