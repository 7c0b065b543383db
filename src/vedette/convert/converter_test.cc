#include "vedette/convert/converter.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "vedette/convert/tf_graph.h"

namespace vedette::convert {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

size_t count_in(const std::string& bytes, const std::string& word) {
  size_t count = 0;
  for (size_t found = bytes.find(word); found != std::string::npos; found = bytes.find(word, found + 1)) ++count;
  return count;
}

TEST(Converter, TakesPaddingIntoTheWindowAndTransposesOnlyAtTheEnds) {
  // As NanoDet has it: NCHW in, padded, convolved as NHWC, activated as NCHW, padded with the least number, pooled as
  // NHWC.
  Graph g({1, 2, 6, 6});
  g.ints("nhwc", {0, 2, 3, 1}).ints("nchw", {0, 3, 1, 2}).ints("pads", {4, 2}, {0, 0, 0, 0, 1, 1, 1, 1});
  g.floats("k", {3, 3, 2, 2}, ramp(36)).floats("bias", {2}, {0.5F, -0.5F}).floats("least", {}, {-INFINITY});
  g.node("p", "Pad", {"x", "pads"}).node("t", "Transpose", {"p", "nhwc"});
  g.node("conv", "Conv2D", {"t", "k"}, {{"padding", text("VALID")}}).node("add", "Add", {"conv", "bias"});
  g.node("back", "Transpose", {"add", "nchw"})
      .node("act", "LeakyRelu", {"back"})
      .node("q", "PadV2", {"act", "pads", "least"});
  g.node("u", "Transpose", {"q", "nhwc"});
  g.node("pool", "MaxPool", {"u"},
         {{"padding", text("VALID")}, {"ksize", list({1, 3, 3, 1})}, {"strides", list({1, 2, 2, 1})}});
  g.node("y", "Transpose", {"pool", "nchw"});
  const std::string bytes = g.convert();
  EXPECT_EQ(count_in(bytes, "Transpose"), 0U);
  EXPECT_EQ(count_in(bytes, "Pad"), 0U);

  // The same with SAME windows, where TensorFlow pads itself.
  Graph h({1, 2, 6, 6});
  h.ints("nhwc", {0, 2, 3, 1})
      .ints("nchw", {0, 3, 1, 2})
      .floats("k", {3, 3, 2, 2}, ramp(36))
      .floats("bias", {2}, {0.5F, -0.5F});
  h.node("t", "Transpose", {"x", "nhwc"}).node("conv", "Conv2D", {"t", "k"}, {{"padding", text("SAME")}});
  h.node("add", "Add", {"conv", "bias"}).node("act", "LeakyRelu", {"add"});
  h.ints("pads", {4, 2}, {0, 0, 1, 1, 1, 1, 0, 0})
      .floats("low", {}, {-1e30F})
      .node("q", "PadV2", {"act", "pads", "low"});
  h.node("pool", "MaxPool", {"q"},
         {{"padding", text("VALID")}, {"ksize", list({1, 3, 3, 1})}, {"strides", list({1, 2, 2, 1})}});
  h.node("y", "Transpose", {"pool", "nchw"});
  const auto x = ramp(72, 0.7F);
  const auto out = g.run(x);
  EXPECT_EQ(out.shape, (Shape{1, 2, 3, 3}));
  EXPECT_THAT(out.values, near(h.run(x).values));
}

TEST(Converter, KeepsAPadThatMeansSomethingElse) {
  for (const auto& [pads, filler] : {std::pair<std::vector<int64_t>, float>{{0, 0, 1, 1, 1, 1, 0, 0}, 2.0F},
                                     std::pair<std::vector<int64_t>, float>{{0, 0, 1, 1, 1, 1, 0, 1}, 0.0F}}) {
    const int64_t channels = 1 + pads[7];
    Graph g({1, 2, 2, 1});
    g.ints("p", {4, 2}, pads)
        .floats("f", {}, {filler})
        .floats("k", {3, 3, channels, 1}, std::vector<float>(static_cast<size_t>(9 * channels), 1.0F));
    g.node("q", "PadV2", {"x", "p", "f"}).node("y", "Conv2D", {"q", "k"}, {{"padding", text("VALID")}});
    // Every window covers all four pixels and five cells of filler.
    EXPECT_THAT(g.run({1, 2, 3, 4}).values, near(std::vector<float>(4, 10.0F + 5.0F * filler)));
  }
}

TEST(Converter, GivesTheSameBytesEachTime) {
  Graph g({1, 4, 4, 2});
  g.floats("k", {3, 3, 2, 2}, ramp(36))
      .floats("b", {2}, {1, 2})
      .node("c", "Conv2D", {"x", "k"}, {{"padding", text("SAME")}});
  g.node("d", "Add", {"c", "b"}).node("y", "Mul", {"d", "b"});
  EXPECT_EQ(g.convert(), g.convert());
}

TEST(Converter, NamesOutputsThatShareATensorOrAreTheInput) {
  TfjsModel model;
  model.add_node({"x", "Placeholder", {}, {}});
  model.add_node({"r", "Relu", {{"x", 0}}, {}});
  model.add_node({"same", "Identity", {{"r", 0}}, {}});
  model.add_constant("c", {{1}, std::vector<float>{9}});
  OnnxRunner runner(
      convert_to_onnx(model, {"t", {"x", "x", {2}}, {{"same", "a"}, {"r", "b"}, {"x", "c"}, {"c", "d"}}}));
  auto out = runner.run({-1, 2});
  EXPECT_THAT(out.at("a").values, ElementsAre(0, 2));
  EXPECT_THAT(out.at("b").values, ElementsAre(0, 2));
  EXPECT_THAT(out.at("c").values, ElementsAre(-1, 2));
  EXPECT_THAT(out.at("d").values, ElementsAre(9));
}

TEST(Converter, SaysWhatItCannotConvert) {
  const auto failure = [](const std::function<void(Graph&)>& build) {
    Graph g({1, 4, 4, 2});
    build(g);
    return g.failure();
  };
  EXPECT_THAT(failure([](Graph& g) { g.node("y", "Einsum", {"x"}); }),
              HasSubstr("node 'y': operator 'Einsum' is not supported"));
  EXPECT_THAT(failure([](Graph&) {}), HasSubstr("'y', which does not exist"));
  EXPECT_THAT(failure([](Graph& g) { g.node("y", "Add", {"x", "gone"}); }), HasSubstr("node 'y' needs 'gone'"));
  EXPECT_THAT(failure([](Graph& g) { g.node("y", "Relu", {"a"}).node("a", "Relu", {"b"}).node("b", "Relu", {"a"}); }),
              HasSubstr("depends on itself"));
  EXPECT_THAT(failure([](Graph& g) { g.node("y", "Relu", {"x:1"}); }), HasSubstr("needs output 1 of 'x', which has 1"));
  EXPECT_THAT(failure([](Graph& g) { g.node("y", "Add", {"x"}); }),
              HasSubstr("'y' (Add): it has 1 inputs, 2 are needed"));
  EXPECT_THAT(failure([](Graph& g) { g.node("c", "Const", {}).node("y", "Add", {"x", "c"}); }),
              HasSubstr("constant 'c' has no weights"));
  EXPECT_THAT(failure([](Graph& g) { g.floats("c", {3}, {1, 2, 3}).node("y", "Add", {"x", "c"}); }),
              HasSubstr("[1,4,4,2] and [3] do not go together"));
  EXPECT_THAT(failure([](Graph& g) { g.ints("s", {5, -1}).node("y", "Reshape", {"x", "s"}); }),
              HasSubstr("[1,4,4,2] cannot become [5,6]"));
  EXPECT_THAT(failure([](Graph& g) { g.ints("s", {0, -1}).node("y", "Reshape", {"x", "s"}); }),
              HasSubstr("cannot become"));
  EXPECT_THAT(failure([](Graph& g) { g.ints("p", {0, 1, 1, 2}).node("y", "Transpose", {"x", "p"}); }),
              HasSubstr("names an axis twice"));
  EXPECT_THAT(failure([](Graph& g) { g.node("y", "Reshape", {"x", "x"}); }),
              HasSubstr("input 1 must be a constant of whole numbers"));
  EXPECT_THAT(failure([](Graph& g) {
                g.floats("k", {3, 3, 3, 2}, std::vector<float>(54))
                    .node("y", "Conv2D", {"x", "k"}, {{"padding", text("SAME")}});
              }),
              HasSubstr("kernel [3,3,3,2] does not fit"));
  EXPECT_THAT(failure([](Graph& g) {
                g.floats("k", {9, 9, 2, 2}, std::vector<float>(324))
                    .node("y", "Conv2D", {"x", "k"}, {{"padding", text("VALID")}});
              }),
              HasSubstr("the window is larger"));
  EXPECT_THAT(failure([](Graph& g) { g.ints("m", {9999, 9999, 9999, 9999}).node("y", "Tile", {"x", "m"}); }),
              HasSubstr("larger than"));
}

TEST(Converter, SurvivesAVeryLongChain) {
  Graph g({1});
  g.node("n0", "Relu", {"x"});
  constexpr int kLength = 20'000;
  for (int i = 1; i < kLength; ++i) g.node(fmt::format("n{}", i), "Identity", {fmt::format("n{}", i - 1)});
  g.node("y", "Relu", {fmt::format("n{}", kLength - 1)});
  EXPECT_THAT(g.run({3}).values, ElementsAre(3));
}

}  // namespace
}  // namespace vedette::convert
