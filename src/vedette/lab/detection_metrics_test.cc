#include "vedette/lab/detection_metrics.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "vedette/base/error.h"

namespace vedette::lab {
namespace {

MotRow box(int64_t frame, double left, double confidence = 1) { return {frame, -1, left, 0, 40, 40, confidence, 0}; }

TEST(DetectionMetrics, F1AtAScoreAndItsBest) {
  // Two truths; hits at 0.9 and 0.5, boxes on nothing at 0.7 and 0.3.
  const auto d =
      detection_data({box(1, 0), box(2, 0)}, {box(1, 2, 0.9), box(1, 500, 0.7), box(2, 1, 0.5), box(2, 700, 0.3)});
  const auto all = f1_metrics(d);
  EXPECT_EQ(all.at_score.true_positives, 2u);
  EXPECT_EQ(all.at_score.false_positives, 2u);
  EXPECT_DOUBLE_EQ(all.at_score.f1, 2 * 2.0 / 6);
  EXPECT_DOUBLE_EQ(all.best.threshold, 0.5);
  EXPECT_DOUBLE_EQ(all.best.f1, 2 * 2.0 / 5);
  const auto confident = f1_metrics(d, 0.5, 0.8);
  EXPECT_DOUBLE_EQ(confident.at_score.precision, 1);
  EXPECT_DOUBLE_EQ(confident.at_score.recall, 0.5);
  EXPECT_EQ(confident.at_score.false_negatives, 1u);
}

TEST(DetectionMetrics, TheMoreConfidentOfTwoBoxesOnOneTruthCounts) {
  const auto d = detection_data({box(1, 0)}, {box(1, 0, 0.4), box(1, 5, 0.8)});
  const auto m = f1_metrics(d);
  EXPECT_EQ(m.at_score.true_positives, 1u);
  EXPECT_EQ(m.at_score.false_positives, 1u);
  EXPECT_DOUBLE_EQ(m.best.threshold, 0.8);
}

TEST(DetectionMetrics, CocoOfAPerfectResultIsOne) {
  const auto m = coco_metrics(detection_data({box(1, 0), box(2, 0)}, {box(1, 0, 0.9), box(2, 0, 0.8)}));
  EXPECT_NEAR(m.ap, 1, 1e-12);
  EXPECT_NEAR(m.ar100, 1, 1e-12);
  EXPECT_NEAR(m.ap_medium, 1, 1e-12) << "40 × 40 is medium";
  EXPECT_EQ(m.ap_small, -1) << "nothing to measure with";
}

TEST(DetectionMetrics, CocoPrecisionAtHalfRecall) {
  // One of two truths found, before a box on nothing: precision 1 up to recall 0.5, nothing beyond: 51 of 101 recalls.
  const auto m = coco_metrics(detection_data({box(1, 0), box(2, 0)}, {box(1, 0, 0.9), box(1, 500, 0.1)}));
  EXPECT_NEAR(m.ap50, 51.0 / 101, 1e-12);
  EXPECT_NEAR(m.ar100, 0.5, 1e-12);
}

class DetectionFiles : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  std::string refusal(const std::string& truth, const std::string& result) const {
    try {
      load_detection_data(file("truth", truth), file("result", result));
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidData);
      return std::string(e.what()).substr(folder_.string().size() + 1);
    }
    return "accepted";
  }

  const std::filesystem::path folder_ =
      testing::TempDir() + "/vedette_detection_files_" + testing::UnitTest::GetInstance()->current_test_info()->name();
  const std::string truth_ = R"({"images": [{"id": 3}], "categories": [{"id": 1}, {"id": 2}], "annotations": [
    {"image_id": 3, "category_id": 1, "bbox": [0, 0, 10, 10], "iscrowd": 0},
    {"image_id": 3, "category_id": 1, "bbox": [50, 50, 100, 100], "area": 99, "iscrowd": 1}]})";
};

TEST_F(DetectionFiles, WhatFallsToACrowdCountsNeitherWay) {
  const auto d = load_detection_data(file("t", truth_), file("r", R"([
    {"image_id": 3, "category_id": 1, "bbox": [0, 0, 10, 10], "score": 0.9},
    {"image_id": 3, "category_id": 1, "bbox": [60, 60, 20, 20], "score": 0.8},
    {"image_id": 3, "category_id": 1, "bbox": [90, 90, 20, 20], "score": 0.7},
    {"image_id": 3, "category_id": 9, "bbox": [0, 0, 10, 10], "score": 0.9}])"));
  EXPECT_EQ(d.dropped, 1u);
  const auto m = f1_metrics(d);
  EXPECT_DOUBLE_EQ(m.at_score.f1, 1);
  EXPECT_EQ(m.at_score.false_positives, 0u);
  EXPECT_NEAR(coco_metrics(d).ap, 1, 1e-12);
}

TEST_F(DetectionFiles, RefusesWhatIsWrongAndSaysWhere) {
  EXPECT_EQ(refusal("1,1,2,3,4,5\n", "[]").substr(0, 20), "truth is MOT text bu");
  EXPECT_EQ(refusal("{", "[]"), "truth: is no JSON: syntax error at byte 2");
  EXPECT_EQ(refusal("{}", "[]"), "truth: has no \"annotations\"");
  EXPECT_EQ(refusal(R"({"annotations": []})", "[]"), "truth: has no box that counts");
  EXPECT_EQ(refusal(R"({"annotations": 3})", "[]"), "truth: \"annotations\" is no list");
  EXPECT_EQ(refusal(truth_, "{}"), "result: is no list");
  EXPECT_EQ(refusal(truth_, "[{}]"), "result: results[0] has no \"image_id\"");
  EXPECT_EQ(refusal(truth_, "[7]"), "result: results[0] has no \"image_id\"");
  EXPECT_EQ(refusal(truth_, R"([{"image_id": "x"}])"), "result: results[0] \"image_id\" is no whole number");
  EXPECT_EQ(refusal(truth_, R"([{"image_id": 3, "category_id": 1, "bbox": [1, 2, 3], "score": 1}])"),
            "result: results[0] \"bbox\" is not [left, top, width, height]");
  EXPECT_EQ(refusal(truth_, R"([{"image_id": 4, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}])"),
            "result: results[0] is of image 4, which the truth does not have");
}

}  // namespace
}  // namespace vedette::lab
