#include "vedette/convert/ops.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "vedette/convert/tf_graph.h"

namespace vedette::convert {
namespace {

using testing::ElementsAre;

struct SlideCase {
  std::string padding;
  int64_t height, width, kernel, stride, dilation;
};

/// TensorFlow's rule for one axis: the size of the result and the padding before it.
std::pair<int64_t, int64_t> slide(const SlideCase& c, int64_t size) {
  const int64_t reach = (c.kernel - 1) * c.dilation + 1;
  if (c.padding == "VALID") return {(size - reach) / c.stride + 1, 0};
  const int64_t out = (size + c.stride - 1) / c.stride;
  return {out, std::max<int64_t>((out - 1) * c.stride + reach - size, 0) / 2};
}

/// Visits every pair of an output cell and an input pixel under its window: (output y, x, kernel y, x, input y, x).
void each_tap(const SlideCase& c,
              const std::function<void(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t)>& visit) {
  const auto [rows, top] = slide(c, c.height);
  const auto [columns, left] = slide(c, c.width);
  for (int64_t y = 0; y < rows; ++y)
    for (int64_t x = 0; x < columns; ++x)
      for (int64_t v = 0; v < c.kernel; ++v)
        for (int64_t u = 0; u < c.kernel; ++u) {
          const int64_t iy = y * c.stride - top + v * c.dilation;
          const int64_t ix = x * c.stride - left + u * c.dilation;
          if (iy >= 0 && iy < c.height && ix >= 0 && ix < c.width) visit(y, x, v, u, iy, ix);
        }
}

class Windows : public testing::TestWithParam<SlideCase> {
 protected:
  std::map<std::string, TfAttribute, std::less<>> attributes() const {
    const SlideCase& c = GetParam();
    return {{"padding", text(c.padding)},
            {"strides", list({1, c.stride, c.stride, 1})},
            {"dilations", list({1, c.dilation, c.dilation, 1})},
            {"ksize", list({1, c.kernel, c.kernel, 1})},
            {"data_format", text("NHWC")}};
  }
};

TEST_P(Windows, Conv2D) {
  const SlideCase& c = GetParam();
  constexpr int64_t kIn = 3;
  constexpr int64_t kOut = 4;
  const auto x = ramp(static_cast<size_t>(c.height * c.width * kIn));
  const auto k = ramp(static_cast<size_t>(c.kernel * c.kernel * kIn * kOut), 0.91F);
  const auto [rows, top] = slide(c, c.height);
  const auto [columns, left] = slide(c, c.width);
  std::vector<float> expected(static_cast<size_t>(rows * columns * kOut), 0.0F);
  each_tap(c, [&, width = columns](int64_t y, int64_t px, int64_t v, int64_t u, int64_t iy, int64_t ix) {
    for (int64_t i = 0; i < kIn; ++i)
      for (int64_t o = 0; o < kOut; ++o)
        expected[static_cast<size_t>((y * width + px) * kOut + o)] +=
            x[static_cast<size_t>((iy * c.width + ix) * kIn + i)] *
            k[static_cast<size_t>(((v * c.kernel + u) * kIn + i) * kOut + o)];
  });
  Graph g({1, c.height, c.width, kIn});
  g.floats("k", {c.kernel, c.kernel, kIn, kOut}, k).node("y", "Conv2D", {"x", "k"}, attributes());
  const auto out = g.run(x);
  EXPECT_THAT(out.shape, ElementsAre(1, rows, columns, kOut));
  EXPECT_THAT(out.values, near(expected));
}

TEST_P(Windows, DepthwiseConv2d) {
  const SlideCase& c = GetParam();
  constexpr int64_t kIn = 3;
  constexpr int64_t kTimes = 2;
  const auto x = ramp(static_cast<size_t>(c.height * c.width * kIn));
  const auto k = ramp(static_cast<size_t>(c.kernel * c.kernel * kIn * kTimes), 0.91F);
  const int64_t columns = slide(c, c.width).first;
  std::vector<float> expected(static_cast<size_t>(slide(c, c.height).first * columns * kIn * kTimes), 0.0F);
  each_tap(c, [&](int64_t y, int64_t px, int64_t v, int64_t u, int64_t iy, int64_t ix) {
    for (int64_t i = 0; i < kIn; ++i)
      for (int64_t m = 0; m < kTimes; ++m)
        expected[static_cast<size_t>((y * columns + px) * kIn * kTimes + i * kTimes + m)] +=
            x[static_cast<size_t>((iy * c.width + ix) * kIn + i)] *
            k[static_cast<size_t>(((v * c.kernel + u) * kIn + i) * kTimes + m)];
  });
  Graph g({1, c.height, c.width, kIn});
  g.floats("k", {c.kernel, c.kernel, kIn, kTimes}, k).node("y", "DepthwiseConv2dNative", {"x", "k"}, attributes());
  EXPECT_THAT(g.run(x).values, near(expected));
}

/// Pools have no dilation.
class Pools : public Windows {};

TEST_P(Pools, AreTensorFlows) {
  const SlideCase& c = GetParam();
  const auto x = ramp(static_cast<size_t>(c.height * c.width));
  const int64_t columns = slide(c, c.width).first;
  const auto cells = static_cast<size_t>(slide(c, c.height).first * columns);
  std::vector<float> most(cells, -INFINITY);
  std::vector<float> sum(cells, 0.0F);
  std::vector<float> count(cells, 0.0F);
  each_tap(c, [&](int64_t y, int64_t px, int64_t, int64_t, int64_t iy, int64_t ix) {
    const auto cell = static_cast<size_t>(y * columns + px);
    const float value = x[static_cast<size_t>(iy * c.width + ix)];
    most[cell] = std::max(most[cell], value);
    sum[cell] += value;
    count[cell] += 1;
  });
  for (size_t i = 0; i < cells; ++i) sum[i] /= count[i];
  Graph g({1, c.height, c.width, 1});
  g.node("y", "MaxPool", {"x"}, attributes()).node("mean", "AvgPool", {"x"}, attributes());
  EXPECT_THAT(g.run(x).values, near(most));
  EXPECT_THAT(g.run(x, "mean").values, near(sum));
}

INSTANTIATE_TEST_SUITE_P(Paddings, Windows,
                         testing::Values(SlideCase{"VALID", 7, 6, 3, 2, 1}, SlideCase{"SAME", 7, 6, 3, 2, 1},
                                         SlideCase{"SAME", 6, 8, 3, 2, 1}, SlideCase{"SAME", 5, 5, 3, 1, 1},
                                         SlideCase{"SAME", 8, 8, 2, 2, 1}, SlideCase{"SAME", 9, 7, 3, 1, 2},
                                         SlideCase{"VALID", 9, 7, 3, 1, 2}, SlideCase{"SAME", 4, 4, 1, 1, 1}));

INSTANTIATE_TEST_SUITE_P(Paddings, Pools,
                         testing::Values(SlideCase{"VALID", 7, 6, 3, 2, 1}, SlideCase{"SAME", 7, 6, 3, 2, 1},
                                         SlideCase{"SAME", 6, 8, 3, 2, 1}, SlideCase{"SAME", 5, 5, 3, 1, 1},
                                         SlideCase{"SAME", 8, 8, 2, 2, 1}));

/// TensorFlow's resize_bilinear for one channel.
std::vector<float> resize(const std::vector<float>& x, int64_t h, int64_t w, int64_t to_h, int64_t to_w,
                          bool half_pixel, bool corners) {
  const auto source = [&](int64_t i, int64_t from, int64_t to) {
    const auto at = static_cast<double>(i);
    if (half_pixel) return (at + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
    if (corners) return to > 1 ? at * static_cast<double>(from - 1) / static_cast<double>(to - 1) : 0.0;
    return at * static_cast<double>(from) / static_cast<double>(to);
  };
  const auto pixel = [&](int64_t y, int64_t px) {
    return static_cast<double>(
        x[static_cast<size_t>(std::clamp<int64_t>(y, 0, h - 1) * w + std::clamp<int64_t>(px, 0, w - 1))]);
  };
  std::vector<float> y;
  for (int64_t r = 0; r < to_h; ++r)
    for (int64_t c = 0; c < to_w; ++c) {
      const double sy = source(r, h, to_h);
      const double sx = source(c, w, to_w);
      const auto y0 = static_cast<int64_t>(std::floor(sy));
      const auto x0 = static_cast<int64_t>(std::floor(sx));
      const double fy = sy - static_cast<double>(y0);
      const double fx = sx - static_cast<double>(x0);
      y.push_back(static_cast<float>((pixel(y0, x0) * (1 - fx) + pixel(y0, x0 + 1) * fx) * (1 - fy) +
                                     (pixel(y0 + 1, x0) * (1 - fx) + pixel(y0 + 1, x0 + 1) * fx) * fy));
    }
  return y;
}

TEST(Converter, ResizeBilinearInItsThreeModes) {
  const auto x = ramp(20);
  for (const auto& [half_pixel, corners] : {std::pair{true, false}, std::pair{false, true}, std::pair{false, false}}) {
    for (const auto& [h, w] :
         {std::pair<int64_t, int64_t>{8, 10}, std::pair<int64_t, int64_t>{2, 3}, std::pair<int64_t, int64_t>{4, 5}}) {
      Graph g({1, 4, 5, 1});
      g.ints("size", {h, w})
          .node("y", "ResizeBilinear", {"x", "size"},
                {{"half_pixel_centers", flag(half_pixel)}, {"align_corners", flag(corners)}});
      EXPECT_THAT(g.run(x).values, near(resize(x, 4, 5, h, w, half_pixel, corners))) << half_pixel << corners << h;
    }
  }
}

/// An operator after something stored as TensorFlow sees it, and after a convolution that changes nothing but leaves
/// its result stored as NCHW: the results must be the same, and the first as computed by hand.
struct OpCase {
  std::string name;
  std::function<void(Graph&, const std::string& input)> build;  ///< from `input`, NHWC [1,2,3,2], to "y"
  Shape shape;
  std::function<float(size_t)> expected;  ///< of x[i] = i, by index of the result
};

class Layouts : public testing::TestWithParam<OpCase> {};

TEST_P(Layouts, AreInvisible) {
  const OpCase& c = GetParam();
  std::vector<float> x(12);
  std::iota(x.begin(), x.end(), 0.0F);
  std::vector<float> expected(static_cast<size_t>(element_count(c.shape)));
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = c.expected(i);
  for (const bool convolved : {false, true}) {
    Graph g({1, 2, 3, 2});
    g.floats("eye", {1, 1, 2, 2}, {1, 0, 0, 1}).node("same", "Conv2D", {"x", "eye"}, {{"padding", text("VALID")}});
    c.build(g, convolved ? "same" : "x");
    const auto out = g.run(x);
    EXPECT_EQ(out.shape, c.shape) << convolved;
    EXPECT_THAT(out.values, near(expected)) << convolved;
  }
}

float at(size_t i) { return static_cast<float>(i); }
/// Of an NHWC [1,2,3,2] tensor: the channel of element i.
size_t channel(size_t i) { return i % 2; }

INSTANTIATE_TEST_SUITE_P(
    Ops, Layouts,
    testing::Values(
        OpCase{"AddPerChannel",
               [](Graph& g, const std::string& x) { g.floats("c", {2}, {10, 20}).node("y", "AddV2", {x, "c"}); },
               {1, 2, 3, 2},
               [](size_t i) { return at(i) + (channel(i) == 0 ? 10.0F : 20.0F); }},
        OpCase{"SubFromScalar",
               [](Graph& g, const std::string& x) { g.floats("c", {}, {5}).node("y", "Sub", {"c", x}); },
               {1, 2, 3, 2},
               [](size_t i) { return 5.0F - at(i); }},
        OpCase{"BiasAdd",
               [](Graph& g, const std::string& x) { g.floats("c", {2}, {1, -1}).node("y", "BiasAdd", {x, "c"}); },
               {1, 2, 3, 2},
               [](size_t i) { return at(i) + (channel(i) == 0 ? 1.0F : -1.0F); }},
        OpCase{"AddN",
               [](Graph& g, const std::string& x) { g.node("y", "AddN", {x, "x", "same"}); },
               {1, 2, 3, 2},
               [](size_t i) { return 3.0F * at(i); }},
        OpCase{"MulBroadcast",
               [](Graph& g, const std::string& x) { g.floats("c", {3, 1}, {1, 2, 3}).node("y", "Mul", {x, "c"}); },
               {1, 2, 3, 2},
               [](size_t i) { return at(i) * at(i / 2 % 3 + 1); }},
        OpCase{"Relu6",
               [](Graph& g, const std::string& x) { g.node("y", "Relu6", {x}); },
               {1, 2, 3, 2},
               [](size_t i) { return std::min(at(i), 6.0F); }},
        OpCase{
            "LeakyRelu",
            [](Graph& g, const std::string& x) {
              g.floats("c", {}, {4}).node("s", "Sub", {x, "c"}).node("y", "LeakyRelu", {"s"}, {{"alpha", real(0.1)}});
            },
            {1, 2, 3, 2},
            [](size_t i) { return i < 4 ? (at(i) - 4) * 0.1F : at(i) - 4; }},
        OpCase{"Relu",
               [](Graph& g, const std::string& x) {
                 g.floats("c", {}, {4}).node("s", "Sub", {x, "c"}).node("y", "Relu", {"s"});
               },
               {1, 2, 3, 2},
               [](size_t i) { return std::max(at(i) - 4, 0.0F); }},
        OpCase{"Sigmoid",
               [](Graph& g, const std::string& x) { g.node("y", "Sigmoid", {x}); },
               {1, 2, 3, 2},
               [](size_t i) { return 1.0F / (1.0F + std::exp(-at(i))); }},
        OpCase{"TanhExp",
               [](Graph& g, const std::string& x) { g.node("t", "Tanh", {x}).node("y", "Exp", {"t"}); },
               {1, 2, 3, 2},
               [](size_t i) { return std::exp(std::tanh(at(i))); }},
        OpCase{"Transpose",
               [](Graph& g, const std::string& x) { g.ints("p", {0, 3, 1, 2}).node("y", "Transpose", {x, "p"}); },
               {1, 2, 2, 3},
               [](size_t i) { return at((i % 6) * 2 + i / 6); }},
        OpCase{"TwoTransposes",
               [](Graph& g, const std::string& x) {
                 g.ints("p", {0, 3, 1, 2})
                     .ints("q", {0, 3, 2, 1})
                     .node("t", "Transpose", {x, "p"})
                     .node("y", "Transpose", {"t", "q"});
               },
               {1, 3, 2, 2},
               [](size_t i) { return at((i / 2 % 2) * 6 + i / 4 * 2 + i % 2); }},
        OpCase{"Reshape",
               [](Graph& g, const std::string& x) { g.ints("s", {-1, 4}).node("y", "Reshape", {x, "s"}); },
               {3, 4},
               [](size_t i) { return at(i); }},
        OpCase{"ConcatChannels",
               [](Graph& g, const std::string& x) { g.ints("a", Shape{}, {3}).node("y", "ConcatV2", {x, "x", "a"}); },
               {1, 2, 3, 4},
               [](size_t i) { return at(i / 4 * 2 + i % 2); }},
        OpCase{"ConcatWithConstant",
               [](Graph& g, const std::string& x) {
                 g.ints("a", Shape{}, {-2})
                     .floats("c", {1, 2, 1, 2}, {50, 51, 52, 53})
                     .node("y", "ConcatV2", {"c", x, "a"});
               },
               {1, 2, 4, 2},
               [](size_t i) { return i % 8 < 2 ? at(50 + i / 8 * 2 + i % 2) : at(i / 8 * 6 + i % 8 - 2); }},
        OpCase{"SplitV",
               [](Graph& g, const std::string& x) {
                 g.ints("n", {1, 2})
                     .ints("a", Shape{}, {2})
                     .node("s", "SplitV", {x, "n", "a"})
                     .node("y", "Identity", {"s:1"});
               },
               {1, 2, 2, 2},
               [](size_t i) { return at(i / 4 * 6 + 2 + i % 4); }},
        OpCase{"Split",
               [](Graph& g, const std::string& x) {
                 g.ints("a", Shape{}, {-1})
                     .node("s", "Split", {"a", x}, {{"num_split", number(2)}})
                     .node("y", "Relu", {"s:1"});
               },
               {1, 2, 3, 1},
               [](size_t i) { return at(2 * i + 1); }},
        OpCase{"UnpackPack",
               [](Graph& g, const std::string& x) {
                 g.node("u", "Unpack", {x}, {{"axis", number(3)}, {"num", number(2)}})
                     .node("y", "Pack", {"u:1", "u"}, {{"axis", number(0)}});
               },
               {2, 1, 2, 3},
               [](size_t i) { return i < 6 ? at(2 * i + 1) : at(2 * (i - 6)); }},
        OpCase{"Slice",
               [](Graph& g, const std::string& x) {
                 g.ints("b", {0, 0, 1, 1}).ints("n", {-1, 2, 2, -1}).node("y", "Slice", {x, "b", "n"});
               },
               {1, 2, 2, 1},
               [](size_t i) { return at(i / 2 * 6 + (i % 2 + 1) * 2 + 1); }},
        OpCase{
            "Pad",
            [](Graph& g, const std::string& x) {
              g.ints("p", {4, 2}, {0, 0, 0, 0, 1, 0, 0, 1}).node("y", "Pad", {x, "p"});
            },
            {1, 2, 4, 3},
            [](size_t i) { return i % 12 < 3 || i % 3 == 2 ? 0.0F : at(i / 12 * 6 + (i % 12 / 3 - 1) * 2 + i % 3); }},
        OpCase{"PadWithFiller",
               [](Graph& g, const std::string& x) {
                 g.ints("p", {4, 2}, {0, 0, 1, 0, 0, 0, 0, 0}).floats("f", {}, {-3}).node("y", "PadV2", {x, "p", "f"});
               },
               {1, 3, 3, 2},
               [](size_t i) { return i < 6 ? -3.0F : at(i - 6); }},
        OpCase{"SqueezeExpandDims",
               [](Graph& g, const std::string& x) {
                 g.ints("a", Shape{}, {-1})
                     .node("s", "Squeeze", {x}, {{"squeeze_dims", list({0})}})
                     .node("y", "ExpandDims", {"s", "a"});
               },
               {2, 3, 2, 1},
               [](size_t i) { return at(i); }},
        OpCase{"Tile",
               [](Graph& g, const std::string& x) { g.ints("m", {2, 1, 1, 1}).node("y", "Tile", {x, "m"}); },
               {2, 2, 3, 2},
               [](size_t i) { return at(i % 12); }},
        OpCase{"BatchNorm",
               [](Graph& g, const std::string& x) {
                 g.floats("gamma", {2}, {2, 3})
                     .floats("beta", {2}, {1, -1})
                     .floats("mean", {2}, {4, 5})
                     .floats("var", {2}, {4, 9});
                 g.node("y", "FusedBatchNorm", {x, "gamma", "beta", "mean", "var"},
                        {{"epsilon", real(1e-8)}, {"is_training", flag(false)}});
               },
               {1, 2, 3, 2},
               [](size_t i) { return channel(i) == 0 ? at(i) - 4 + 1 : at(i) - 5 - 1; }},
        OpCase{"ShapeArithmetic",
               [](Graph& g, const std::string& x) {
                 // Reshape to [batch, 6, 2], with the batch taken from the tensor's own shape and 6 a list of one.
                 g.ints("zero", {0})
                     .ints("one", {1})
                     .ints("six", {6})
                     .ints("two", Shape{}, {2})
                     .node("shape", "Shape", {x});
                 g.node("batch", "StridedSlice", {"shape", "zero", "one", "one"}, {{"shrink_axis_mask", number(1)}});
                 g.node("stack", "Pack", {"batch", "six", "two"}).node("y", "Reshape", {x, "stack"});
               },
               {1, 6, 2},
               [](size_t i) { return at(i); }},
        OpCase{"SparseToDense",
               [](Graph& g, const std::string& x) {
                 g.ints("where", {1, 1}, {1})
                     .ints("n", {2})
                     .ints("v", {1}, {3})
                     .ints("f", Shape{}, {0})
                     .ints("base", {-1, 1});
                 g.node("dense", "SparseToDense", {"where", "n", "v", "f"})
                     .node("s", "AddV2", {"base", "dense"})
                     .node("y", "Reshape", {x, "s"});
               },
               {3, 4},
               [](size_t i) { return at(i); }}),
    [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace vedette::convert
