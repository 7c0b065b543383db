#include <algorithm>

#include "vedette/graph/registry.h"
#include "vedette/modules/polygon.h"
#include "vedette/modules/region.h"

namespace vedette::modules {
namespace {

enum class Inside { kAny, kNone };

/// Least and most of a measure; 0 means no limit.
struct Limits {
  double min = 0;
  double max = 0;

  bool allow(double value) const { return value >= min && (max <= 0 || value <= max); }
};

struct FilterSettings {
  std::vector<std::string> classes;
  double min_score = 0;
  double max_score = 1;
  Limits width, height, area;
  Units size_units = Units::kPixels;
  std::vector<RegionSettings> zones;
  Inside inside = Inside::kAny;
  Anchor anchor = Anchor::kFoot;
  bool drop_empty = false;

  void fields(Fields& f) {
    f.texts("classes", classes, "classes to keep; none: all");
    f.number("min_score", min_score, "least score to keep", {0, 1});
    f.number("max_score", max_score, "greatest score to keep", {0, 1});
    const auto limits = [&](const std::string& what, Limits& l) {
      f.number("min_" + what, l.min, "least " + what + " of a box", {0, 1e9});
      f.number("max_" + what, l.max, "greatest " + what + " of a box; 0: any", {0, 1e9});
    };
    limits("width", width);
    limits("height", height);
    limits("area", area);
    f.choice("size_units", size_units, {{"px", Units::kPixels}, {"fraction", Units::kFraction}},
             "of widths, heights and areas: pixels, or fractions of the frame's");
    f.groups("zones", zones, "polygons that the anchor is looked for in; none: everywhere");
    f.choice("inside", inside, {{"any", Inside::kAny}, {"none", Inside::kNone}},
             "keep what lies in any of the zones, or what lies in none of them");
    anchor_field(f, anchor);
    f.flag("drop_empty", drop_empty, "hand on only frames in which something is left (or that tell an event)");
    f.check([this] { return fault(); });
  }

  std::string fault() const {
    if (min_score > max_score) return "min_score is above max_score: nothing would pass";
    for (const auto& [limits, what] : {std::pair{width, "width"}, {height, "height"}, {area, "area"}}) {
      if (limits.max > 0 && limits.min > limits.max)
        return std::string("min_") + what + " is above max_" + what + ": nothing would pass";
      if (size_units == Units::kFraction && (limits.min > 1 || limits.max > 1))
        return std::string(what) + ": a fraction of the frame is at most 1 (or set 'size_units: px')";
    }
    if (inside == Inside::kNone && zones.empty()) return "'inside: none' needs zones";
    return "";
  }
};

/// Keeps the objects that match every condition, unchanged and in their order.
class FilterModule final : public graph::Module {
 public:
  using Settings = FilterSettings;
  explicit FilterModule(Settings settings) : settings_(std::move(settings)) {}

  void process(const Observation& observation, graph::Emit& emit) override {
    const Frame& frame = observation.frame();
    std::vector<std::vector<Point>> polygons;
    polygons.reserve(settings_.zones.size());
    for (const auto& zone : settings_.zones) polygons.push_back(zone.in_pixels(frame.width, frame.height));

    std::vector<Object> kept;
    for (const Object& object : observation.objects())
      if (keeps(object, frame, polygons)) kept.push_back(object);
    if (settings_.drop_empty && kept.empty() && observation.events().empty()) return emit.drop("empty");
    if (kept.size() == observation.objects().size()) return emit(observation);
    emit(observation.with_objects(std::move(kept)));
  }

 private:
  bool keeps(const Object& object, const Frame& frame, const std::vector<std::vector<Point>>& polygons) const {
    const Settings& s = settings_;
    // Scores are floats and settings doubles: 0.9f must pass max_score 0.9.
    if (object.score < static_cast<float>(s.min_score) || object.score > static_cast<float>(s.max_score)) return false;
    if (!is_of(object, s.classes)) return false;
    const bool fraction = s.size_units == Units::kFraction;
    const double across = fraction ? frame.width : 1, down = fraction ? frame.height : 1;
    const double width = object.box.width / across, height = object.box.height / down;
    if (!s.width.allow(width) || !s.height.allow(height) || !s.area.allow(width * height)) return false;
    if (polygons.empty()) return true;
    const Point point = anchor_of(object.box, s.anchor);
    const bool in_any =
        std::any_of(polygons.begin(), polygons.end(), [&](const auto& polygon) { return contains(polygon, point); });
    return in_any == (s.inside == Inside::kAny);
  }

  const Settings settings_;
};

VEDETTE_MODULE(FilterModule, {.type = "filter",
                              .summary = "Keeps objects by class, score, size and place",
                              .concurrency = graph::Concurrency::kStateless,
                              .reads = graph::Facet::kObjects});

}  // namespace
}  // namespace vedette::modules
