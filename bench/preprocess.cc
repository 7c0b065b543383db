// One-pass pre-processing against the usual chain of OpenCV calls: cvtColor, resize, copyMakeBorder, convertTo,
// subtract, divide, split. Same picture, one thread, taking turns, CPU time. Prints a table; `--json FILE` writes the
// same as JSON.
#include "vedette/infer/preprocess.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/time.h"

namespace {

using vedette::PixelFormat;
using vedette::infer::ColorOrder;
using vedette::infer::Fit;
using vedette::infer::InputSpec;
using vedette::infer::Layout;
using vedette::infer::Placement;
using vedette::infer::Preprocessor;

struct Case {
  const char* model;
  InputSpec input;
};

InputSpec spec(int side, Layout layout, ColorOrder color, Fit fit, std::array<float, 3> mean,
               std::array<float, 3> std) {
  InputSpec input;
  input.width = input.height = side;
  input.layout = layout;
  input.color = color;
  input.fit = fit;
  input.mean = mean;
  input.std = std;
  return input;
}

/// What a careful program does with OpenCV; only the steps that the model needs, buffers kept between calls.
class OpencvChain {
 public:
  explicit OpencvChain(InputSpec input) : input_(input) {}

  void run(const vedette::Picture& picture, float* tensor) {
    const auto& plane = picture.plane(0);
    cv::Mat bgr;
    if (picture.format() == PixelFormat::kI420) {
      // cvtColor wants the three planes in one block.
      yuv_.create(picture.height() * 3 / 2, picture.width(), CV_8UC1);
      cv::cvtColor(yuv_, bgr_, input_.color == ColorOrder::kRgb ? cv::COLOR_YUV2RGB_I420 : cv::COLOR_YUV2BGR_I420);
      bgr = bgr_;
    } else {
      bgr = cv::Mat(picture.height(), picture.width(), CV_8UC3, plane.data, static_cast<size_t>(plane.stride_bytes));
    }
    const Placement placed = place(input_, picture.width(), picture.height());
    cv::resize(bgr, small_, cv::Size(placed.width, placed.height), 0, 0, cv::INTER_LINEAR);
    cv::Mat fitted = small_;
    if (placed.width != input_.width || placed.height != input_.height) {
      cv::copyMakeBorder(small_, boxed_, placed.top, input_.height - placed.height - placed.top, placed.left,
                         input_.width - placed.width - placed.left, cv::BORDER_CONSTANT,
                         cv::Scalar(input_.pad[0], input_.pad[1], input_.pad[2]));
      fitted = boxed_;
    }
    if (picture.format() == PixelFormat::kBgr && input_.color == ColorOrder::kRgb) {
      cv::cvtColor(fitted, swapped_, cv::COLOR_BGR2RGB);
      fitted = swapped_;
    }
    const bool one_std = input_.std[0] == input_.std[1] && input_.std[1] == input_.std[2];
    const bool no_mean = input_.mean == std::array<float, 3>{0, 0, 0};
    fitted.convertTo(float_, CV_32FC3, one_std ? 1.0 / input_.std[0] : 1.0);
    if (!no_mean) cv::subtract(float_, cv::Scalar(input_.mean[0], input_.mean[1], input_.mean[2]), float_);
    if (!one_std) cv::divide(float_, cv::Scalar(input_.std[0], input_.std[1], input_.std[2]), float_);
    const size_t area = static_cast<size_t>(input_.width) * static_cast<size_t>(input_.height);
    if (input_.layout == Layout::kNchw) {
      std::vector<cv::Mat> planes;
      for (size_t c = 0; c < 3; ++c) planes.emplace_back(input_.height, input_.width, CV_32FC1, tensor + c * area);
      cv::split(float_, planes);
    } else {
      std::memcpy(tensor, float_.data, area * 3 * sizeof(float));
    }
  }

  /// The packed form of an I420 picture; a decoder would have to be asked for it, so it is not timed.
  void pack(const vedette::Picture& picture) {
    yuv_.create(picture.height() * 3 / 2, picture.width(), CV_8UC1);
    uint8_t* to = yuv_.data;
    for (int p = 0; p < 3; ++p) {
      const auto& plane = picture.plane(p);
      for (int y = 0; y < plane.height; ++y, to += plane.width)
        std::memcpy(to, plane.data + static_cast<ptrdiff_t>(y) * plane.stride_bytes, static_cast<size_t>(plane.width));
    }
  }

 private:
  InputSpec input_;
  cv::Mat yuv_, bgr_, small_, boxed_, swapped_, float_;
};

double microseconds(const std::function<void()>& work) {
  const auto begin = vedette::thread_cpu_time();  // CPU time, so that a busy machine does not count
  work();
  return vedette::to_milliseconds(vedette::thread_cpu_time() - begin) * 1e3;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  cv::setNumThreads(1);
  constexpr int kRounds = 200;
  const std::array<float, 3> zero{0, 0, 0}, one{1, 1, 1}, all255{255, 255, 255};
  const std::vector<Case> cases{
      {"nanodet-g 320", spec(320, Layout::kNchw, ColorOrder::kBgr, Fit::kLetterbox, {103.53f, 116.28f, 123.675f},
                             {57.375f, 57.12f, 58.395f})},
      {"coco-ssd 300", spec(300, Layout::kNhwc, ColorOrder::kRgb, Fit::kStretch, zero, one)},
      {"fastestdet 352", spec(352, Layout::kNchw, ColorOrder::kBgr, Fit::kStretch, zero, all255)},
      {"yolox-nano 416", spec(416, Layout::kNchw, ColorOrder::kBgr, Fit::kLetterboxTopLeft, zero, one)},
      {"yolo11n 416", spec(416, Layout::kNchw, ColorOrder::kRgb, Fit::kLetterbox, zero, all255)},
      {"yolo11n 640", spec(640, Layout::kNchw, ColorOrder::kRgb, Fit::kLetterbox, zero, all255)}};
  const std::pair<int, int> sizes[] = {{768, 576}, {1920, 1080}};

  fmt::print("{:<16}{:<12}{:<6}{:>12}{:>12}{:>8}\n", "model", "picture", "from", "vedette µs", "OpenCV µs", "ratio");
  std::string json;
  double least = INFINITY;
  for (const auto& [width, height] : sizes) {
    for (const auto format : {PixelFormat::kBgr, PixelFormat::kI420}) {
      const auto picture = vedette::Picture::make(format, width, height);
      std::mt19937 random(1);
      for (int p = 0; p < picture->planes(); ++p)
        for (int y = 0; y < picture->plane(p).height; ++y)
          for (int x = 0; x < picture->plane(p).stride_bytes; ++x)
            picture->plane(p).data[y * picture->plane(p).stride_bytes + x] = static_cast<uint8_t>(random() >> 8);
      for (const Case& each : cases) {
        Preprocessor ours(each.input);
        OpencvChain theirs(each.input);
        if (format == PixelFormat::kI420) theirs.pack(*picture);
        std::vector<float> tensor(ours.tensor_size());
        std::vector<double> our_times, their_times;
        for (int i = 0; i < kRounds + 10; ++i) {
          const double a = microseconds([&] { ours.run(*picture, tensor.data()); });
          const double b = microseconds([&] { theirs.run(*picture, tensor.data()); });
          if (i < 10) continue;  // warming up
          our_times.push_back(a);
          their_times.push_back(b);
        }
        const double us = median(our_times), them = median(their_times), ratio = them / us;
        least = std::min(least, ratio);
        const auto size = fmt::format("{}x{}", width, height);
        fmt::print("{:<16}{:<12}{:<6}{:>12.1f}{:>12.1f}{:>8.2f}\n", each.model, size, vedette::to_string(format), us,
                   them, ratio);
        json += fmt::format(
            R"({}{{"model":"{}","picture":"{}","from":"{}","vedette_us":{:.1f},"opencv_us":{:.1f},"ratio":{:.2f}}})",
            json.empty() ? "" : ",", each.model, size, vedette::to_string(format), us, them, ratio);
      }
    }
  }
  fmt::print("least ratio {:.2f}\n", least);
  if (argc == 3 && std::string_view(argv[1]) == "--json")
    std::ofstream(argv[2]) << fmt::format(R"({{"benchmark":"preprocess","least_ratio":{:.2f},"rows":[{}]}})", least,
                                          json)
                           << '\n';
}
