#include <algorithm>
#include <optional>

#include "vedette/graph/registry.h"
#include "vedette/track/tracker.h"

namespace vedette::modules {
namespace {

/// Gives objects an id that stays with them from frame to frame.
class TrackModule final : public graph::Module {
 public:
  using Settings = track::TrackerOptions;
  explicit TrackModule(const Settings& settings) : tracker_(track::make_tracker(settings)) {}

  void process(const Observation& observation, graph::Emit& emit) override {
    const Frame& frame = observation.frame();
    track::FrameContext context{
        .width = frame.width, .height = frame.height, .frame_gap = 1, .time = frame.capture_time};
    if (last_sequence_)
      context.frame_gap =
          static_cast<int>(std::clamp<uint64_t>(frame.sequence - *last_sequence_, 1, track::kLongestGap));
    last_sequence_ = frame.sequence;
    emit(observation.with_objects(tracker_->update(observation.objects(), context)));
  }

 private:
  const std::unique_ptr<track::Tracker> tracker_;
  std::optional<uint64_t> last_sequence_;
};

VEDETTE_MODULE(TrackModule, {.type = "track",
                             .summary = "Gives objects an id that stays with them from frame to frame",
                             .concurrency = graph::Concurrency::kPerStream,
                             .reads = graph::Facet::kObjects,
                             .adds = graph::Facet::kTracks});

}  // namespace
}  // namespace vedette::modules
