#include "vedette/graph/registry.h"
#include "vedette/live/hub.h"

namespace vedette::modules {
namespace {

struct ConsoleSettings {
  void fields(Fields&) {}
};

/// Shows a stream in the web console. Costs next to nothing while nobody watches; does nothing in a process without a
/// console.
class ConsoleModule final : public graph::Module {
 public:
  using Settings = ConsoleSettings;
  explicit ConsoleModule(const Settings&) {}

  void start(const graph::ModuleContext& context) override {
    hub_ = context.service<live::Hub>();
    application_ = context.application;
  }

  void process(const Observation& observation, graph::Emit&) override {
    if (hub_) hub_->publish(application_, observation);
  }

  void end_of_stream(const StreamInfo& stream, graph::Emit&) override {
    if (hub_) hub_->end_of_stream(application_, stream.name);
  }

 private:
  live::Hub* hub_ = nullptr;
  std::string application_;
};

VEDETTE_MODULE(ConsoleModule, {.type = "console",
                               .summary = "Shows streams, objects, events and zone counts in the web console",
                               .concurrency = graph::Concurrency::kPerStream,
                               .uses_picture = true,
                               .sink = true});

}  // namespace
}  // namespace vedette::modules
