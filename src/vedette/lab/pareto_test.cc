#include "vedette/lab/pareto.h"

#include <gtest/gtest.h>

namespace vedette::lab {
namespace {

using Indices = std::vector<size_t>;

TEST(ParetoTest, TheFrontIsWhatNothingBeats) {
  const std::vector<ParetoPoint> points{{100, 0.5}, {200, 0.9}, {150, 0.4}, {300, 0.9}, {400, 1.0}, {100, 0.45}};
  EXPECT_EQ(pareto_front(points), (Indices{0, 1, 4}));
}

TEST(ParetoTest, OfEqualPointsTheFirstStays) {
  const std::vector<ParetoPoint> points{{100, 0.5}, {100, 0.5}};
  EXPECT_EQ(pareto_front(points), Indices{0});
}

TEST(ParetoTest, WhatCannotBeUsedBeatsNothing) {
  const std::vector<ParetoPoint> points{{100, 0.5}, {50, 1.0, "too slow", false}, {200, 0.6}};
  EXPECT_EQ(pareto_front(points), (Indices{0, 2}));
  EXPECT_TRUE(pareto_front({}).empty());
}

TEST(ParetoSvgTest, DrawsEveryPointAndTheFront) {
  const std::vector<ParetoPoint> points{{1000, 0.5, "a <b>"}, {20000, 0.9, "c"}, {30000, 0.2, "d"}, {0, 1, "nothing"}};
  const std::string svg = pareto_svg(points, {.title = "T & t", .cost_axis = "bytes", .gain_axis = "F1"});
  const auto count = [&](const std::string& what) {
    size_t n = 0;
    for (size_t at = svg.find(what); at != std::string::npos; at = svg.find(what, at + 1)) ++n;
    return n;
  };
  EXPECT_TRUE(svg.starts_with("<svg "));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_EQ(count("class=\"all\""), 3U);
  EXPECT_EQ(count("class=\"best\""), 2U);
  EXPECT_EQ(count("class=\"front\""), 1U);
  EXPECT_EQ(count("a &lt;b&gt;"), 2U);
  EXPECT_EQ(count("T &amp; t"), 1U);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(pareto_svg({}, {}).find("nan"), std::string::npos);
}

}  // namespace
}  // namespace vedette::lab
