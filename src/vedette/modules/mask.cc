#include <algorithm>
#include <bit>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "vedette/frame/scale.h"
#include "vedette/graph/registry.h"
#include "vedette/media/convert.h"
#include "vedette/modules/region.h"

namespace vedette::modules {
namespace {

enum class Method { kPixelate, kBlur, kBlack };

struct MaskSettings {
  std::vector<RegionSettings> zones;
  std::vector<std::string> classes;
  Method method = Method::kPixelate;
  double pad = 0.1;
  int cells = 6;

  void fields(Fields& f) {
    f.groups("zones", zones, "polygons that nobody may see");
    f.texts("classes", classes, "classes whose boxes nobody may see; needs a detect module before this one");
    f.choice("method", method, {{"pixelate", Method::kPixelate}, {"blur", Method::kBlur}, {"black", Method::kBlack}},
             "what is put in their place");
    f.number("pad", pad, "margin around boxes, as a fraction of their width and height", {0, 2});
    f.whole("cells", cells, "pixelate and blur: at most so many cells across the shorter side of a zone or box",
            {1, 16});
    f.check([this] { return zones.empty() && classes.empty() ? "it hides nothing: give 'zones' or 'classes'" : ""; });
  }
};

/// A part of the picture to hide.
struct Region {
  cv::Rect rect;      ///< in its pixels, within it, on even coordinates
  cv::Mat coverage;   ///< of rect, 255 where hidden; empty: all of it
  int cell_px = 0;    ///< a power of two, at least kSmallestCell
};

constexpr int kSmallestCell = 8;

/// Hides zones and objects, for privacy, before anything is stored or shown. The frame that goes on has no trace of the
/// old pixels: no JPEG as the camera sent it, no derived form, no crops. A frame that cannot be masked is lost, never
/// shown.
///
/// `pixelate` replaces each cell by its mean; `blur` runs smoothly from mean to mean and so holds no more than
/// `pixelate` does. Cells are a power of two wide, at least 8 pixels, with at most `cells` of them across the shorter
/// side of what is hidden, and lie on a grid that is fixed in the picture, so that a box that trembles does not sample
/// the same face at many offsets. What a few cells tell (colours of clothes, over many frames perhaps more) is still
/// told; `black` tells nothing. What the detector misses is not hidden: give it a low score threshold when you mask
/// classes.
class MaskModule final : public graph::Module {
 public:
  using Settings = MaskSettings;
  explicit MaskModule(Settings settings) : settings_(std::move(settings)) {}

  void start(const graph::ModuleContext& context) override { pool_ = context.pool; }

  void process(const Observation& observation, graph::Emit& emit) override {
    const Frame& frame = observation.frame();
    const auto pixels = media::pixels_of(frame);
    const auto regions = regions_of(observation, *pixels);
    if (regions.empty()) return emit(observation);

    const auto masked = copy_of(*pixels, pool_);
    for (const Region& region : regions) hide(*masked, region);
    Observation result = observation.with_frame(frame.with_picture(masked));
    if (std::any_of(result.objects().begin(), result.objects().end(),
                    [](const Object& o) { return o.crop != nullptr; })) {
      std::vector<Object> objects(result.objects().begin(), result.objects().end());
      for (Object& object : objects) object.crop = nullptr;
      result = result.with_objects(std::move(objects));
    }
    emit(std::move(result));
  }

 private:
  std::vector<Region> regions_of(const Observation& observation, const Picture& pixels) const {
    const Frame& frame = observation.frame();
    const Scale scale = to_pixels(frame, pixels);
    const int width = pixels.width(), height = pixels.height();
    std::vector<Region> regions;
    for (const auto& zone : settings_.zones) {
      auto polygon = zone.in_pixels(frame.width, frame.height);
      for (Point& point : polygon) point = scale(point);
      add_zone(polygon, width, height, regions);
    }
    if (settings_.classes.empty()) return regions;
    for (const Object& object : observation.objects()) {
      if (!is_of(object, settings_.classes)) continue;
      const Box box = scale(object.box);
      const double across = box.width * settings_.pad, down = box.height * settings_.pad;
      add(box.x - across, box.y - down, box.right() + across, box.bottom() + down, width, height, regions);
    }
    return regions;
  }

  /// Rounds outwards to even coordinates, so that whole chroma samples are hidden, and clips to the frame.
  Region* add(double left, double top, double right, double bottom, int width, int height,
              std::vector<Region>& regions) const {
    if (!(std::isfinite(left) && std::isfinite(top) && std::isfinite(right) && std::isfinite(bottom))) {
      left = top = 0, right = width, bottom = height;  // better all than nothing
    }
    const auto floor_even = [](double v, int most) {
      return static_cast<int>(std::clamp(std::floor(v / 2) * 2, 0.0, static_cast<double>(most)));
    };
    const auto ceil_even = [](double v, int most) {
      return static_cast<int>(std::clamp(std::ceil(v / 2) * 2, 0.0, static_cast<double>(most)));
    };
    const cv::Point from(floor_even(left, width), floor_even(top, height)),
        to(ceil_even(right, width), ceil_even(bottom, height));
    if (from.x >= to.x || from.y >= to.y) return nullptr;
    Region region;
    region.rect = cv::Rect(from, to);
    const double shorter = std::min(right - left, bottom - top);
    region.cell_px = static_cast<int>(std::bit_ceil(static_cast<unsigned>(
        std::clamp(std::ceil(shorter / settings_.cells), static_cast<double>(kSmallestCell), 16384.0))));
    return &regions.emplace_back(std::move(region));
  }

  void add_zone(const std::vector<Point>& polygon, int width, int height, std::vector<Region>& regions) const {
    const auto [left, right] =
        std::minmax_element(polygon.begin(), polygon.end(), [](Point a, Point b) { return a.x < b.x; });
    const auto [top, bottom] =
        std::minmax_element(polygon.begin(), polygon.end(), [](Point a, Point b) { return a.y < b.y; });
    Region* region = add(left->x, top->y, right->x + 1, bottom->y + 1, width, height, regions);
    if (!region) return;
    std::vector<cv::Point> corners;
    for (const Point& p : polygon) corners.emplace_back(cvFloor(p.x) - region->rect.x, cvFloor(p.y) - region->rect.y);
    region->coverage = cv::Mat::zeros(region->rect.size(), CV_8UC1);
    const std::vector<std::vector<cv::Point>> contours{corners};
    cv::fillPoly(region->coverage, contours, cv::Scalar(255));
    cv::polylines(region->coverage, contours, true, cv::Scalar(255), 3);  // whatever an edge touches is inside
  }

  void hide(Picture& picture, const Region& region) const {
    for (int i = 0; i < picture.planes(); ++i) {
      const Plane& plane = picture.plane(i);
      const int shrink = i == 0 ? 1 : 2;
      const int type = picture.format() == PixelFormat::kBgr ? CV_8UC3 : CV_8UC1;
      cv::Mat pixels(plane.height, plane.width, type, plane.data, static_cast<size_t>(plane.stride_bytes));
      const cv::Rect rect =
          cv::Rect(region.rect.x / shrink, region.rect.y / shrink, (region.rect.width + shrink - 1) / shrink,
                   (region.rect.height + shrink - 1) / shrink) &
          cv::Rect(0, 0, plane.width, plane.height);
      cv::Mat coverage;
      if (!region.coverage.empty()) coverage = shrink == 1 ? region.coverage : halved(region.coverage);
      cv::Mat hidden = pixels(rect);
      if (settings_.method == Method::kBlack) {
        const int black = i > 0 ? 128 : picture.format() == PixelFormat::kI420 && !picture.full_range ? 16 : 0;
        hidden.setTo(cv::Scalar::all(black), coverage);
        continue;
      }
      const cv::Mat coarse = coarsened(pixels, rect, std::max(1, region.cell_px / shrink));
      if (coverage.empty()) {
        coarse.copyTo(hidden);
      } else {
        coarse.copyTo(hidden, coverage);
      }
    }
  }

  /// Half the size, rounded up; hidden where any of the four pixels is.
  static cv::Mat halved(const cv::Mat& coverage) {
    cv::Mat half = cv::Mat::zeros((coverage.rows + 1) / 2, (coverage.cols + 1) / 2, CV_8UC1);
    for (int y = 0; y < coverage.rows; ++y) {
      const uint8_t* from = coverage.ptr(y);
      uint8_t* to = half.ptr(y / 2);
      for (int x = 0; x < coverage.cols; ++x) to[x / 2] |= from[x];
    }
    return half;
  }

  /// The pixels of `rect` made of the means of the grid's cells, which reach beyond `rect` but not beyond the plane.
  cv::Mat coarsened(const cv::Mat& pixels, const cv::Rect& rect, int cell) const {
    const int left = rect.x / cell, top = rect.y / cell;
    const int right = (rect.x + rect.width - 1) / cell + 1, bottom = (rect.y + rect.height - 1) / cell + 1;
    cv::Mat means(bottom - top, right - left, pixels.type());
    const cv::Rect whole(0, 0, pixels.cols, pixels.rows);
    for (int y = top; y < bottom; ++y) {
      for (int x = left; x < right; ++x) {
        const cv::Scalar mean = cv::mean(pixels(cv::Rect(x * cell, y * cell, cell, cell) & whole));
        means(cv::Rect(x - left, y - top, 1, 1)).setTo(mean);
      }
    }
    cv::Mat large;
    const bool smooth = settings_.method == Method::kBlur;
    cv::resize(means, large, {means.cols * cell, means.rows * cell}, 0, 0,
               smooth ? cv::INTER_LINEAR : cv::INTER_NEAREST);
    return large(cv::Rect(rect.x - left * cell, rect.y - top * cell, rect.width, rect.height));
  }

  const Settings settings_;
  BufferPool* pool_ = nullptr;
};

VEDETTE_MODULE(MaskModule, {.type = "mask",
                            .summary = "Hides zones and classes for privacy, before anything is stored or shown",
                            .concurrency = graph::Concurrency::kStateless,
                            .reads = graph::Facet::kPixels});

}  // namespace
}  // namespace vedette::modules
