#include "vedette/graph/executor.h"

#include "vedette/graph/network.h"

namespace vedette::graph {
namespace {

plan::Scope scope_of(Concurrency concurrency) {
  switch (concurrency) {
    case Concurrency::kStateless: return plan::Scope::kStateless;
    case Concurrency::kPerStream: return plan::Scope::kPerStream;
    case Concurrency::kGlobal: return plan::Scope::kGlobal;
  }
  return plan::Scope::kGlobal;
}

bool reads(const ModuleSpec& module, Facet facet) { return (module.traits.reads & facet) != Facet::kNone; }

}  // namespace

PlanError::PlanError(const Error& cause, std::vector<std::string> applications)
    : Error(cause.code(), cause.what(), cause.hint()), applications_(std::move(applications)) {}

Executor::Executor(Options options) : network_(std::make_unique<Network>(std::move(options), &services_)) {}
Executor::~Executor() = default;

void Executor::connect(Exchange& exchange) { network_->connect(exchange); }
void Executor::apply(const plan::NodePlan& plan) { network_->apply(plan); }
void Executor::drain(Duration limit) { network_->drain(limit); }
bool Executor::wait_finished(std::stop_token stop) { return network_->wait_finished(stop); }
std::vector<ApplicationStatus> Executor::status() const { return network_->status(); }
std::vector<StreamStatus> Executor::streams() const { return network_->streams(); }
std::vector<ModuleStatus> Executor::modules() const { return network_->modules(); }

void Executor::start(std::span<const Application> applications) {
  std::vector<plan::ApplicationWish> wishes;
  for (const auto& application : applications) {
    for (const auto& other : wishes)
      if (other.name == application.name)
        throw Error(ErrorCode::kInvalidConfig, "two applications are named '" + application.name + "'",
                    "give one of them another name");
    wishes.push_back(wish_of(application));
    for (auto& source : wishes.back().sources) source.pin = {};
    for (auto& module : wishes.back().modules) module.pin = {};
  }
  network_->apply(plan::plan_for_one(wishes, "local", 1));
}

plan::ApplicationWish wish_of(const Application& application) {
  plan::ApplicationWish wish;
  wish.name = application.name;
  wish.tenant = application.tenant;
  wish.priority = application.objective.priority;
  wish.share = application.share;
  wish.objective = {application.objective.latency_p95_ms, application.objective.min_fps};
  wish.allowance.fps = application.adapt.fps;
  wish.allowance.models = {application.adapt.models.begin(), application.adapt.models.end()};
  for (const auto& source : application.sources)
    wish.sources.push_back(
        {.name = source.name, .settings = source.settings, .pin = source.pin, .fps = source.options.max_fps});
  for (const auto& module : application.modules) {
    plan::ModuleWish& added = wish.modules.emplace_back();
    added.name = module.name;
    added.type = module.traits.type;
    added.settings = module.settings;
    if (module.from_source) added.inputs.emplace_back(plan::kSource);
    for (const size_t input : module.inputs) added.inputs.push_back(application.modules[input].name);
    added.scope = scope_of(module.traits.concurrency);
    added.sink = module.traits.sink;
    added.reads_pixels = module.traits.uses_picture || reads(module, Facet::kPixels);
    added.reads_crops = module.traits.uses_crops || reads(module, Facet::kCrops);
    added.pin = module.pin;
  }
  return wish;
}

}  // namespace vedette::graph
