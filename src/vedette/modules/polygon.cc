#include "vedette/modules/polygon.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace vedette::modules {
namespace {

constexpr size_t kMostPoints = 256;

/// Twice the signed area of the triangle o, a, b: above 0 when b lies right of the way from o to a, as seen with y
/// pointing down.
double side(Point o, Point a, Point b) {
  return (static_cast<double>(a.x) - o.x) * (static_cast<double>(b.y) - o.y) -
         (static_cast<double>(a.y) - o.y) * (static_cast<double>(b.x) - o.x);
}

int sign(double value) { return (value > 0) - (value < 0); }

/// For p on the straight line through a and b: whether it lies between them.
bool between(Point a, Point b, Point p) {
  return std::min(a.x, b.x) <= p.x && p.x <= std::max(a.x, b.x) && std::min(a.y, b.y) <= p.y &&
         p.y <= std::max(a.y, b.y);
}

bool touch(Point a, Point b, Point c, Point d) {
  const int c_side = sign(side(a, b, c)), d_side = sign(side(a, b, d));
  const int a_side = sign(side(c, d, a)), b_side = sign(side(c, d, b));
  if (c_side * d_side < 0 && a_side * b_side < 0) return true;
  return (c_side == 0 && between(a, b, c)) || (d_side == 0 && between(a, b, d)) || (a_side == 0 && between(c, d, a)) ||
         (b_side == 0 && between(c, d, b));
}

/// Whether the edges a-b and b-c lie on each other.
bool folds_back(Point a, Point b, Point c) {
  const double forward = (static_cast<double>(b.x) - a.x) * (static_cast<double>(c.x) - b.x) +
                         (static_cast<double>(b.y) - a.y) * (static_cast<double>(c.y) - b.y);
  return side(a, b, c) == 0 && forward < 0;
}

}  // namespace

bool contains(std::span<const Point> polygon, Point p) {
  bool inside = false;
  for (size_t i = 0, before = polygon.size() - 1; i < polygon.size(); before = i++) {
    const Point &a = polygon[i], &b = polygon[before];
    if ((a.y > p.y) == (b.y > p.y)) continue;
    const double x =
        (static_cast<double>(b.x) - a.x) * (static_cast<double>(p.y) - a.y) / (static_cast<double>(b.y) - a.y) + a.x;
    if (p.x < x) inside = !inside;
  }
  return inside;
}

double area_of(std::span<const Point> polygon) {
  double twice = 0;
  for (size_t i = 0; i < polygon.size(); ++i) {
    const Point &a = polygon[i], &b = polygon[(i + 1) % polygon.size()];
    twice += static_cast<double>(a.x) * b.y - static_cast<double>(b.x) * a.y;
  }
  return std::abs(twice) / 2;
}

std::string polygon_fault(std::span<const Point> polygon) {
  const size_t n = polygon.size();
  if (n < 3) return fmt::format("a zone needs at least 3 points, not {}", n);
  if (n > kMostPoints) return fmt::format("a zone has at most {} points, not {}", kMostPoints, n);
  const auto at = [&](size_t i) { return polygon[i % n]; };
  for (size_t i = 0; i < n; ++i)
    if (at(i) == at(i + 1)) return fmt::format("points {} and {} are the same", i + 1, (i + 1) % n + 1);
  if (!(area_of(polygon) > 0)) return "its points enclose no area";
  for (size_t i = 0; i < n; ++i) {
    if (folds_back(at(i), at(i + 1), at(i + 2))) return fmt::format("its edge folds back at point {}", (i + 1) % n + 1);
    for (size_t j = i + 2; j < n; ++j) {
      if ((j + 1) % n == i) continue;
      if (touch(at(i), at(i + 1), at(j), at(j + 1)))
        return fmt::format("it crosses itself: the edge from point {} to {} meets the one from {} to {}", i + 1, i + 2,
                           j + 1, (j + 1) % n + 1);
    }
  }
  return "";
}

int crossing(Point a, Point b, Point p, Point q) {
  const bool from_right = side(a, b, p) >= 0, to_right = side(a, b, q) >= 0;
  if (from_right == to_right) return 0;
  // The same rule for the line's ends, so that a path through the joint of two lines crosses exactly one of them.
  if ((side(p, q, a) >= 0) == (side(p, q, b) >= 0)) return 0;
  return to_right ? 1 : -1;
}

}  // namespace vedette::modules
