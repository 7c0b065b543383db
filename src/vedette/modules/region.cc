#include "vedette/modules/region.h"

#include <fmt/format.h>

#include <algorithm>

#include "vedette/modules/polygon.h"

namespace vedette::modules {

Point anchor_of(const Box& box, Anchor anchor) {
  return {box.center_x(), anchor == Anchor::kFoot ? box.bottom() : box.center_y()};
}

void anchor_field(Fields& f, Anchor& anchor) {
  f.choice("anchor", anchor, {{"foot", Anchor::kFoot}, {"center", Anchor::kCenter}},
           "point of a box that counts: middle of its lower edge, or its centre");
}

void units_field(Fields& f, Units& units) {
  f.choice("units", units, {{"fraction", Units::kFraction}, {"px", Units::kPixels}},
           "of the points: 0 to 1 of the frame's width and height, or pixels");
}

std::vector<Point> points_in_pixels(const std::vector<std::vector<double>>& points, Units units, int width,
                                    int height) {
  const double scale_x = units == Units::kFraction ? width : 1, scale_y = units == Units::kFraction ? height : 1;
  std::vector<Point> result;
  result.reserve(points.size());
  for (const auto& point : points)
    result.push_back({static_cast<float>(point[0] * scale_x), static_cast<float>(point[1] * scale_y)});
  return result;
}

bool are_points(const std::vector<std::vector<double>>& points) {
  return !points.empty() &&
         std::all_of(points.begin(), points.end(), [](const auto& point) { return point.size() == 2; });
}

std::string unit_fault(const std::vector<std::vector<double>>& points, Units units) {
  const double most = units == Units::kFraction ? 1 : 16384;
  for (const auto& point : points) {
    if (point[0] >= 0 && point[1] >= 0 && point[0] <= most && point[1] <= most) continue;
    if (units == Units::kPixels) return fmt::format("the point [{}, {}] lies outside any frame", point[0], point[1]);
    return fmt::format("the point [{}, {}] is no fraction of a frame: 0 to 1, or pixels with 'units: px'", point[0],
                       point[1]);
  }
  return "";
}

void RegionSettings::fields(Fields& f) {
  f.text("name", name, "shown with the zone");
  f.required().rows("points", points, 2, "corners of the polygon, x and y");
  units_field(f, units);
  f.check([this] {
    if (!are_points(points)) return std::string();  // said already
    const std::string called = name.empty() ? "the zone" : "zone '" + name + "'";
    if (const auto fault = unit_fault(points, units); !fault.empty()) return called + ": " + fault;
    const auto fault = polygon_fault(in_pixels(1, 1));
    return fault.empty() ? fault : called + ": " + fault;
  });
}

std::vector<Point> RegionSettings::in_pixels(int width, int height) const {
  return points_in_pixels(points, units, width, height);
}

bool is_of(const Object& object, const std::vector<std::string>& classes) {
  if (classes.empty()) return true;
  const auto index = static_cast<size_t>(object.class_id);
  if (object.labels && object.class_id >= 0 && index < object.labels->size())
    return std::find(classes.begin(), classes.end(), (*object.labels)[index]) != classes.end();
  return std::find(classes.begin(), classes.end(), object.label()) != classes.end();
}

}  // namespace vedette::modules
