#include <algorithm>
#include <cmath>

#include "vedette/graph/registry.h"
#include "vedette/media/convert.h"
#include "vedette/media/jpeg.h"

namespace vedette::modules {
namespace {

struct DecodeSettings {
  int max_width = 0;
  int max_height = 0;

  void fields(Fields& f) {
    f.whole("max_width", max_width, "wider frames are scaled down to this many pixels; 0: never",
            {0, Picture::kLargestSide});
    f.whole("max_height", max_height, "higher frames likewise; 0: never", {0, Picture::kLargestSide});
  }
};

/// Gives every frame raw pixels: video comes decoded from its source, JPEG is decoded here, on as many cores as there
/// are. What is too large is scaled down once for everything that follows, a JPEG already while it is decoded. Boxes
/// and zones stay in the camera's pixels.
class DecodeModule final : public graph::Module {
 public:
  using Settings = DecodeSettings;
  explicit DecodeModule(const Settings& settings) : settings_(settings) {}

  void start(const graph::ModuleContext& context) override { pool_ = context.pool; }

  void process(const Observation& observation, graph::Emit& emit) override {
    const Frame& frame = observation.frame();
    const auto [wide, high] = media::pixel_size(frame);
    const auto [width, height] = target(wide, high);
    const bool shrinks = width < wide;
    if (frame.picture && !shrinks) return emit(observation);

    std::shared_ptr<const Picture> picture = frame.picture;
    if (!picture) {
      media::JpegDecodeOptions options;
      if (shrinks) options.max_side_px = std::max(width, height);
      picture = media::decode_jpeg(*frame.jpeg, pool_, options);
    }
    if (picture->width() != width || picture->height() != height)
      picture = media::scaled(*picture, width, height, pool_);

    Frame decoded = frame.with_picture(std::move(picture));
    if (!shrinks) decoded.jpeg = frame.jpeg;  // the same pixels: nobody need encode them again
    emit(observation.with_frame(std::move(decoded)));
  }

 private:
  std::pair<int, int> target(int width, int height) const {
    double scale = 1;
    if (settings_.max_width > 0) scale = std::min(scale, static_cast<double>(settings_.max_width) / width);
    if (settings_.max_height > 0) scale = std::min(scale, static_cast<double>(settings_.max_height) / height);
    if (scale >= 1) return {width, height};
    return {std::max(1, static_cast<int>(std::lround(width * scale))),
            std::max(1, static_cast<int>(std::lround(height * scale)))};
  }

  const Settings settings_;
  BufferPool* pool_ = nullptr;
};

VEDETTE_MODULE(DecodeModule, {.type = "decode",
                              .summary = "Gives every frame raw pixels, scaled down if asked",
                              .concurrency = graph::Concurrency::kStateless,
                              .adds = graph::Facet::kPixels,
                              .uses_picture = true});

}  // namespace
}  // namespace vedette::modules
