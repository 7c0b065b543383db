#include <optional>

#include "vedette/graph/registry.h"
#include "vedette/media/convert.h"
#include "vedette/media/overlay.h"
#include "vedette/media/video_writer.h"
#include "vedette/modules/output_path.h"

namespace vedette::modules {
namespace {

struct VideoSettings {
  media::VideoWriterOptions writer;
  media::OverlayOptions overlay;
  bool draw = true;

  void fields(Fields& f) {
    writer.fields(f);
    f.flag("draw", draw, "draw what is known about the frame into it");
    f.group("overlay", overlay, "what is drawn");
  }
};

/// Writes a stream as MP4, with boxes, ids, traces and zones drawn in.
class VideoModule final : public graph::Module {
 public:
  using Settings = VideoSettings;
  explicit VideoModule(Settings settings) : settings_(std::move(settings)), overlay_(settings_.overlay) {}

  void start(const graph::ModuleContext& context) override {
    pool_ = context.pool;
    auto options = settings_.writer;
    options.path = output_path(options.path, context);
    claim_.emplace(options.path);
    writer_.emplace(options);
  }

  void process(const Observation& observation, graph::Emit&) override {
    const Frame& frame = observation.frame();
    if (last_sequence_ == frame.sequence) return;  // the same frame again, to carry the events that close a stream
    last_sequence_ = frame.sequence;
    const std::shared_ptr<const Picture> picture =
        settings_.draw ? overlay_.draw(observation, pool_) : media::pixels_of(frame);
    writer_->write(*picture, frame.position);
  }

  void end_of_stream(const StreamInfo&, graph::Emit&) override { writer_->finish(); }

  void stop() override {
    writer_.reset();
    claim_.reset();
  }

 private:
  const Settings settings_;
  media::Overlay overlay_;
  BufferPool* pool_ = nullptr;
  std::optional<OutputClaim> claim_;
  std::optional<media::VideoWriter> writer_;
  std::optional<uint64_t> last_sequence_;
};

VEDETTE_MODULE(VideoModule, {.type = "video",
                             .summary = "Writes a stream as MP4, with what was found drawn in",
                             .concurrency = graph::Concurrency::kPerStream,
                             .uses_picture = true,
                             .sink = true});

}  // namespace
}  // namespace vedette::modules
