#include "vedette/infer/head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "vedette/base/error.h"
#include "vedette/infer/scan.h"

namespace vedette::infer {
namespace {

/// A made-up model: outputs with their values, read by one head.
class Made {
 public:
  Made(const std::string& head, int side, size_t classes) {
    card.name = "made";
    card.head_type = head;
    card.head = made_ = make_head(head);
    card.input.width = card.input.height = side;
    if (classes > 0) card.labels = std::make_shared<const Labels>(classes, "x");
  }
  std::vector<float>& output(std::vector<int64_t> shape, float fill) {
    size_t size = 1;
    for (const int64_t n : shape) size *= static_cast<size_t>(n);
    specs_.push_back({"out" + std::to_string(specs_.size()), std::move(shape)});
    return *values_.emplace_back(std::make_unique<std::vector<float>>(size, fill));
  }
  std::vector<Candidate> decode(float score, std::vector<int> classes = {}) const {
    std::vector<const float*> data;
    for (const auto& each : values_) data.push_back(each->data());
    std::vector<Candidate> found;
    dynamic_cast<const DetectionHead&>(*card.head).bind({card, specs_})->decode(data, {score, classes}, found);
    return found;
  }
  template <typename H>
  H& head() {
    return dynamic_cast<H&>(*made_);
  }
  ModelCard card;

 private:
  std::shared_ptr<Head> made_;
  std::vector<OutputSpec> specs_;
  std::vector<std::unique_ptr<std::vector<float>>> values_;
};

void expect_box(const Candidate& c, float left, float top, float right, float bottom, float score, int id) {
  EXPECT_NEAR(c.left, left, 1e-4);
  EXPECT_NEAR(c.top, top, 1e-4);
  EXPECT_NEAR(c.right, right, 1e-4);
  EXPECT_NEAR(c.bottom, bottom, 1e-4);
  EXPECT_NEAR(c.score, score, 1e-6);
  EXPECT_EQ(c.class_id, id);
}

TEST(YoloV5Head, MultipliesObjectnessAndClass) {
  Made made("yolov5", 64, 3);
  auto& out = made.output({5, 8}, 0);
  const float row[] = {20, 30, 10, 6, 0.8f, 0.1f, 0.9f, 0.5f};
  std::copy(std::begin(row), std::end(row), out.begin() + 8 * 2);
  const auto found = made.decode(0.5f);
  ASSERT_EQ(found.size(), 1u);
  expect_box(found[0], 15, 27, 25, 33, 0.72f, 1);
  EXPECT_TRUE(made.decode(0.73f).empty());
  ASSERT_EQ(made.decode(0.3f, {2}).size(), 1u);
  EXPECT_EQ(made.decode(0.3f, {2})[0].class_id, 2);
  EXPECT_TRUE(made.decode(0.3f, {0}).empty());
}

TEST(YoloV8Head, ReadsBothLayouts) {
  for (const bool transposed : {false, true}) {
    Made made("yolov8", 64, 2);
    constexpr size_t kAnchors = 700;
    auto& out = transposed ? made.output({kAnchors, 6}, 0) : made.output({6, kAnchors}, 0);
    const float row[] = {20, 30, 10, 6, 0.1f, 0.9f};
    for (size_t i = 0; i < 6; ++i) out[transposed ? 600 * 6 + i : i * kAnchors + 600] = row[i];
    const auto found = made.decode(0.5f);
    ASSERT_EQ(found.size(), 1u);
    expect_box(found[0], 15, 27, 25, 33, 0.9f, 1);
    EXPECT_EQ(made.decode(0.5f, {1}).size(), 1u);
    EXPECT_TRUE(made.decode(0.5f, {0}).empty());
  }
}

TEST(NanodetHead, TakesTheMeanOfEachSidesDistribution) {
  Made made("nanodet", 64, 2);
  std::vector<std::vector<float>*> scores, boxes;
  for (const int64_t cells : {64, 16, 4}) scores.push_back(&made.output({cells, 2}, 0));
  for (const int64_t cells : {64, 16, 4}) boxes.push_back(&made.output({cells, 44}, 0));
  (*scores[1])[5 * 2 + 1] = 0.7f;  // cell (1, 1) of stride 16: centre 24, 24
  for (size_t side = 0; side < 4; ++side) (*boxes[1])[5 * 44 + side * 11 + side] = 50;  // all weight on `side` strides
  const auto found = made.decode(0.5f);
  ASSERT_EQ(found.size(), 1u);
  expect_box(found[0], 24, 24 - 16, 24 + 32, 24 + 48, 0.7f, 1);
}

TEST(SsdHead, MapsCocoCategories) {
  Made made("ssd", 300, 80);
  struct Switch final : Fields {
    void flag(std::string_view name, bool& value, std::string_view) override {
      value = value || name == "coco_categories";
    }
    void whole(std::string_view, int64_t&, std::string_view, Range) override {}
    void number(std::string_view, double&, std::string_view, Range) override {}
    void text(std::string_view, std::string&, std::string_view) override {}
    void texts(std::string_view, std::vector<std::string>&, std::string_view) override {}
    void rows(std::string_view, std::vector<std::vector<double>>&, size_t, std::string_view) override {}
    void pairs(std::string_view, std::vector<std::pair<std::string, std::string>>&, std::string_view) override {}
    void check(const std::function<std::string()>&) override {}
    void choice_index(std::string_view, size_t&, const std::vector<std::string>&, std::string_view) override {}
    bool enter(std::string_view, std::string_view) override { return false; }
    size_t enter_list(std::string_view, std::string_view, size_t) override { return 0; }
    void enter_item(size_t) override {}
    void leave() override {}
    void leave_list() override {}
  } on;
  made.head<DetectionHead>().fields(on);
  auto& boxes = made.output({3, 1, 4}, 0);
  auto& scores = made.output({3, 90}, 0);
  const float box[] = {0.1f, 0.2f, 0.3f, 0.4f};
  std::copy(std::begin(box), std::end(box), boxes.begin() + 4);
  scores[90 + 89] = 0.9f;  // category 90, toothbrush, the last of the 80
  const auto found = made.decode(0.5f);
  ASSERT_EQ(found.size(), 1u);
  expect_box(found[0], 60, 30, 120, 90, 0.9f, 79);
  EXPECT_EQ(made.decode(0.5f, {79}).size(), 1u);
  EXPECT_TRUE(made.decode(0.5f, {0, 78}).empty());
}

TEST(CenterNetHead, TakesPeaksOnly) {
  Made made("centernet", 64, 3);
  auto& scores = made.output({3, 16, 16}, -9);
  auto& sizes = made.output({2, 16, 16}, 2);
  auto& offsets = made.output({2, 16, 16}, 0);
  scores[2 * 256 + 4 * 16 + 5] = 2;
  scores[2 * 256 + 4 * 16 + 6] = 1;  // in the shadow of the peak
  sizes[4 * 16 + 5] = 4;
  offsets[4 * 16 + 5] = 0.5f;
  const auto found = made.decode(0.3f);
  ASSERT_EQ(found.size(), 1u);
  expect_box(found[0], 22 - 8, 16 - 4, 22 + 8, 16 + 4, 1 / (1 + std::exp(-2.f)), 2);
  EXPECT_TRUE(made.decode(0.3f, {0, 1}).empty());
}

TEST(Scan, PropertyLargestAgreesWithTheObvious) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> value(-1, 1);
  for (size_t n = 1; n < 100; ++n) {
    std::vector<float> values(n * 7);
    for (float& x : values) x = value(random);
    EXPECT_EQ(largest_of(values.data(), n),
              *std::max_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(n)));
    std::vector<float> best(n);
    largest_of_rows(values.data(), 7, n, n, best.data());
    for (size_t i = 0; i < n; ++i)
      for (size_t r = 0; r < 7; ++r) EXPECT_GE(best[i], values[r * n + i]);
  }
}

}  // namespace
}  // namespace vedette::infer
