#include "vedette/track/assignment.h"

#include <algorithm>
#include <cmath>

namespace vedette::track {
namespace {

constexpr size_t kNone = static_cast<size_t>(-1);

/// A dense matrix with no more rows than columns.
struct Wide {
  size_t rows = 0;
  size_t columns = 0;
  std::vector<double> costs;
  const double* row(size_t i) const { return costs.data() + i * columns; }
};

/// Column of each row in the cheapest complete assignment of all rows.
std::vector<size_t> solve(const Wide& m) {
  std::vector<double> row_price(m.rows, 0), column_price(m.columns, 0), distance(m.columns);
  std::vector<size_t> column_of(m.rows, kNone), row_of(m.columns, kNone), reached_from(m.columns), open(m.columns);
  std::vector<size_t> scanned_rows, scanned_columns;

  for (size_t start = 0; start < m.rows; ++start) {
    std::fill(distance.begin(), distance.end(), std::numeric_limits<double>::infinity());
    scanned_rows.clear();
    scanned_columns.clear();
    open.resize(m.columns);
    for (size_t j = 0; j < m.columns; ++j) open[j] = j;

    double least = 0;
    size_t row = start, sink = kNone;
    while (sink == kNone) {
      scanned_rows.push_back(row);
      const double* costs = m.row(row);
      size_t best = kNone;
      double next = std::numeric_limits<double>::infinity();
      for (size_t k = 0; k < open.size(); ++k) {
        const size_t j = open[k];
        const double via = least + costs[j] - row_price[row] - column_price[j];
        if (via < distance[j]) {
          distance[j] = via;
          reached_from[j] = row;
        }
        // Among equals a free column ends the search soonest; then the lowest position, for determinism.
        if (distance[j] < next ||
            (distance[j] == next && best != kNone && row_of[j] == kNone && row_of[open[best]] != kNone)) {
          next = distance[j];
          best = k;
        }
      }
      VEDETTE_ASSERT(best != kNone);
      least = next;
      const size_t column = open[best];
      open.erase(open.begin() + static_cast<ptrdiff_t>(best));
      scanned_columns.push_back(column);
      if (row_of[column] == kNone) {
        sink = column;
      } else {
        row = row_of[column];
      }
    }

    row_price[start] += least;
    for (const size_t i : scanned_rows) {
      if (i != start) row_price[i] += least - distance[column_of[i]];
    }
    for (const size_t j : scanned_columns) column_price[j] -= least - distance[j];

    for (size_t column = sink; column != kNone;) {
      const size_t i = reached_from[column];
      row_of[column] = i;
      std::swap(column, column_of[i]);
      if (i == start) break;
    }
  }
  return column_of;
}

}  // namespace

Assignment assign(const CostMatrix& costs, double limit) {
  const bool limited = std::isfinite(limit);
  const bool turned = costs.rows() > costs.columns();
  Wide wide{std::min(costs.rows(), costs.columns()), std::max(costs.rows(), costs.columns()), {}};
  wide.costs.reserve(wide.rows * wide.columns);
  for (size_t i = 0; i < wide.rows; ++i) {
    for (size_t j = 0; j < wide.columns; ++j) {
      const double cost = turned ? costs(j, i) : costs(i, j);
      VEDETTE_ASSERT(!std::isnan(cost) && (limited || std::isfinite(cost)));
      // A pair is worth what it saves against leaving both sides alone; one that saves nothing may as well be made and
      // dropped.
      wide.costs.push_back(limited ? std::min(cost - limit, 0.0) : cost);
    }
  }

  const std::vector<size_t> column_of = solve(wide);
  std::vector<size_t> partner(costs.rows(), kNone);
  for (size_t i = 0; i < wide.rows; ++i) {
    const size_t row = turned ? column_of[i] : i, column = turned ? i : column_of[i];
    if (!limited || costs(row, column) < limit) partner[row] = column;
  }

  Assignment result;
  std::vector<bool> taken(costs.columns(), false);
  for (size_t row = 0; row < costs.rows(); ++row) {
    if (partner[row] == kNone) {
      result.unmatched_rows.push_back(row);
    } else {
      result.matches.emplace_back(row, partner[row]);
      taken[partner[row]] = true;
    }
  }
  for (size_t column = 0; column < costs.columns(); ++column) {
    if (!taken[column]) result.unmatched_columns.push_back(column);
  }
  return result;
}

}  // namespace vedette::track
