#include "vedette/framelog/latency_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace vedette::framelog {
namespace {

using std::chrono::milliseconds;

class LatencyModelTest : public testing::Test {
 public:
  /// A frame of `bytes` over a link of base + per_byte · bytes, with noise.
  void frame(double bytes, double per_byte, double base = 3, double noise = 0.05) {
    now += milliseconds(100);
    std::normal_distribution<double> normal(0, noise);
    model.observe(bytes, (base + per_byte * bytes) * std::exp(normal(random)), now);
  }
  void frames(int n, double bytes, double per_byte) {
    for (int i = 0; i < n; ++i) frame(bytes, per_byte);
  }

  LatencyModel model;
  MonotonicTime now{};
  std::mt19937 random{7};
};

TEST_F(LatencyModelTest, KnowsNothingAtFirst) {
  EXPECT_TRUE(model.empty());
  EXPECT_EQ(model.expect(1e6), 0);
  EXPECT_GE(model.spread(0.95), 1);
}

TEST_F(LatencyModelTest, OneFrameGivesAProportion) {
  model.observe(1e5, 20, now);
  EXPECT_NEAR(model.expect(1e5), 20, 1e-6);
  EXPECT_NEAR(model.expect(3e5), 60, 5);
}

TEST_F(LatencyModelTest, FindsBaseAndRateFromMixedSizes) {
  for (int i = 0; i < 200; ++i) frame(1e5 * (1 + i % 6), 1e-4, 12);
  EXPECT_NEAR(model.base_ms(), 12, 3);
  EXPECT_NEAR(model.per_byte(), 1e-4, 1e-5);
  EXPECT_TRUE(model.founded(now));
}

TEST_F(LatencyModelTest, KeepsTheBaseWhenAllSizesAreAlikeAgain) {
  for (int i = 0; i < 200; ++i) frame(1e5 * (1 + i % 6), 1e-4, 12);
  for (int i = 0; i < 300; ++i) frame(1e5, 1e-4, 12);
  EXPECT_NEAR(model.expect(5e5), 62, 9);
}

TEST_F(LatencyModelTest, OneOutlierChangesNothingLasting) {
  frames(60, 2e5, 1e-4);
  const double before = model.expect(2e5);
  frame(2e5, 6e-4);
  frames(3, 2e5, 1e-4);
  EXPECT_NEAR(model.expect(2e5), before, 0.1 * before);
}

TEST_F(LatencyModelTest, AStepThatTheSizesFollowSaysNothingOfTheBase) {
  // The controller sends large frames while the link is fast and small ones when it is slow.
  frames(100, 2.3e5, 2.4e-4);
  frame(2.3e5, 8.4e-4);
  frames(40, 8e4, 8.4e-4);
  EXPECT_LT(model.base_ms(), 10);
  EXPECT_NEAR(model.expect(2.3e5), 196, 25);
}

TEST_F(LatencyModelTest, FollowsATenfoldStepAfterOneFrame) {
  frames(60, 2e5, 1e-4);
  frame(2e5, 1e-3);
  EXPECT_NEAR(model.expect(2e5), 203, 40);
  frames(8, 2e5, 1e-3);
  EXPECT_NEAR(model.expect(2e5), 203, 20);
  EXPECT_EQ(model.level(), 1);  // folded into the regression
  EXPECT_FALSE(model.improved());
}

TEST_F(LatencyModelTest, FollowsASmallStepAfterTwo) {
  frames(60, 2e5, 1e-4);
  frames(2, 2e5, 1.8e-4);
  EXPECT_NEAR(model.expect(2e5), 39, 5);
}

TEST_F(LatencyModelTest, FollowsAnImprovementAndSaysSo) {
  frames(60, 2e5, 1e-3);
  frames(2, 2e5, 1e-4);
  EXPECT_NEAR(model.expect(2e5), 23, 5);
  frames(6, 2e5, 1e-4);
  EXPECT_TRUE(model.improved());
  EXPECT_GT(model.changed(), MonotonicTime{});
}

TEST_F(LatencyModelTest, AlarmsThatProveFalseAreTrustedLess) {
  frames(60, 2e5, 1e-4);
  for (int i = 0; i < 3; ++i) {
    frame(2e5, 4e-4);
    frames(8, 2e5, 1e-4);
  }
  const double before = model.expect(2e5);
  frame(2e5, 4e-4);
  EXPECT_NEAR(model.expect(2e5), before, 0.2 * before);
}

TEST_F(LatencyModelTest, SpreadIsTheQuantileOfTheResiduals) {
  for (int i = 0; i < 400; ++i) frame(2e5, 1e-4, 0, 0.2);
  EXPECT_NEAR(model.spread(0.95), std::exp(1.645 * 0.2), 0.12);
  EXPECT_GE(model.spread(0.98), model.spread(0.95));
}

TEST_F(LatencyModelTest, LateFramesRaiseButNeverLower) {
  frames(60, 2e5, 1e-4);
  const double before = model.expect(2e5);
  model.observe_at_least(2e5, 1, now);
  EXPECT_EQ(model.expect(2e5), before);
  model.observe_at_least(2e5, 20 * before, now);
  EXPECT_GT(model.expect(2e5), 5 * before);
}

TEST_F(LatencyModelTest, StaysFiniteOnAnyInput) {
  std::uniform_real_distribution<double> log_uniform(-12, 22);
  for (int i = 0; i < 20000; ++i) {
    now += milliseconds(i % 7 == 0 ? 5000 : 1);
    model.observe(std::exp(log_uniform(random)), std::exp(0.5 * log_uniform(random)), now);
    ASSERT_TRUE(std::isfinite(model.expect(1e5)));
    ASSERT_GT(model.expect(1e5), 0);
    ASSERT_GE(model.spread(0.98), 1);
    ASSERT_GE(model.per_byte(), 0);
  }
}

TEST(ScaleModel, FollowsTheSceneAndKeepsAFamilysOwn) {
  ScaleModel scale;
  for (int i = 0; i < 300; ++i) {
    scale.observe(0, 100, 100);
    scale.observe(1, 100, 150);
  }
  EXPECT_NEAR(scale.scale(1) / scale.scale(0), 1.5, 0.1);
  const double lone = 100 * scale.scale(0);
  const double other = scale.scale(1);
  for (int i = 0; i < 5; ++i) scale.observe(0, 100, 2 * lone);
  EXPECT_NEAR(scale.scale(0), 2 * lone / 100, 0.2);
  EXPECT_NEAR(scale.scale(1), 2 * other, 0.4);  // never sent since the scene grew
}

TEST(ScaleModel, TwoStrangeFramesAreNoScene) {
  ScaleModel scale;
  for (int i = 0; i < 20; ++i) scale.observe(0, 100, 100);
  scale.observe(0, 100, 900);
  scale.observe(0, 100, 900);
  EXPECT_NEAR(scale.scale(0), 1, 0.1);
  scale.observe(0, 0, 5);
  EXPECT_TRUE(std::isfinite(scale.scale(0)));
}

}  // namespace
}  // namespace vedette::framelog
