#include "vedette/track/assignment.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace vedette::track {
namespace {

constexpr double kForbidden = std::numeric_limits<double>::infinity();

/// The least Σ cost + limit/2 · unmatched over every way to pair, by trying all.
double brute_force(const CostMatrix& costs, double limit, size_t row, std::vector<bool>& taken) {
  if (row == costs.rows()) {
    return limit / 2 * static_cast<double>(std::count(taken.begin(), taken.end(), false));
  }
  double least = limit / 2 + brute_force(costs, limit, row + 1, taken);
  for (size_t column = 0; column < costs.columns(); ++column) {
    if (taken[column] || !std::isfinite(costs(row, column))) continue;
    taken[column] = true;
    least = std::min(least, costs(row, column) + brute_force(costs, limit, row + 1, taken));
    taken[column] = false;
  }
  return least;
}

double total(const CostMatrix& costs, const Assignment& a, double limit) {
  double sum = limit / 2 * static_cast<double>(a.unmatched_rows.size() + a.unmatched_columns.size());
  for (const auto& [row, column] : a.matches) sum += costs(row, column);
  return sum;
}

void expect_consistent(const CostMatrix& costs, const Assignment& a) {
  std::vector<size_t> rows = a.unmatched_rows, columns = a.unmatched_columns;
  for (const auto& [row, column] : a.matches) {
    rows.push_back(row);
    columns.push_back(column);
  }
  std::sort(rows.begin(), rows.end());
  std::sort(columns.begin(), columns.end());
  std::vector<size_t> all_rows(costs.rows()), all_columns(costs.columns());
  std::iota(all_rows.begin(), all_rows.end(), 0);
  std::iota(all_columns.begin(), all_columns.end(), 0);
  EXPECT_EQ(rows, all_rows);
  EXPECT_EQ(columns, all_columns);
}

CostMatrix random_costs(std::mt19937& random, bool tied, bool forbidding) {
  std::uniform_int_distribution<size_t> side(0, 6);
  std::uniform_real_distribution<double> cost(-1, 1);
  CostMatrix costs(side(random), side(random));
  for (size_t i = 0; i < costs.rows(); ++i) {
    for (size_t j = 0; j < costs.columns(); ++j) {
      costs(i, j) = tied ? std::round(cost(random) * 3) / 3 : cost(random);
      if (forbidding && cost(random) < -0.4) costs(i, j) = kForbidden;
    }
  }
  return costs;
}

TEST(Assignment, EqualsBruteForceWithALimit) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 1500; ++trial) {
    const CostMatrix costs = random_costs(random, trial % 2, trial % 3);
    const double limit = std::uniform_real_distribution<double>(-0.5, 1.5)(random);
    const Assignment a = assign(costs, limit);
    expect_consistent(costs, a);
    std::vector<bool> taken(costs.columns(), false);
    ASSERT_NEAR(total(costs, a, limit), brute_force(costs, limit, 0, taken), 1e-9) << "trial " << trial;
    for (const auto& [row, column] : a.matches) EXPECT_LT(costs(row, column), limit);
  }
}

TEST(Assignment, WithoutALimitPairsTheWholeSmallerSideAtLeastCost) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 500; ++trial) {
    const CostMatrix costs = random_costs(random, trial % 2, false);
    const Assignment a = assign(costs);
    expect_consistent(costs, a);
    EXPECT_EQ(a.matches.size(), std::min(costs.rows(), costs.columns()));
    // With a limit this high, leaving a pair apart never pays: the same optimum.
    std::vector<bool> taken(costs.columns(), false);
    ASSERT_NEAR(total(costs, a, 100), brute_force(costs, 100, 0, taken), 1e-9) << "trial " << trial;
  }
}

TEST(Assignment, TurnedMatrixCostsTheSame) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> cost(0, 1);
  CostMatrix costs(40, 70), turned(70, 40);
  for (size_t i = 0; i < 40; ++i) {
    for (size_t j = 0; j < 70; ++j) turned(j, i) = costs(i, j) = cost(random);
  }
  EXPECT_NEAR(total(costs, assign(costs, 0.3), 0.3), total(turned, assign(turned, 0.3), 0.3), 1e-9);
}

TEST(Assignment, TiesAreBrokenTheSameWayEveryTime) {
  const CostMatrix costs(4, 4, 0.25);
  const Assignment first = assign(costs, 1);
  EXPECT_THAT(first.matches,
              testing::ElementsAre(testing::Pair(0, 0), testing::Pair(1, 1), testing::Pair(2, 2), testing::Pair(3, 3)));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(assign(costs, 1).matches, first.matches);
}

TEST(Assignment, EmptySidesAndForbiddenPairsStayUnmatched) {
  EXPECT_THAT(assign(CostMatrix(0, 3), 1).unmatched_columns, testing::ElementsAre(0, 1, 2));
  EXPECT_THAT(assign(CostMatrix(2, 0)).unmatched_rows, testing::ElementsAre(0, 1));
  const Assignment a = assign(CostMatrix(2, 2, kForbidden), 1);
  EXPECT_TRUE(a.matches.empty());
  EXPECT_EQ(a.unmatched_rows.size(), 2u);
}

}  // namespace
}  // namespace vedette::track
