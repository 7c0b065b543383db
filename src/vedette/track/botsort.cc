#include "vedette/track/two_stage.h"

namespace vedette::track {
namespace {

/// State [x, y, w, h, ẋ, ẏ, ẇ, ḣ]: centre, size, and their velocities per frame.
struct SizeModel {
  using Filter = Kalman<8, 4>;
  using State = Filter::State;
  using Measurement = Filter::Measurement;

  static Measurement measure(const Box& b) { return {b.x + b.width / 2.0, b.y + b.height / 2.0, b.width, b.height}; }
  static Box box(const State& x) {
    return {static_cast<float>(x[0] - x[2] / 2), static_cast<float>(x[1] - x[3] / 2), static_cast<float>(x[2]),
            static_cast<float>(x[3])};
  }
  static State initial(const State& x) { return variances(x, 2 * kLengthError, 10 * kSpeedError); }
  static State process(const State& x) { return variances(x, kLengthError, kSpeedError); }
  static Measurement measurement(const State& x) { return variances(x, kLengthError, 0).head<4>(); }
  static void coast(State& x) { x[6] = x[7] = 0; }

 private:
  static State variances(const State& x, double length, double speed) {
    const double w = std::max(1.0, std::abs(x[2])), h = std::max(1.0, std::abs(x[3]));
    State s;
    s << length * w, length * h, length * w, length * h, speed * w, speed * h, speed * w, speed * h;
    return s.cwiseAbs2();
  }
};

class BotSort final : public TwoStage<SizeModel> {
 public:
  BotSort(const BotSortOptions& options, bool class_aware, TrackerHooks hooks)
      : TwoStage(options, class_aware), options_(options), hooks_(std::move(hooks)) {}

 private:
  /// Moves every state by the camera's motion: the linear part turns the four (x, y) pairs of the state, the shift the
  /// centre.
  void before_association(const FrameContext& context) override {
    if (!hooks_.camera_motion) return;
    const Affine m = hooks_.camera_motion(context);
    Filter::Square turn = Filter::Square::Zero();
    for (int i = 0; i < 8; i += 2) turn.block<2, 2>(i, i) << m[0], m[1], m[3], m[4];
    for (Track& t : tracks_) {
      const Filter::State turned = turn * t.filter.x;
      const Filter::Square spread = turn * t.filter.P * turn.transpose();
      t.filter.x = turned;
      t.filter.x[0] += m[2];
      t.filter.x[1] += m[5];
      t.filter.P = spread;
    }
  }

  /// The paper's equation 12-13: the lesser of both costs, appearance only for near and alike pairs.
  double refine(const Track& t, const Object& d, double overlap, double cost) const override {
    if (!hooks_.appearance_distance || 1 - overlap > options_.proximity) return cost;
    const double appearance = hooks_.appearance_distance(t.last, d);
    return appearance <= options_.appearance ? std::min(cost, appearance) : cost;
  }

  const BotSortOptions options_;
  const TrackerHooks hooks_;
};

}  // namespace

std::unique_ptr<Tracker> make_botsort(const BotSortOptions& options, bool class_aware, TrackerHooks hooks) {
  return std::make_unique<BotSort>(options, class_aware, std::move(hooks));
}

}  // namespace vedette::track
