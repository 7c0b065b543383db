#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace vedette::lab {

/// One choice: what it costs and what it gives.
struct ParetoPoint {
  double cost = 0;  ///< less is better; above 0 for a plot
  double gain = 0;  ///< more is better
  std::string label{};
  bool usable = true;  ///< drawn pale and never on the front when not
};

/// Indices of the usable points that no other usable point beats (costs no more and gives more, or costs less and gives
/// no less), by rising cost. Of equal points the first.
std::vector<size_t> pareto_front(std::span<const ParetoPoint> points);

struct ParetoPlot {
  std::string title;
  std::string cost_axis;  ///< drawn on a logarithmic scale
  std::string gain_axis;
};

/// All points, the front as steps, as one SVG 1.1 page of 860×540 without scripts or outside parts; a point's label
/// shows when the pointer is on it. Points whose cost is not above 0 are left out.
std::string pareto_svg(std::span<const ParetoPoint> points, const ParetoPlot& plot);

}  // namespace vedette::lab
