#include "vedette/media/overlay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "vedette/frame/scale.h"
#include "vedette/media/canvas.h"
#include "vedette/media/convert.h"

namespace vedette::media {
namespace {

constexpr uint64_t kForgetAfter = 100;  // draw() calls without the track
constexpr Rgb kZoneColor{255, 214, 10};

double linear_to_srgb(double v) {
  v = std::clamp(v, 0., 1.);
  return v <= .0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - .055;
}

/// Björn Ottosson, "A perceptual color space for image processing" (2020), OKLCH to sRGB.
Rgb from_oklch(double lightness, double chroma, double hue) {
  const double a = chroma * std::cos(hue), b = chroma * std::sin(hue);
  const double l = std::pow(lightness + .3963377774 * a + .2158037573 * b, 3);
  const double m = std::pow(lightness - .1055613458 * a - .0638541728 * b, 3);
  const double s = std::pow(lightness - .0894841775 * a - 1.2914855480 * b, 3);
  const auto byte = [](double v) { return static_cast<uint8_t>(std::lround(255 * linear_to_srgb(v))); };
  return {byte(4.0767416621 * l - 3.3077115913 * m + .2309699292 * s),
          byte(-1.2684380046 * l + 2.6097574011 * m - .3413193965 * s),
          byte(-.0041960863 * l - .7034186147 * m + 1.7076147010 * s)};
}

Point foot(const Box& box) { return {box.center_x(), box.bottom()}; }

std::string label_of(const Object& object) {
  std::string text = object.label();
  if (object.track_id) text += fmt::format(" #{}", *object.track_id);
  if (object.score > 0) text += fmt::format(" {:.2f}", object.score);
  return text;
}

Rgb color_of(const Object& object) { return stable_color(object.track_id ? *object.track_id : object.class_id); }

}  // namespace

void OverlayOptions::fields(Fields& f) {
  f.flag("boxes", boxes, "draw a box around each object");
  f.flag("labels", labels, "write class, track and score on each box");
  f.flag("traces", traces, "draw the way of each track's foot point");
  f.flag("zones", zones, "draw zones and lines with their names");
  f.whole("trace_length", trace_length, "foot points kept for each track", {2, 10000});
  f.number("line_px", line_px, "thickness of lines; 0: by picture height", {0, 100});
  f.number("text_px", text_px, "height of capital letters; 0: by picture height", {0, 200});
}

Rgb stable_color(int64_t number) {
  constexpr double kGolden = std::numbers::pi * 0.7639320225002102;  // 2π·(1 − 1/φ), the golden angle
  const auto n = static_cast<double>(((number % 1'000'003) + 1'000'003) % 1'000'003);
  const double lightness = .70 + .06 * (static_cast<int64_t>(n) % 3);
  return from_oklch(lightness, .145, .5 + n * kGolden);
}

void Overlay::remember(const Observation& observation) {
  ++drawn_;
  const auto longest = static_cast<size_t>(std::max(2, options_.trace_length));
  for (const Object& object : observation.objects()) {
    if (!object.track_id) continue;
    Trace& trace = traces_[*object.track_id];
    trace.seen = drawn_;
    trace.points.push_back(foot(object.box));
    if (trace.points.size() > longest) trace.points.pop_front();
  }
  std::erase_if(traces_, [&](const auto& entry) { return drawn_ - entry.second.seen > kForgetAfter; });
}

std::shared_ptr<Picture> Overlay::draw(const Observation& observation, BufferPool* pool) {
  auto picture = copy_of(*pixels_of(observation.frame()), pool);
  remember(observation);
  const auto height = static_cast<double>(picture->height());
  const int line =
      static_cast<int>(std::lround(options_.line_px > 0 ? options_.line_px : std::clamp(height / 280, 2., 12.)));
  const int text =
      static_cast<int>(std::lround(options_.text_px > 0 ? options_.text_px : std::clamp(height / 55, 8., 48.)));
  Canvas canvas(*picture);
  const Scale scale = to_pixels(observation.frame(), *picture);
  const auto polyline = [&](auto points, bool closed, Rgb color, int thick) {
    for (Point& point : points) point = scale(point);
    canvas.polyline(points, closed, color, thick);
  };
  if (options_.zones) {
    for (const Zone& zone : observation.zones()) polyline(zone.points, !zone.is_line(), kZoneColor, line);
    for (const Zone& zone : observation.zones())
      if (!zone.points.empty()) canvas.label(scale(zone.points.front()), zone.name, kZoneColor, text);
  }
  if (options_.traces) {
    for (const Object& object : observation.objects()) {
      const auto trace = object.track_id ? traces_.find(*object.track_id) : traces_.end();
      if (trace == traces_.end()) continue;
      polyline(std::vector<Point>(trace->second.points.begin(), trace->second.points.end()), false, color_of(object),
               std::max(1, line / 2));
    }
  }
  if (options_.boxes)
    for (const Object& object : observation.objects()) canvas.outline(scale(object.box), color_of(object), line);
  if (options_.labels)
    for (const Object& object : observation.objects())
      canvas.label(scale(Point{object.box.x, object.box.y}), label_of(object), color_of(object), text);
  return picture;
}

}  // namespace vedette::media
