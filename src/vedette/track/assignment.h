#pragma once

#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "vedette/base/error.h"

namespace vedette::track {

/// Costs of pairing rows (tracks) with columns (detections). Infinity forbids a pair.
class CostMatrix {
 public:
  CostMatrix(size_t rows, size_t columns, double fill = 0)
      : rows_(rows), columns_(columns), costs_(rows * columns, fill) {}

  size_t rows() const { return rows_; }
  size_t columns() const { return columns_; }
  double& operator()(size_t row, size_t column) { return costs_[index(row, column)]; }
  double operator()(size_t row, size_t column) const { return costs_[index(row, column)]; }

 private:
  size_t index(size_t row, size_t column) const {
    VEDETTE_ASSERT(row < rows_ && column < columns_);
    return row * columns_ + column;
  }

  size_t rows_;
  size_t columns_;
  std::vector<double> costs_;
};

struct Assignment {
  std::vector<std::pair<size_t, size_t>> matches;  ///< (row, column), ascending by row
  std::vector<size_t> unmatched_rows;              ///< ascending
  std::vector<size_t> unmatched_columns;           ///< ascending
};

/// The pairing with the least Σ cost(pair) + limit/2 · (unmatched rows + columns), which is what
/// `lap.lapjv(cost, extend_cost=True, cost_limit=limit)` solves. Pairs that cost `limit` or more are never made.
/// Without a limit as many pairs are made as there are rows or columns, and every cost must be finite. NaN is not
/// allowed.
///
/// Exact, by shortest augmenting paths (Crouse, On implementing 2D rectangular assignment algorithms, IEEE TAES 52(4),
/// 2016); O(n² m) for n the smaller side. Deterministic: the same matrix gives the same pairs, also among equals.
Assignment assign(const CostMatrix& costs, double limit = std::numeric_limits<double>::infinity());

}  // namespace vedette::track
