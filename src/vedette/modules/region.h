#pragma once

#include <string>
#include <vector>

#include "vedette/base/settings.h"
#include "vedette/frame/object.h"

namespace vedette::modules {

/// The point of a box that says where its object is.
enum class Anchor {
  kFoot,    ///< middle of the lower edge: where a person or car touches the ground
  kCenter,
};

Point anchor_of(const Box& box, Anchor anchor);

/// `anchor: foot|center`
void anchor_field(Fields& f, Anchor& anchor);

/// In which unit a module's points are written.
enum class Units {
  kFraction,  ///< 0 … 1 of the frame's width and height: fits every camera and every size
  kPixels,  ///< of the camera's picture, even where a smaller one is looked at; a camera with another needs new points
};

/// `units: fraction|px`
void units_field(Fields& f, Units& units);

/// A polygon as settings write it:
///
///   zones:
///     - {name: door, points: [[0.1, 0.5], [0.4, 0.5], [0.4, 0.9], [0.1, 0.9]]}
///
/// Points are checked while they are read: at least three, no crossing of itself, an area, and within 0 … 1 for
/// fractions.
struct RegionSettings {
  std::string name;
  std::vector<std::vector<double>> points;
  Units units = Units::kFraction;

  void fields(Fields& f);

  /// The points in pixels of a frame of this size.
  std::vector<Point> in_pixels(int width, int height) const;
};

/// Points as settings write them, in pixels of a frame of this size.
std::vector<Point> points_in_pixels(const std::vector<std::vector<double>>& points, Units units, int width, int height);

/// Whether there are points and each has its x and y: what was read of a faulty list has not.
bool are_points(const std::vector<std::vector<double>>& points);

/// Why points do not fit their unit, or "".
std::string unit_fault(const std::vector<std::vector<double>>& points, Units units);

/// Whether an object is of one of the named classes; no names mean every class.
bool is_of(const Object& object, const std::vector<std::string>& classes);

}  // namespace vedette::modules
