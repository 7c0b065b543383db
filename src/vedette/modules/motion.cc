#include <algorithm>
#include <mutex>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/video/background_segm.hpp>
#include <optional>

#include "vedette/graph/registry.h"
#include "vedette/media/convert.h"
#include "vedette/modules/region.h"

namespace vedette::modules {
namespace {

enum class Gate { kNone, kDrop };

struct MotionSettings {
  int width = 192;
  int history = 300;
  double threshold = 16;
  double min_area = 0.001;
  bool shadows = true;
  double learning = 0;
  int warmup = 20;
  Gate gate = Gate::kDrop;
  int hold_ms = 2000;
  bool objects = false;
  std::vector<RegionSettings> zones;

  void fields(Fields& f) {
    f.whole("width", width, "pixels of the small picture that is watched", {32, 1920});
    f.whole("history", history, "frames that the background remembers", {2, 100000});
    f.number("threshold", threshold, "squared distance from the background, in variances, that counts as foreground",
             {1, 1000});
    f.number("min_area", min_area, "smallest moving spot, as a fraction of the frame", {0, 1});
    f.flag("shadows", shadows, "find shadows and do not count them as motion");
    f.number("learning", learning, "how fast the background follows the picture; 0: by history", {0, 1});
    f.whole("warmup", warmup, "frames that pass while the background is being learnt, also after a change of size",
            {1, 10000});
    f.choice("gate", gate, {{"drop", Gate::kDrop}, {"none", Gate::kNone}}, "what happens to frames without motion");
    f.whole("hold_ms", hold_ms, "frames pass for so long after the last motion, by capture time", {0, 3600000});
    f.flag("objects", objects, "add each moving spot as an object of class 'motion'");
    f.groups("zones", zones, "only motion in these zones counts; none: everywhere");
    f.check([this] {
      return gate == Gate::kNone && !objects ? "it does nothing: set 'gate: drop', 'objects: true', or leave it out"
                                             : "";
    });
  }
  void adjust(graph::ModuleTraits& traits) const {
    if (!objects) traits.adds = graph::Facet::kNone;
  }
};

/// Whether anything moves, by background subtraction on a small grey picture (Zivkovic: Improved Adaptive Gaussian
/// Mixture Model for Background Subtraction, ICPR 2004). Costs a fraction of a detection, so as a gate before `detect`
/// it saves what an empty scene would cost. Of a kI420 picture it reads the Y plane alone.
class MotionModule final : public graph::Module {
 public:
  using Settings = MotionSettings;
  explicit MotionModule(Settings settings) : settings_(std::move(settings)) {}

  void start(const graph::ModuleContext&) override {
    // Streams run side by side already; OpenCV's own threads would only fight with them over the cores.
    static std::once_flag once;
    std::call_once(once, [] { cv::setNumThreads(1); });
  }

  void process(const Observation& observation, graph::Emit& emit) override {
    const Frame& frame = observation.frame();
    const auto pixels = media::pixels_of(frame);
    if (frame.width != frame_width_ || frame.height != frame_height_) reset(frame.width, frame.height);

    shrink(*pixels);
    subtractor_->apply(small_, foreground_, settings_.learning > 0 ? settings_.learning : -1);
    const bool warming = seen_ < settings_.warmup;
    if (warming) ++seen_;

    if (last_time_ && frame.capture_time > *last_time_ && still_for_) *still_for_ += frame.capture_time - *last_time_;
    last_time_ = frame.capture_time;
    if (!warming) {
      find_spots();
      if (!spots_.empty()) still_for_ = Duration{0};
    }

    const bool passes = settings_.gate == Gate::kNone || warming ||
                        (still_for_ && *still_for_ <= std::chrono::milliseconds(settings_.hold_ms));
    if (!passes) return emit.drop("no_motion");
    if (!settings_.objects || spots_.empty() || warming) return emit(observation);
    std::vector<Object> objects(observation.objects().begin(), observation.objects().end());
    for (const auto& spot : spots_) objects.push_back(object_of(spot));
    emit(observation.with_objects(std::move(objects)));
  }

 private:
  void reset(int width, int height) {
    frame_width_ = width;
    frame_height_ = height;
    small_size_.width = std::min(settings_.width, width);
    small_size_.height = std::max(1, static_cast<int>(static_cast<int64_t>(height) * small_size_.width / width));
    subtractor_ = cv::createBackgroundSubtractorMOG2(settings_.history, settings_.threshold, settings_.shadows);
    watched_.release();
    if (!settings_.zones.empty()) {
      watched_ = cv::Mat::zeros(small_size_, CV_8UC1);
      for (const auto& zone : settings_.zones) {
        std::vector<cv::Point> corners;
        for (const Point& p : zone.in_pixels(width, height))
          corners.emplace_back(cvRound(p.x * small_size_.width / width), cvRound(p.y * small_size_.height / height));
        cv::fillPoly(watched_, std::vector<std::vector<cv::Point>>{corners}, cv::Scalar(255));
      }
    }
    seen_ = 0;
    still_for_.reset();
  }

  void shrink(const Picture& picture) {
    const Plane& plane = picture.plane(0);
    const bool bgr = picture.format() == PixelFormat::kBgr;
    const cv::Mat whole(plane.height, plane.width, bgr ? CV_8UC3 : CV_8UC1, plane.data,
                        static_cast<size_t>(plane.stride_bytes));
    if (bgr) {
      cv::resize(whole, small_color_, small_size_, 0, 0, cv::INTER_AREA);
      cv::cvtColor(small_color_, small_, cv::COLOR_BGR2GRAY);
    } else {
      cv::resize(whole, small_, small_size_, 0, 0, cv::INTER_AREA);
    }
  }

  /// Connected foreground of at least min_area, in the small picture's pixels.
  void find_spots() {
    spots_.clear();
    constexpr int kShadow = 127;  // MOG2's value for shadows; 255 is foreground
    cv::threshold(foreground_, foreground_, kShadow, 255, cv::THRESH_BINARY);
    if (!watched_.empty()) cv::bitwise_and(foreground_, watched_, foreground_);
    cv::morphologyEx(foreground_, foreground_, cv::MORPH_OPEN, kernel_);
    const double least = std::max(1.0, settings_.min_area * small_size_.area());
    if (cv::countNonZero(foreground_) < least) return;
    cv::dilate(foreground_, foreground_, kernel_);  // joins the parts of one mover
    const int found = cv::connectedComponentsWithStats(foreground_, components_, statistics_, centroids_, 8, CV_32S);
    for (int i = 1; i < found; ++i) {
      if (statistics_.at<int>(i, cv::CC_STAT_AREA) < least) continue;
      spots_.emplace_back(statistics_.at<int>(i, cv::CC_STAT_LEFT), statistics_.at<int>(i, cv::CC_STAT_TOP),
                          statistics_.at<int>(i, cv::CC_STAT_WIDTH), statistics_.at<int>(i, cv::CC_STAT_HEIGHT));
    }
  }

  Object object_of(const cv::Rect& spot) const {
    static const auto labels = std::make_shared<const Labels>(Labels{"motion"});
    const float x = static_cast<float>(frame_width_) / static_cast<float>(small_size_.width);
    const float y = static_cast<float>(frame_height_) / static_cast<float>(small_size_.height);
    Object object;
    object.box = {static_cast<float>(spot.x) * x, static_cast<float>(spot.y) * y, static_cast<float>(spot.width) * x,
                  static_cast<float>(spot.height) * y};
    object.score = 1;
    object.labels = labels;
    return object;
  }

  const Settings settings_;
  const cv::Mat kernel_ = cv::getStructuringElement(cv::MORPH_RECT, {3, 3});
  int frame_width_ = 0;
  int frame_height_ = 0;
  cv::Size small_size_;
  cv::Ptr<cv::BackgroundSubtractorMOG2> subtractor_;
  cv::Mat small_, small_color_, foreground_, watched_, components_, statistics_, centroids_;
  std::vector<cv::Rect> spots_;
  int seen_ = 0;                            ///< frames since reset, up to warmup
  std::optional<Duration> still_for_;       ///< since the last motion; empty before the first
  std::optional<Timestamp> last_time_;
};

VEDETTE_MODULE(MotionModule, {.type = "motion",
                              .summary = "Lets only frames through in which something moves, or tells where",
                              .concurrency = graph::Concurrency::kPerStream,
                              .reads = graph::Facet::kPixels,
                              .adds = graph::Facet::kObjects});

}  // namespace
}  // namespace vedette::modules
