// What knobs cost on a 1080p frame: each value by itself, every class of combinations, and how many stay below 10 ms on
// one core. CPU time, median. The yardstick of the same run is what a program does without them: OpenCV's
// blur 5×5 of BGR, and TurboJPEG at quality 70. Prints tables; `--json FILE` writes the same as JSON, `--quick`
// measures fewer frames, `--video FILE` takes another video than the sample.
#include "vedette/media/knobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "vedette/media/convert.h"
#include "vedette/media/jpeg.h"
#include "video_frames.h"

namespace {

using vedette::Picture;
using vedette::media::KnobChain;
using vedette::media::KnobSetting;
using Frames = std::vector<std::shared_ptr<const Picture>>;

constexpr int kWidth = 1920, kHeight = 1080;

/// CPU time, so that a busy machine does not count; of the process, because libx265 encodes on a thread of its own.
double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

double milliseconds(const std::function<void()>& work) {
  const double begin = cpu_ms();
  work();
  return cpu_ms() - begin;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// Frames of the video at 1080p, as a camera's decoder would hand them on.
Frames load(const std::string& path, size_t count) {
  return vedette::bench::video_frames(path, count, [](const Picture& picture) -> std::shared_ptr<const Picture> {
    return vedette::media::scaled(picture, kWidth, kHeight);
  });
}

/// Median over the frames after the first, which sets encoders and tables up. A withheld frame counts as one that was
/// sent: differencing is asked for with the least threshold there is.
double cost_ms(KnobSetting setting, const Frames& frames, size_t count) {
  if (setting.difference > 0) setting.difference = 1e-9;
  KnobChain chain(setting);
  std::vector<double> times;
  for (size_t i = 0; i <= count; ++i) {
    const Picture& picture = *frames[i % frames.size()];
    const double ms = milliseconds([&] { static_cast<void>(chain.apply(picture)); });
    if (i > 0) times.push_back(ms);
  }
  return median(times);
}

/// The yardstick.
double opencv_ms(const Frames& frames, size_t count) {
  std::vector<double> times;
  const auto blurred = Picture::make(vedette::PixelFormat::kBgr, kWidth, kHeight);
  const auto mat_of = [](const Picture& picture) {
    const auto& plane = picture.plane(0);
    return cv::Mat(plane.height, plane.width, CV_8UC3, plane.data, static_cast<size_t>(plane.stride_bytes));
  };
  for (size_t i = 0; i <= count; ++i) {
    const auto bgr = vedette::media::to_bgr(*frames[i % frames.size()]);
    const double ms = milliseconds([&] {
      cv::Mat to = mat_of(*blurred);
      cv::blur(mat_of(*bgr), to, {5, 5});
      static_cast<void>(vedette::media::encode_jpeg(*blurred, 70));
    });
    if (i > 0) times.push_back(ms);
  }
  return median(times);
}

struct Report {
  double yardstick = 0;
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();

  void row(const std::string& name, double ms, double estimate) {
    fmt::print("{:<28}{:>9.2f}{:>11.2f}{:>10.2f}\n", name, ms, estimate, ms / yardstick);
    rows.push_back({{"knobs", name}, {"ms", ms}, {"estimate_ms", estimate}, {"ratio", ms / yardstick}});
  }
};

void run(const std::string& video, const std::string& json_path, bool quick) {
  cv::setNumThreads(1);
  const Frames frames = load(video, 24);
  const size_t some = quick ? 7 : 20, few = quick ? 1 : 3;
  Report report;
  report.yardstick = opencv_ms(frames, some);
  fmt::print("OpenCV blur 5 and JPEG 70: {:.2f} ms\n\n", report.yardstick);
  fmt::print("{:<28}{:>9}{:>11}{:>10}\n", "knobs (others at 1)", "p50 ms", "estimate", "ratio");
  const auto show = [&](const std::string& text) {
    const KnobSetting setting = KnobSetting::parse(text);
    report.row(text, cost_ms(setting, frames, some), setting.estimated_cost_ms());
  };
  const std::map<char, int> values{{'R', 5}, {'C', 5}, {'K', 5}, {'D', 3}, {'F', 2}, {'E', 8}};
  show("E=jpeg:90");
  show("E=jpeg:70");
  for (const char knob : std::string("RCKDFE"))
    for (int i = 2; i <= values.at(knob); ++i) show(fmt::format("{}{}", knob, i));
  for (const char* text : {"R2,C2", "R2,C3", "R2,C4", "R2,C5", "R2,K2", "R2,K5", "R2,D2", "R2,D3", "R2,E5", "R2,E6",
                           "R2,E7", "R2,E8", "R3,C5,K5,D2,F2", "R3,E7", "R4,E7", "R5,E7", "K2,E=jpeg:70"})
    show(text);

  std::fflush(stdout);
  // Every class: thresholds above 0 cost the same. Only some of them when in a hurry; a prime, to meet all values.
  const size_t step = quick ? 31 : 1;
  size_t at = 0;
  double least = 1e9, most = 0;
  size_t classes = 0, under = 0, agreed = 0, combinations = 0, combinations_under = 0, offered = 0, offered_late = 0;
  for (const int id : KnobSetting::all_ids()) {
    const int f = id % 5;
    if (f > 1 || at++ % step != 0) continue;
    const KnobSetting setting = KnobSetting::from_id(id);
    const double ms = cost_ms(setting, frames, few);
    const size_t stands_for = f == 0 ? 1 : 4;
    const bool below = ms < KnobSetting::kLiveCostMs;
    classes += 1;
    under += below ? 1 : 0;
    agreed += below == setting.live() ? 1 : 0;
    combinations += stands_for;
    combinations_under += below ? stands_for : 0;
    offered += setting.live() ? stands_for : 0;
    offered_late += setting.live() && !below ? stands_for : 0;
    least = std::min(least, ms);
    most = std::max(most, ms);
  }
  fmt::print("\n{} combinations in {} classes, {:.2f} to {:.2f} ms; below {:.0f} ms: {} combinations ({} classes)\n",
             combinations, classes, least, most, KnobSetting::kLiveCostMs, combinations_under, under);
  fmt::print(
      "offered as live by the built-in table: {}, of which measured at or above: {}; agreed on {} of {} classes\n",
      offered, offered_late, agreed, classes);
  if (json_path.empty()) return;
  std::ofstream(json_path) << nlohmann::ordered_json{{"benchmark", "knobs"},
                                                     {"opencv_ms", report.yardstick},
                                                     {"combinations", combinations},
                                                     {"below_10_ms", combinations_under},
                                                     {"offered_live", offered},
                                                     {"offered_live_but_late", offered_late},
                                                     {"rows", report.rows}}
                           << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  std::string video = vedette::bench::kSampleVideo, json;
  bool quick = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
      json = argv[++i];
    } else if (std::strcmp(argv[i], "--video") == 0 && i + 1 < argc) {
      video = argv[++i];
    } else if (std::strcmp(argv[i], "--quick") == 0) {
      quick = true;
    } else {
      fmt::print(stderr, "bench_knobs [--json FILE] [--video FILE] [--quick]\n");
      return 64;
    }
  }
  try {
    run(video, json, quick);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_knobs: {}\n", e.what());
    return 1;
  }
}
