#include "vedette/track/kalman.h"

#include <gtest/gtest.h>

namespace vedette::track {
namespace {

TEST(Kalman, PredictMovesByVelocityAndWidensAsTheTextbookHasIt) {
  Kalman<2, 1> k;
  k.x << 10, 2;
  k.P << 4, 1, 1, 3;
  k.predict({0.5, 0.25});
  EXPECT_DOUBLE_EQ(k.x[0], 12);
  EXPECT_DOUBLE_EQ(k.x[1], 2);
  // F P Fᵀ + Q with F = [1 1; 0 1]: [4+1+1+3, 1+3; 1+3, 3] + diag(0.5, 0.25)
  EXPECT_DOUBLE_EQ(k.P(0, 0), 9.5);
  EXPECT_DOUBLE_EQ(k.P(0, 1), 4);
  EXPECT_DOUBLE_EQ(k.P(1, 0), 4);
  EXPECT_DOUBLE_EQ(k.P(1, 1), 3.25);
}

TEST(Kalman, UpdateWeighsByVariance) {
  Kalman<2, 1> k;
  k.x << 12, 2;
  k.P << 6, 3, 3, 5;
  k.update(Kalman<2, 1>::Measurement(16), Kalman<2, 1>::Measurement(2));
  // Gain = [6, 3] / (6 + 2)
  EXPECT_DOUBLE_EQ(k.x[0], 12 + 0.75 * 4);
  EXPECT_DOUBLE_EQ(k.x[1], 2 + 0.375 * 4);
  EXPECT_NEAR(k.P(0, 0), 6 * (1 - 0.75), 1e-12);
  EXPECT_NEAR(k.P(0, 1), 3 * (1 - 0.75), 1e-12);
  EXPECT_NEAR(k.P(1, 1), 5 - 0.375 * 3, 1e-12);
}

TEST(Kalman, FindsTheVelocityOfSteadyMotionAndStaysSymmetric) {
  Kalman<4, 2> k;
  k.P *= 100;
  for (int i = 0; i < 60; ++i) {
    k.predict({0.01, 0.01, 0.001, 0.001});
    k.update({3.0 * i, -2.0 * i}, {1, 1});
  }
  EXPECT_NEAR(k.x[2], 3, 1e-2);
  EXPECT_NEAR(k.x[3], -2, 1e-2);
  EXPECT_LT((k.P - k.P.transpose()).cwiseAbs().maxCoeff(), 1e-12);
}

}  // namespace
}  // namespace vedette::track
