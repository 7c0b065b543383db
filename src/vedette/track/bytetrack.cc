#include "vedette/track/two_stage.h"

namespace vedette::track {
namespace {

/// State [x, y, a, h, ẋ, ẏ, ȧ, ḣ]: centre, width over height, height, and their velocities per frame.
struct AspectModel {
  using Filter = Kalman<8, 4>;
  using State = Filter::State;
  using Measurement = Filter::Measurement;

  static Measurement measure(const Box& b) {
    return {b.x + b.width / 2.0, b.y + b.height / 2.0, static_cast<double>(b.width) / b.height, b.height};
  }
  static Box box(const State& x) {
    const double width = x[2] * x[3];
    return {static_cast<float>(x[0] - width / 2), static_cast<float>(x[1] - x[3] / 2), static_cast<float>(width),
            static_cast<float>(x[3])};
  }
  static State initial(const State& x) { return variances(x, 2 * kLengthError, 1e-2, 10 * kSpeedError, 1e-5); }
  static State process(const State& x) { return variances(x, kLengthError, 1e-2, kSpeedError, 1e-5); }
  static Measurement measurement(const State& x) { return variances(x, kLengthError, 1e-1, 0, 0).head<4>(); }
  static void coast(State& x) { x[7] = 0; }

 private:
  static State variances(const State& x, double length, double aspect, double speed, double aspect_speed) {
    const double h = std::max(1.0, std::abs(x[3]));
    State s;
    s << length * h, length * h, aspect, length * h, speed * h, speed * h, aspect_speed, speed * h;
    return s.cwiseAbs2();
  }
};

}  // namespace

std::unique_ptr<Tracker> make_bytetrack(const ByteTrackOptions& options, bool class_aware) {
  return std::make_unique<TwoStage<AspectModel>>(options, class_aware);
}

}  // namespace vedette::track
