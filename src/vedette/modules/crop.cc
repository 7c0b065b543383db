#include <algorithm>

#include "vedette/frame/scale.h"
#include "vedette/graph/registry.h"
#include "vedette/media/convert.h"
#include "vedette/modules/region.h"

namespace vedette::modules {
namespace {

struct CropSettings {
  std::vector<std::string> classes;
  double pad = 0.1;
  int min_width_px = 8;
  int min_height_px = 8;
  int max_objects = 16;

  void fields(Fields& f) {
    f.texts("classes", classes, "classes to cut out; none: all");
    f.number("pad", pad, "margin on each side, as a fraction of the box's width and height", {0, 2});
    f.whole("min_width_px", min_width_px, "narrower boxes are left uncut", {1, Picture::kLargestSide});
    f.whole("min_height_px", min_height_px, "lower boxes are left uncut", {1, Picture::kLargestSide});
    f.whole("max_objects", max_objects, "at most so many of a frame, the largest first", {1, 1000});
  }
};

/// Cuts each object's pixels out of the frame into Object::crop, as kBgr (kGray stays). Objects that are too small, too
/// many or outside the frame stay, without a crop. Sizes are those of the pixels that are there to be cut out.
class CropModule final : public graph::Module {
 public:
  using Settings = CropSettings;
  explicit CropModule(Settings settings) : settings_(std::move(settings)) {}

  void start(const graph::ModuleContext& context) override { pool_ = context.pool; }

  void process(const Observation& observation, graph::Emit& emit) override {
    if (observation.objects().empty()) return emit(observation);
    const auto pixels = media::pixels_of(observation.frame());
    const Scale scale = to_pixels(observation.frame(), *pixels);
    const Box whole{0, 0, static_cast<float>(pixels->width()), static_cast<float>(pixels->height())};
    std::vector<Object> objects(observation.objects().begin(), observation.objects().end());
    std::vector<std::pair<float, size_t>> chosen;  // visible area, index
    for (size_t i = 0; i < objects.size(); ++i) {
      objects[i].crop = nullptr;
      const Box seen = intersection(scale(objects[i].box), whole);
      if (is_of(objects[i], settings_.classes) && seen.width >= static_cast<float>(settings_.min_width_px) &&
          seen.height >= static_cast<float>(settings_.min_height_px))
        chosen.emplace_back(seen.area(), i);
    }
    std::stable_sort(chosen.begin(), chosen.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    chosen.resize(std::min(chosen.size(), static_cast<size_t>(settings_.max_objects)));

    for (const auto& [area, i] : chosen) {
      auto cut = media::crop(*pixels, padded(scale(objects[i].box)), pool_);
      if (cut && cut->format() == PixelFormat::kI420) cut = media::to_bgr(*cut, pool_);
      objects[i].crop = std::move(cut);
    }
    emit(observation.with_objects(std::move(objects)));
  }

 private:
  Box padded(const Box& box) const {
    const float across = box.width * static_cast<float>(settings_.pad),
                down = box.height * static_cast<float>(settings_.pad);
    return {box.x - across, box.y - down, box.width + 2 * across, box.height + 2 * down};
  }

  const Settings settings_;
  BufferPool* pool_ = nullptr;
};

VEDETTE_MODULE(CropModule, {.type = "crop",
                            .summary = "Cuts each object's pixels out of the frame",
                            .concurrency = graph::Concurrency::kStateless,
                            .reads = graph::Facet::kPixels | graph::Facet::kObjects,
                            .adds = graph::Facet::kCrops});

}  // namespace
}  // namespace vedette::modules
