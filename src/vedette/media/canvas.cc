#include "vedette/media/canvas.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace vedette::media {
namespace {

constexpr int kSubpixelBits = 4;

cv::Mat mat_of(const Picture& picture, int i) {
  const Plane& plane = picture.plane(i);
  return {plane.height, plane.width, picture.format() == PixelFormat::kBgr ? CV_8UC3 : CV_8UC1, plane.data,
          static_cast<size_t>(plane.stride_bytes)};
}

uint8_t to_byte(double v) { return static_cast<uint8_t>(std::clamp(std::lround(v), 0L, 255L)); }

/// What goes into plane `i`: all three of BGR, or the one component of a planar picture.
cv::Scalar value(const Picture& picture, const std::array<uint8_t, 3>& c, int i) {
  if (picture.format() == PixelFormat::kBgr) return {double(c[0]), double(c[1]), double(c[2])};
  return {double(c[static_cast<size_t>(i)]), 0, 0};
}

cv::Rect rect_in(const Picture& picture, const Box& box, int i) {
  const Plane& plane = picture.plane(i);
  const float scale = i > 0 ? .5f : 1.f;
  const auto edge = [](float v, int limit) {
    return static_cast<int>(std::lround(std::clamp(v, 0.f, static_cast<float>(limit))));
  };
  const int x0 = edge(box.x * scale, plane.width), x1 = edge(box.right() * scale, plane.width);
  const int y0 = edge(box.y * scale, plane.height), y1 = edge(box.bottom() * scale, plane.height);
  return {x0, y0, std::max(0, x1 - x0), std::max(0, y1 - y0)};
}

/// to = to + (value − to)·mask/255
void blend(cv::Mat to, const cv::Mat& mask, const cv::Scalar& target) {
  const int channels = to.channels();
  for (int y = 0; y < to.rows; ++y) {
    uint8_t* out = to.ptr(y);
    const uint8_t* m = mask.ptr(y);
    for (int x = 0; x < to.cols; ++x)
      for (int c = 0; c < channels; ++c, ++out)
        *out = static_cast<uint8_t>(*out + (static_cast<int>(target[c]) - *out) * m[x] / 255);
  }
}

}  // namespace

std::array<uint8_t, 3> Canvas::components(Rgb color) const {
  if (picture_.format() == PixelFormat::kBgr) return {color.b, color.g, color.r};
  const bool bt709 = picture_.matrix == ColorMatrix::kBt709;
  const double kr = bt709 ? .2126 : .299, kb = bt709 ? .0722 : .114;
  const double y = kr * color.r + (1 - kr - kb) * color.g + kb * color.b;
  const double cb = (color.b - y) / (2 * (1 - kb)), cr = (color.r - y) / (2 * (1 - kr));
  const bool full = picture_.full_range || picture_.format() == PixelFormat::kGray;
  if (full) return {to_byte(y), to_byte(128 + cb), to_byte(128 + cr)};
  return {to_byte(16 + y * 219 / 255), to_byte(128 + cb * 224 / 255), to_byte(128 + cr * 224 / 255)};
}

void Canvas::fill(const Box& box, Rgb color) {
  const auto c = components(color);
  for (int i = 0; i < picture_.planes(); ++i) {
    const cv::Rect r = rect_in(picture_, box, i);
    if (r.area() > 0) mat_of(picture_, i)(r).setTo(value(picture_, c, i));
  }
}

void Canvas::outline(const Box& box, Rgb color, int line_px) {
  const auto t = static_cast<float>(line_px);
  fill({box.x, box.y, box.width, t}, color);
  fill({box.x, box.bottom() - t, box.width, t}, color);
  fill({box.x, box.y + t, t, box.height - 2 * t}, color);
  fill({box.right() - t, box.y + t, t, box.height - 2 * t}, color);
}

void Canvas::polyline(std::span<const Point> points, bool closed, Rgb color, int line_px) {
  if (points.size() < 2) return;
  const auto c = components(color);
  for (int i = 0; i < picture_.planes(); ++i) {
    // Far-off points would overflow OpenCV's fixed point; nothing beyond a picture's length away is drawn straight
    // anyway.
    const float scale = (i > 0 ? .5f : 1.f) * (1 << kSubpixelBits),
                limit = 2.f * Picture::kLargestSide * (1 << kSubpixelBits);
    std::vector<cv::Point> scaled_points;
    for (const Point& p : points) {
      scaled_points.emplace_back(static_cast<int>(std::clamp(p.x * scale, -limit, limit)),
                                 static_cast<int>(std::clamp(p.y * scale, -limit, limit)));
    }
    cv::Mat plane = mat_of(picture_, i);
    cv::polylines(plane, scaled_points, closed, value(picture_, c, i), i > 0 ? std::max(1, (line_px + 1) / 2) : line_px,
                  cv::LINE_AA, kSubpixelBits);
  }
}

void Canvas::label(Point at, const std::string& text, Rgb background, int text_px) {
  constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
  const int thickness = std::max(1, text_px / 8);
  const double font_scale = cv::getFontScaleFromHeight(kFont, text_px, thickness);
  int baseline = 0;
  const cv::Size size = cv::getTextSize(text, kFont, font_scale, thickness, &baseline);
  const int pad = std::max(2, text_px / 4);
  // Even corner and sizes, so that the chroma planes cover exactly the same pixels.
  const auto even = [](int v) { return (v + 1) & ~1; };
  const int width = even(size.width + 2 * pad), height = even(size.height + baseline / 2 + 2 * pad);
  const auto place = [](float wanted, int length, int limit) {
    return std::clamp(static_cast<int>(wanted), 0, std::max(0, limit - length)) & ~1;
  };
  const float reach = 2.f * Picture::kLargestSide;
  const int left = place(std::clamp(at.x, -reach, reach), width, picture_.width());
  const int top = place(std::clamp(at.y, -reach, reach) - static_cast<float>(height), height, picture_.height());
  const Box area{static_cast<float>(left), static_cast<float>(top), static_cast<float>(width),
                 static_cast<float>(height)};
  fill(area, background);

  cv::Mat mask = cv::Mat::zeros(height, width, CV_8UC1);
  cv::putText(mask, text, {pad, pad + size.height}, kFont, font_scale, 255, thickness, cv::LINE_AA);
  const bool dark = .299 * background.r + .587 * background.g + .114 * background.b < 110;
  const uint8_t ink = dark ? 255 : 0;
  const auto c = components({ink, ink, ink});
  for (int i = 0; i < picture_.planes(); ++i) {
    const cv::Rect r = rect_in(picture_, area, i);
    if (r.area() == 0) continue;
    cv::Mat own = mask;
    if (i > 0) cv::resize(mask, own, {width / 2, height / 2}, 0, 0, cv::INTER_AREA);
    const cv::Rect visible(0, 0, std::min(r.width, own.cols), std::min(r.height, own.rows));
    blend(mat_of(picture_, i)({r.x, r.y, visible.width, visible.height}), own(visible), value(picture_, c, i));
  }
}

}  // namespace vedette::media
