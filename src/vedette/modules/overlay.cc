#include "vedette/media/overlay.h"

#include "vedette/graph/registry.h"

namespace vedette::modules {
namespace {

/// Draws what is known about a frame into a copy of it and hands that on: for whoever wants pictures with boxes in them
/// further down. Video sinks and the console draw by themselves.
class OverlayModule final : public graph::Module {
 public:
  using Settings = media::OverlayOptions;
  explicit OverlayModule(const Settings& settings) : overlay_(settings) {}

  void start(const graph::ModuleContext& context) override { pool_ = context.pool; }

  void process(const Observation& observation, graph::Emit& emit) override {
    emit(observation.with_frame(observation.frame().with_picture(overlay_.draw(observation, pool_))));
  }

 private:
  media::Overlay overlay_;
  BufferPool* pool_ = nullptr;
};

VEDETTE_MODULE(OverlayModule, {.type = "overlay",
                               .summary = "Draws boxes, labels, ids, traces and zones into the picture",
                               .concurrency = graph::Concurrency::kPerStream,
                               .reads = graph::Facet::kPixels});

}  // namespace
}  // namespace vedette::modules
