#pragma once

#include <Eigen/Core>
#include <Eigen/LU>

namespace vedette::track {

/// A linear Kalman filter of N states of which the first M are measured directly (H = [I 0]). Everything lives on the
/// stack. Included by the algorithms' .cc files only.
template <int N, int M>
struct Kalman {
  using State = Eigen::Matrix<double, N, 1>;
  using Square = Eigen::Matrix<double, N, N>;
  using Measurement = Eigen::Matrix<double, M, 1>;
  using Noise = Eigen::Matrix<double, M, M>;

  State x = State::Zero();
  Square P = Square::Identity();  // NOLINT(readability-identifier-naming): the covariance, as in every textbook

  /// Constant velocity for one frame interval: state i moves by state M + i, for every M + i < N.
  void predict(const State& process_variance) {
    for (int i = 0; M + i < N; ++i) {
      x[i] += x[M + i];
      P.row(i) += P.row(M + i);
    }
    for (int i = 0; M + i < N; ++i) P.col(i) += P.col(M + i);
    P.diagonal() += process_variance;
  }

  /// Takes a measurement with independent errors. The covariance update is Joseph's form, which stays symmetric and
  /// positive.
  void update(const Measurement& z, const Measurement& variance) {
    Noise innovation = P.template topLeftCorner<M, M>();
    innovation.diagonal() += variance;
    const Eigen::Matrix<double, N, M> gain = P.template leftCols<M>() * innovation.inverse();
    x += gain * (z - x.template head<M>());
    Square keep = Square::Identity();
    keep.template leftCols<M>() -= gain;
    const Square next = keep * P * keep.transpose() + gain * variance.asDiagonal() * gain.transpose();
    P = next;
  }
};

}  // namespace vedette::track
