#include "vedette/infer/preprocess.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

namespace vedette::infer {
namespace {

std::shared_ptr<Picture> noise(PixelFormat format, int width, int height, unsigned seed) {
  auto picture = Picture::make(format, width, height);
  std::mt19937 random(seed);
  for (int p = 0; p < picture->planes(); ++p) {
    const Plane& plane = picture->plane(p);
    const int bytes = plane.width * (format == PixelFormat::kBgr ? 3 : 1);
    for (int y = 0; y < plane.height; ++y)
      for (int x = 0; x < bytes; ++x) plane.data[y * plane.stride_bytes + x] = static_cast<uint8_t>(random());
  }
  return picture;
}

double sample(const Plane& plane, double x, double y, int channels, int c) {
  x = std::clamp(x, 0.0, plane.width - 1.0);
  y = std::clamp(y, 0.0, plane.height - 1.0);
  const int x0 = static_cast<int>(x), y0 = static_cast<int>(y);
  const int x1 = std::min(x0 + 1, plane.width - 1), y1 = std::min(y0 + 1, plane.height - 1);
  const auto at = [&](int u, int v) {
    return static_cast<double>(plane.data[v * plane.stride_bytes + u * channels + c]);
  };
  const double fx = x - x0, fy = y - y0;
  return (at(x0, y0) * (1 - fx) + at(x1, y0) * fx) * (1 - fy) + (at(x0, y1) * (1 - fx) + at(x1, y1) * fx) * fy;
}

/// Red, green and blue of a picture at a place, in double precision, straight from the definitions.
std::array<double, 3> color_at(const Picture& p, double x, double y) {
  x = std::clamp(x, 0.0, p.width() - 1.0);
  y = std::clamp(y, 0.0, p.height() - 1.0);
  if (p.format() == PixelFormat::kGray) {
    const double level = sample(p.plane(0), x, y, 1, 0);
    return {level, level, level};
  }
  if (p.format() == PixelFormat::kBgr)
    return {sample(p.plane(0), x, y, 3, 2), sample(p.plane(0), x, y, 3, 1), sample(p.plane(0), x, y, 3, 0)};
  const double cx = (x + 0.5) / 2 - 0.5, cy = (y + 0.5) / 2 - 0.5;
  double luma = sample(p.plane(0), x, y, 1, 0), u = sample(p.plane(1), cx, cy, 1, 0) - 128;
  double v = sample(p.plane(2), cx, cy, 1, 0) - 128;
  if (!p.full_range) {
    luma = (luma - 16) * 255 / 219;
    u *= 255.0 / 224;
    v *= 255.0 / 224;
  }
  const double kr = p.matrix == ColorMatrix::kBt709 ? 0.2126 : 0.299,
               kb = p.matrix == ColorMatrix::kBt709 ? 0.0722 : 0.114;
  const double red = luma + 2 * (1 - kr) * v, blue = luma + 2 * (1 - kb) * u;
  const double green = luma - (2 * (1 - kr) * kr * v + 2 * (1 - kb) * kb * u) / (1 - kr - kb);
  return {std::clamp(red, 0.0, 255.0), std::clamp(green, 0.0, 255.0), std::clamp(blue, 0.0, 255.0)};
}

/// Largest difference in grey levels between the pre-processor and the definition.
double worst_error(const Picture& picture, const InputSpec& input, std::vector<float>* tensor_out = nullptr) {
  Preprocessor preprocessor(input);
  std::vector<float> tensor(preprocessor.tensor_size(), NAN);
  const Placement placed = preprocessor.run(picture, tensor.data());
  double worst = 0;
  for (int y = 0; y < input.height; ++y) {
    for (int x = 0; x < input.width; ++x) {
      const int u = x - placed.left, v = y - placed.top;
      const bool inside = u >= 0 && v >= 0 && u < placed.width && v < placed.height;
      std::array<double, 3> rgb{};
      if (inside)
        rgb = color_at(picture, (u + 0.5) * picture.width() / placed.width - 0.5,
                       (v + 0.5) * picture.height() / placed.height - 0.5);
      for (int c = 0; c < 3; ++c) {
        const auto n = static_cast<size_t>(c);
        const double level = !inside ? input.pad[n] : rgb[input.color == ColorOrder::kRgb ? n : 2 - n];
        const size_t at = input.layout == Layout::kNchw ? static_cast<size_t>((c * input.height + y) * input.width + x)
                                                        : static_cast<size_t>((y * input.width + x) * 3 + c);
        const double error = std::abs(static_cast<double>(tensor[at]) * input.std[n] + input.mean[n] - level);
        if (!(error <= worst)) worst = error;
      }
    }
  }
  if (tensor_out) *tensor_out = std::move(tensor);
  return worst;
}

InputSpec spec(int width, int height) {
  InputSpec input;
  input.width = width;
  input.height = height;
  input.mean = {103.53f, 116.28f, 123.675f};
  input.std = {57.375f, 57.12f, 58.395f};
  input.pad = {114, 1, 2};
  return input;
}

TEST(Preprocess, EqualsTheDefinitionForEveryFormatColorAndLayout) {
  for (const auto format : {PixelFormat::kI420, PixelFormat::kBgr, PixelFormat::kGray})
    for (const auto color : {ColorOrder::kRgb, ColorOrder::kBgr})
      for (const auto layout : {Layout::kNchw, Layout::kNhwc})
        for (const auto fit : {Fit::kLetterbox, Fit::kLetterboxTopLeft, Fit::kStretch})
          for (const bool full : {false, true}) {
            auto input = spec(47, 40);
            input.color = color;
            input.layout = layout;
            input.fit = fit;
            const auto picture = noise(format, 131, 77, 1);
            picture->full_range = full;
            picture->matrix = full ? ColorMatrix::kBt709 : ColorMatrix::kBt601;
            EXPECT_LT(worst_error(*picture, input), 1e-2) << to_string(format) << static_cast<int>(fit);
          }
}

TEST(Preprocess, EqualsTheDefinitionAtExtremeSizes) {
  const std::pair<int, int> sizes[] = {{1, 1},    {2, 1},     {1, 2},     {3, 3},    {2000, 1},
                                       {1, 2000}, {16384, 2}, {65, 1000}, {5, 1999}, {768, 576}};
  for (const auto format : {PixelFormat::kI420, PixelFormat::kBgr, PixelFormat::kGray})
    for (const auto& [width, height] : sizes)
      for (const auto fit : {Fit::kLetterbox, Fit::kStretch}) {
        auto input = spec(64, 48);
        input.fit = fit;
        EXPECT_LT(worst_error(*noise(format, width, height, 2), input), 1e-2)
            << to_string(format) << width << "x" << height;
      }
}

TEST(Preprocess, PropertyRandomSizesAgreeAndAllCodePathsGiveTheSameBits) {
  std::mt19937 random(7);
  const auto upto = [&](int n) { return 1 + static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 60; ++round) {
    auto input = spec(upto(90), upto(90));
    input.fit = static_cast<Fit>(random() % 3);
    input.layout = static_cast<Layout>(random() % 2);
    input.color = static_cast<ColorOrder>(random() % 2);
    const auto picture = noise(static_cast<PixelFormat>(random() % 3), upto(700), upto(300), random());
    picture->full_range = random() % 2;
    std::vector<float> fast;
    ASSERT_LT(worst_error(*picture, input, &fast), 1.2e-2) << picture->width() << "x" << picture->height();
    Preprocessor portable(input);
    portable.use_portable_code(true);
    std::vector<float> slow(portable.tensor_size());
    portable.run(*picture, slow.data());
    ASSERT_EQ(0, std::memcmp(fast.data(), slow.data(), slow.size() * sizeof(float)));
  }
}

TEST(Preprocess, AllCodePathsGiveTheSameBitsHoweverFarARowIsShrunk) {
  // Either side of where a 16-byte window stops spanning 4 outputs (about 4.6) and 2 (about 14), and far beyond; with
  // whole groups of 8 outputs and without.
  for (const double factor : {0.6, 1.0, 4.5, 4.7, 5.5, 6.4, 9.3, 13.0, 13.9, 14.5, 28.7, 100.0})
    for (const int outputs : {64, 77})
      for (const auto format : {PixelFormat::kI420, PixelFormat::kBgr, PixelFormat::kGray})
        for (const auto layout : {Layout::kNchw, Layout::kNhwc}) {
          auto input = spec(outputs, 6);
          input.fit = Fit::kStretch;
          input.layout = layout;
          const auto picture = noise(format, static_cast<int>(std::lround(outputs * factor)), 17, 3);
          std::vector<float> fast;
          ASSERT_LT(worst_error(*picture, input, &fast), 1.2e-2) << to_string(format) << factor;
          Preprocessor portable(input);
          portable.use_portable_code(true);
          std::vector<float> slow(portable.tensor_size());
          portable.run(*picture, slow.data());
          ASSERT_EQ(0, std::memcmp(fast.data(), slow.data(), slow.size() * sizeof(float)))
              << to_string(format) << factor;
        }
}

TEST(Preprocess, PlacementLeadsBackToThePicture) {
  auto input = spec(320, 320);
  const Placement placed = place(input, 768, 576);
  EXPECT_EQ(placed.width, 320);
  EXPECT_EQ(placed.height, 240);
  EXPECT_EQ(placed.top, 40);
  const Box all = placed.to_picture(-5, 0, 400, 320, 768, 576);
  EXPECT_EQ(all, (Box{0, 0, 768, 576}));
  const Box part = placed.to_picture(32, 64, 64, 88, 768, 576);
  EXPECT_NEAR(part.x, 76.8, 1e-3);
  EXPECT_NEAR(part.y, 57.6, 1e-3);
  EXPECT_NEAR(part.height, 57.6, 1e-3);
  input.fit = Fit::kLetterboxTopLeft;
  EXPECT_EQ(place(input, 768, 576).top, 0);
}

}  // namespace
}  // namespace vedette::infer
