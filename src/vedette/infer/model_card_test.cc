#include "vedette/infer/model_card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "vedette/base/error.h"
#include "vedette/infer/head.h"
#include "vedette/infer/model_store.h"

namespace vedette::infer {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kGood = R"(name: tiny
file: tiny.onnx
licence: MIT
input:
  width: 32
  height: 16
  color: bgr
  mean: [1, 2.5, 3]
  std: 255
head:
  type: yolox
  score: 0.3
  strides: [8, 16]
labels: [cat, dog]
)";

std::string replaced(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string failure(const std::string& text) {
  try {
    parse_card(parse_config(text, "tiny.yaml"), ".");
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidConfig);
    return e.line();
  }
  return "no failure";
}

TEST(ModelCard, ReadsWhatIsThereAndKeepsDefaults) {
  const ModelCard card = parse_card(parse_config(kGood, "tiny.yaml"), ".");
  EXPECT_EQ(card.name, "tiny");
  EXPECT_EQ(card.head_type, "yolox");
  EXPECT_EQ(card.input.color, ColorOrder::kBgr);
  EXPECT_EQ(card.input.layout, Layout::kNchw);
  EXPECT_THAT(card.input.mean, ElementsAre(1, 2.5f, 3));
  EXPECT_THAT(card.input.std, ElementsAre(255, 255, 255));
  EXPECT_FLOAT_EQ(dynamic_cast<const DetectionHead&>(*card.head).score, 0.3f);
  EXPECT_EQ(card.class_id("dog"), 1);
  try {
    card.class_id("dgo");
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.line(), HasSubstr("dog"));
  }
}

TEST(ModelCard, FaultsNameTheLineAndTheNearestName) {
  EXPECT_THAT(failure(replaced("licence", "license")), AllOf(HasSubstr("tiny.yaml:3"), HasSubstr("licence")));
  EXPECT_THAT(failure(replaced("color: bgr", "color: brg")), AllOf(HasSubstr("tiny.yaml:7"), HasSubstr("bgr")));
  EXPECT_THAT(failure(replaced("width", "widht")), AllOf(HasSubstr("tiny.yaml:5"), HasSubstr("width")));
  EXPECT_THAT(failure(replaced("yolox", "yolxo")), AllOf(HasSubstr("tiny.yaml:11"), HasSubstr("yolox")));
  EXPECT_THAT(failure(replaced("score: 0.3", "scroe: 0.3")), AllOf(HasSubstr("tiny.yaml:12"), HasSubstr("score")));
  EXPECT_THAT(failure(replaced("score: 0.3", "score: 3")), HasSubstr("tiny.yaml:12"));
  EXPECT_THAT(failure(replaced("[8, 16]", "[8, x]")), HasSubstr("strides"));
  EXPECT_THAT(failure(replaced("mean: [1, 2.5, 3]", "mean: [1, 2]")), HasSubstr("mean"));
  EXPECT_THAT(failure(replaced("std: 255", "std: 0")), HasSubstr("std"));
  EXPECT_THAT(failure(replaced("width: 32", "width: 0")), HasSubstr("tiny.yaml:5"));
  EXPECT_THAT(failure(replaced("name: tiny", "sha256: abc")), HasSubstr("sha256"));
  EXPECT_THAT(failure(replaced("labels: [cat, dog]", "labels_file: none.txt")), HasSubstr("none.txt"));
  EXPECT_THAT(failure(replaced("  type: yolox\n", "")), HasSubstr("head.type"));
  EXPECT_THAT(failure("just text"), HasSubstr("map"));
  EXPECT_THAT(failure(replaced("file: tiny.onnx\n", "")), HasSubstr("'file' is missing"));
}

class Folder : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("vedette-cards-" + std::to_string(getpid()));
    fs::create_directories(root_ / "a");
    fs::create_directories(root_ / "b");
    fs::create_directories(root_ / "cache");
    std::ofstream(root_ / "a" / "tiny.yaml") << kGood;
    std::ofstream(root_ / "b" / "tiny.yaml") << replaced("[cat, dog]", "[hidden]");
    std::ofstream(root_ / "b" / "other.yaml") << kGood;
  }
  void TearDown() override { fs::remove_all(root_); }
  ModelStore store() const { return ModelStore({{root_ / "a", root_ / "b"}, {}, root_ / "cache"}); }
  fs::path root_;
};

TEST_F(Folder, StoreFindsCardsInOrderAndHintsAtNames) {
  EXPECT_THAT(store().names(), ElementsAre("other", "tiny"));
  EXPECT_EQ(store().card("tiny").labels->size(), 2u);
  EXPECT_EQ(store().card((root_ / "b" / "tiny.yaml").string()).labels->size(), 1u);
  try {
    store().card("tyni");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kNotFound);
    EXPECT_THAT(e.line(), HasSubstr("tiny"));
  }
}

TEST_F(Folder, StoreFindsFilesBesideTheCardThenInTheCache) {
  const ModelCard card = store().card("tiny");
  EXPECT_TRUE(store().find_file(card).empty());
  EXPECT_THROW(store().file(card), Error);
  std::ofstream(store().cache_path(card)) << "abc";
  EXPECT_EQ(store().file(card), root_ / "cache" / "tiny.onnx");
  EXPECT_EQ(sha256_of_file(store().file(card)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  std::ofstream(root_ / "a" / "tiny.onnx") << "abc";
  EXPECT_EQ(store().file(card), root_ / "a" / "tiny.onnx");
}

TEST(Models, EveryCardOfTheSourceTreeReads) {
  const ModelStore store({{fs::path(VEDETTE_SOURCE_DIR) / "models"}, {}, {}});
  EXPECT_GE(store.names().size(), 10u);
  for (const auto& name : store.names()) {
    const ModelCard card = store.card(name);
    EXPECT_EQ(card.name, name);
    EXPECT_FALSE(card.summary.empty()) << name;
    EXPECT_FALSE(card.source.empty()) << name;
  }
}

TEST(Heads, AllAreRegisteredAndDescribeTheirSettings) {
  EXPECT_THAT(head_types(), ElementsAre("centernet", "classifier", "embedding", "fastestdet", "nanodet", "ssd",
                                        "yolov5", "yolov8", "yolox"));
  EXPECT_EQ(list_head_settings("nanodet").size(), 5u);
  EXPECT_GE(list_card_settings().size(), 20u);
}

}  // namespace
}  // namespace vedette::infer
