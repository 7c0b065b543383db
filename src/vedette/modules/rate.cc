#include "vedette/frame/observation.h"
#include "vedette/graph/registry.h"
#include "vedette/media/rate_limiter.h"

namespace vedette::modules {
namespace {

struct RateSettings {
  double fps = 5;

  void fields(Fields& f) { f.number("fps", fps, "frames a second that go on, at most", {0.01, 1000}); }
};

/// Lets frames through at a lower rate, evenly spaced by capture time. Everything behind it has that much less to do:
/// this is what lowers an application whose objective cannot be kept otherwise (plan/supervisor.h).
class RateModule final : public graph::Module {
 public:
  using Settings = RateSettings;
  explicit RateModule(RateSettings settings) : limiter_(settings.fps) {}

  void process(const Observation& observation, graph::Emit& emit) override {
    if (limiter_.keep(observation.frame().capture_time)) return emit(observation);
    emit.drop("rate");
  }

 private:
  media::RateLimiter limiter_;
};

VEDETTE_MODULE(RateModule, {.type = "rate",
                            .summary = "Lets frames through at a lower rate, evenly spaced",
                            .concurrency = graph::Concurrency::kPerStream});

}  // namespace
}  // namespace vedette::modules
