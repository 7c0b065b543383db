#include "vedette/lab/pareto.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace vedette::lab {
namespace {

constexpr double kWidth = 860, kHeight = 540, kLeft = 70, kRight = 24, kTop = 44, kBottom = 56;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

/// Where values lie on the page: cost logarithmic to the right, gain upwards.
class Scale {
 public:
  explicit Scale(std::span<const ParetoPoint> points) {
    double least = std::numeric_limits<double>::infinity(), most = 0, top = 1;
    for (const ParetoPoint& p : points) {
      least = std::min(least, p.cost);
      most = std::max(most, p.cost);
      top = std::max(top, p.gain);
    }
    if (!(most > 0)) least = most = 1;
    left_ = std::log10(least) - 0.05;
    right_ = std::log10(most) + 0.05;
    top_ = std::ceil(top * 10 + 0.2) / 10;
  }
  double x(double cost) const {
    return kLeft + (std::log10(cost) - left_) / (right_ - left_) * (kWidth - kLeft - kRight);
  }
  double y(double gain) const { return kHeight - kBottom - gain / top_ * (kHeight - kTop - kBottom); }
  double top() const { return top_; }

  /// 1, 2 and 5 of each decade that is in sight.
  std::vector<double> cost_ticks() const {
    std::vector<double> ticks;
    for (int decade = static_cast<int>(std::floor(left_)); decade <= static_cast<int>(std::ceil(right_)); ++decade)
      for (const double digit : {1.0, 2.0, 5.0}) {
        const double value = digit * std::pow(10, decade);
        if (std::log10(value) >= left_ && std::log10(value) <= right_) ticks.push_back(value);
      }
    return ticks;
  }

 private:
  double left_ = 0, right_ = 1, top_ = 1;
};

std::string with_unit(double value) {
  if (value >= 1e6) return fmt::format("{:g} M", value / 1e6);
  if (value >= 1e3) return fmt::format("{:g} k", value / 1e3);
  return fmt::format("{:g}", value);
}

std::string axes(const Scale& scale, const ParetoPlot& plot) {
  const double floor = kHeight - kBottom, end = kWidth - kRight;
  std::string svg = fmt::format("<text x=\"{}\" y=\"26\" class=\"title\">{}</text>\n", kLeft, escaped(plot.title));
  for (const double value : scale.cost_ticks())
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2}\" class=\"grid\"/>"
        "<text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>\n",
        scale.x(value), kTop, floor, floor + 18, with_unit(value));
  for (int step = 0; step * 0.2 <= scale.top() + 1e-9; ++step) {
    const double value = step * 0.2, y = scale.y(value);
    svg += fmt::format(
        "<line x1=\"{0}\" y1=\"{1:.1f}\" x2=\"{2}\" y2=\"{1:.1f}\" class=\"grid\"/>"
        "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.1f}</text>\n",
        kLeft, y, end, kLeft - 8, y + 4, value);
  }
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", (kLeft + end) / 2, kHeight - 14,
                     escaped(plot.cost_axis));
  svg += fmt::format("<text transform=\"translate(20 {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
                     (kTop + floor) / 2, escaped(plot.gain_axis));
  return svg;
}

std::string dot(const Scale& scale, const ParetoPoint& p, const char* kind, double radius) {
  return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" class=\"{}\"><title>{}</title></circle>\n",
                     scale.x(p.cost), scale.y(p.gain), radius, kind, escaped(p.label));
}

}  // namespace

std::vector<size_t> pareto_front(std::span<const ParetoPoint> points) {
  std::vector<size_t> order(points.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::erase_if(order, [&](size_t i) { return !points[i].usable; });
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return points[a].cost != points[b].cost ? points[a].cost < points[b].cost : points[a].gain > points[b].gain;
  });
  std::vector<size_t> front;
  for (const size_t i : order)
    if (front.empty() || points[i].gain > points[front.back()].gain) front.push_back(i);
  return front;
}

std::string pareto_svg(std::span<const ParetoPoint> all, const ParetoPlot& plot) {
  std::vector<ParetoPoint> points(all.begin(), all.end());
  std::erase_if(points, [](const ParetoPoint& p) { return !(p.cost > 0); });
  const Scale scale(points);
  const std::vector<size_t> front = pareto_front(points);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\">\n"
      "<style>svg{{background:#fff}}text{{font:12px sans-serif;fill:#444}}.title{{font-size:15px;fill:#111}}"
      ".grid{{stroke:#e6e6e6}}.all{{fill:#7f9dbd;fill-opacity:.55}}.pale{{fill:#c9c9c9;fill-opacity:.6}}"
      ".best{{fill:#c2410c}}.front{{fill:none;stroke:#c2410c;stroke-width:1.5}}</style>\n",
      kWidth, kHeight);
  svg += axes(scale, plot);
  for (const ParetoPoint& p : points) svg += dot(scale, p, p.usable ? "all" : "pale", 3);
  std::string path;
  for (const size_t i : front) {
    const ParetoPoint& p = points[i];
    // Between two points of the front nothing better is to be had: the line goes right, then up.
    path += path.empty() ? fmt::format("M{:.1f} {:.1f}", scale.x(p.cost), scale.y(p.gain))
                         : fmt::format("H{:.1f}V{:.1f}", scale.x(p.cost), scale.y(p.gain));
  }
  if (!path.empty()) svg += fmt::format("<path d=\"{}\" class=\"front\"/>\n", path);
  for (const size_t i : front) svg += dot(scale, points[i], "best", 4);
  return svg + "</svg>\n";
}

}  // namespace vedette::lab
