#pragma once

#include <span>
#include <string>
#include <vector>

#include "vedette/frame/box.h"

namespace vedette::modules {

/// Plane geometry of zones and lines. Polygons are closed by themselves: the last point joins the first. Any unit; y
/// points down.

/// Whether `p` lies inside, by the even-odd rule (PNPOLY). Of two polygons that share an edge, a point on it lies in
/// exactly one.
bool contains(std::span<const Point> polygon, Point p);

/// The area, ≥ 0; of a polygon that crosses itself it means nothing.
double area_of(std::span<const Point> polygon);

/// Why the points make no usable polygon ("crosses itself between points 1-2 and 3-4"), or "". Wanted: 3 to 256 points,
/// no two neighbours alike, an area, and no edge that touches another but at their common point.
std::string polygon_fault(std::span<const Point> polygon);

/// How a step from `p` to `q` crosses the line from `a` to `b`: +1 from the left to the right of someone who walks from
/// a to b (as seen in the picture), −1 from right to left, 0 not at all. A point on the line counts as right of it, so
/// that no crossing is counted twice or missed when a path has a point on the line.
int crossing(Point a, Point b, Point p, Point q);

}  // namespace vedette::modules
