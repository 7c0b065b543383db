#pragma once

#include <algorithm>

namespace vedette {

/// An axis-aligned box, top-left corner and size, in pixels of the frame it was found in. May reach outside the frame.
struct Box {
  float x = 0;
  float y = 0;
  float width = 0;
  float height = 0;

  float right() const { return x + width; }
  float bottom() const { return y + height; }
  float center_x() const { return x + width / 2; }
  float center_y() const { return y + height / 2; }
  float area() const { return std::max(0.f, width) * std::max(0.f, height); }
  bool empty() const { return !(width > 0 && height > 0); }

  friend bool operator==(const Box&, const Box&) = default;
};

inline Box intersection(const Box& a, const Box& b) {
  const float x = std::max(a.x, b.x), y = std::max(a.y, b.y);
  return {x, y, std::max(0.f, std::min(a.right(), b.right()) - x), std::max(0.f, std::min(a.bottom(), b.bottom()) - y)};
}

/// Intersection over union, 0 when either box is empty.
inline float iou(const Box& a, const Box& b) {
  const float common = intersection(a, b).area();
  const float all = a.area() + b.area() - common;
  return all > 0 ? common / all : 0;
}

struct Point {
  float x = 0;
  float y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

}  // namespace vedette
