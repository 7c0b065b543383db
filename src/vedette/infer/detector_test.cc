#include "vedette/infer/detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/infer/classifier.h"
#include "vedette/infer/embedder.h"
#include "vedette/infer/head.h"
#include "vedette/infer/test_support.h"

namespace vedette::infer {
namespace {

using ::testing::AllOf;
using testing::card;
using ::testing::HasSubstr;
using testing::store;

struct Case {
  const char* card;
  const char* file;
  double least_f1;  ///< on every 20th frame; the whole video's figure is in the test material's manifest
};

const Case kCases[] = {{"nanodet-g-320", "nanodet_g_320_from_npm.onnx", 0.87},
                       {"coco-ssd-300", "cocossd_300_from_npm.onnx", 0.72},
                       {"yolo11n", "yolo11n_reconstructed_640.onnx", 0.88},
                       {"yolo11n-416", "yolo11n_reconstructed_416.onnx", 0.88},
                       {"yolox-nano", "yolox_nano.onnx", 0.87},
                       {"fastestdet-352", "fastestdet_352.onnx", 0.77}};

std::vector<const Picture*> pointers(const std::vector<std::shared_ptr<const Picture>>& pictures) {
  std::vector<const Picture*> all;
  for (const auto& picture : pictures) all.push_back(picture.get());
  return all;
}

class SampleVideo : public ::testing::TestWithParam<Case> {
 protected:
  /// VEDETTE_EVERY_FRAME=1 takes the whole video, for the record.
  static size_t step() { return std::getenv("VEDETTE_EVERY_FRAME") ? 1 : 20; }
  static const std::vector<std::shared_ptr<const Picture>>& frames() {
    static const auto all = testing::sample_frames(step() == 1 ? "1" : "not(mod(n,20))");
    return all;
  }
  void SetUp() override {
    if (testing::shared_folder().empty()) GTEST_SKIP() << "the shared test material is missing";
    if (frames().empty()) GTEST_SKIP() << "package opencv-doc or ffmpeg is missing";
  }
};

TEST_P(SampleVideo, FindsThePeople) {
  const auto [name, file, least] = GetParam();
  const auto detector = Detector::load(card(name, file), {}, store());
  auto params = detector->default_params();
  params.class_ids = {0};
  const auto truth = testing::sample_truth();
  testing::Tally tally;
  for (size_t i = 0; i < frames().size(); ++i) {
    const Picture* picture = frames()[i].get();
    tally.add(detector->detect({&picture, 1}, params).front(), truth.boxes[i * step()], truth.ignored[i * step()]);
  }
  EXPECT_GE(tally.f1(), least);
  RecordProperty("f1", std::to_string(tally.f1()));
  std::printf("%s: F1@0.5 %.3f on %zu frames\n", name, tally.f1(), frames().size());
}

TEST_P(SampleVideo, GivesTheSameBytesAgainAndInBatches) {
  const auto [name, file, least] = GetParam();
  const auto detector = Detector::load(card(name, file), {}, store());
  const auto first_three = pointers({frames().begin(), frames().begin() + 3});
  const auto together = detector->detect(first_three, detector->default_params());
  for (size_t i = 0; i < first_three.size(); ++i) {
    const auto alone = detector->detect({&first_three[i], 1}, detector->default_params()).front();
    ASSERT_EQ(alone.size(), together[i].size());
    for (size_t k = 0; k < alone.size(); ++k) {
      EXPECT_EQ(alone[k].box, together[i][k].box);
      EXPECT_EQ(alone[k].score, together[i][k].score);
      EXPECT_LE(alone[k].score, alone[k > 0 ? k - 1 : 0].score);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, SampleVideo, ::testing::ValuesIn(kCases), [](const auto& c) {
  std::string name = c.param.card;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

class WithModels : public ::testing::Test {
 protected:
  void SetUp() override {
    if (testing::shared_folder().empty()) GTEST_SKIP() << "the shared test material is missing";
  }
  static ModelCard nanodet() { return card("nanodet-g-320", "nanodet_g_320_from_npm.onnx"); }
  static std::string failure(const ModelCard& wrong, const ModelStore& where = store()) {
    try {
      check_card(wrong, where);
    } catch (const Error& e) {
      EXPECT_EQ(e.line().find('\n'), std::string::npos);
      return e.line();
    }
    return "no failure";
  }
};

TEST_F(WithModels, OneFileIsLoadedOnce) {
  const auto first = Detector::load(nanodet(), {}, store());
  EXPECT_EQ(first->labels()->at(0), "person");
  EXPECT_EQ(first->largest_batch(), 1u);
  // Without sharing, the weights of thirty would take seconds to load.
  for (int i = 0; i < 30; ++i) EXPECT_NE(Detector::load(nanodet(), {}, store()), nullptr);
}

TEST_F(WithModels, ThreadsShareInstancesAndGetTheirOwnResults) {
  auto options = SessionOptions{};
  options.instances = 2;
  const auto detector = Detector::load(card("fastestdet-352", "fastestdet_352.onnx"), options, store());
  std::vector<std::shared_ptr<Picture>> pictures;
  std::vector<std::vector<Object>> alone;
  auto params = detector->default_params();
  params.score = 0.05f;
  for (int i = 0; i < 4; ++i) {
    pictures.push_back(Picture::make(PixelFormat::kBgr, 200 + 40 * i, 160));
    const Plane& plane = pictures.back()->plane(0);
    for (int y = 0; y < plane.height; ++y)
      for (int x = 0; x < plane.width * 3; ++x)
        plane.data[y * plane.stride_bytes + x] = static_cast<uint8_t>(x * y * (i + 1) / 7);
    const Picture* picture = pictures.back().get();
    alone.push_back(detector->detect({&picture, 1}, params).front());
  }
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> threads;
  for (size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const Picture* picture = pictures[t].get();
      for (int round = 0; round < 5; ++round) {
        const auto found = detector->detect({&picture, 1}, params).front();
        wrong += found.size() != alone[t].size() || (!found.empty() && !(found[0].box == alone[t][0].box));
      }
    });
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

TEST_F(WithModels, WrongFilesAndCardsAreNamed) {
  EXPECT_EQ(failure(nanodet()), "no failure");

  auto wrong = nanodet();
  wrong.sha256 = std::string(64, 'a');
  EXPECT_THAT(failure(wrong), AllOf(HasSubstr("SHA-256 is c6a2aa"), HasSubstr("vedette models pull nanodet-g-320")));

  wrong = nanodet();
  wrong.file = "no_such.onnx";
  EXPECT_THAT(failure(wrong), AllOf(HasSubstr("no_such.onnx"), HasSubstr("run: vedette models pull nanodet-g-320")));
  wrong.pull.npm.clear();
  EXPECT_THAT(failure(wrong), HasSubstr("put it at "));

  wrong = nanodet();
  wrong.input.width = 416;
  EXPECT_THAT(failure(wrong), AllOf(HasSubstr("[1, 3, 320, 320]"), HasSubstr("[1, 3, 320, 416]")));
  wrong = nanodet();
  wrong.input.layout = Layout::kNhwc;
  EXPECT_THAT(failure(wrong), HasSubstr("[1, 320, 320, 3]"));

  for (const auto& type : head_types()) {
    if (type == "nanodet" || type == "embedding" || type == "classifier") continue;
    wrong = nanodet();
    wrong.head_type = type;
    wrong.head = make_head(type);
    EXPECT_THAT(failure(wrong), AllOf(HasSubstr("nanodet-g-320"), HasSubstr("[1600, 80]"), HasSubstr(type))) << type;
  }
  wrong = card("yolo11n-416", "yolo11n_reconstructed_416.onnx");
  wrong.labels = std::make_shared<const Labels>(Labels{"one"});
  EXPECT_THAT(failure(wrong), AllOf(HasSubstr("[84, 3549]"), HasSubstr("[5, anchors]")));
}

TEST_F(WithModels, DamagedFilesAreRefused) {
  const auto folder = std::filesystem::temp_directory_path() / ("vedette-damaged-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  auto damaged = card("fastestdet-352", (folder / "damaged.onnx").string());
  std::ifstream in(testing::shared_folder() / "models" / "fastestdet_352.onnx", std::ios::binary);
  std::string bytes(20000, '\0');
  in.read(bytes.data(), 20000);
  for (const std::string& content : {std::string(), std::string("not a model"), bytes}) {
    std::ofstream(damaged.file, std::ios::binary) << content;
    EXPECT_THAT(failure(damaged), HasSubstr("cannot load"));
  }
  std::filesystem::remove_all(folder);
}

TEST_F(WithModels, ProvidersAreNamed) {
  SessionOptions options;
  options.provider = "cudaa";
  try {
    Detector::load(nanodet(), options, store());
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidConfig);
    EXPECT_THAT(e.line(), AllOf(HasSubstr("cudaa"), HasSubstr("cpu")));
  }
}

class Crops : public WithModels {
 protected:
  static std::shared_ptr<Picture> crop(int seed) {
    auto picture = Picture::make(PixelFormat::kBgr, 60 + seed, 130);
    const Plane& plane = picture->plane(0);
    for (int y = 0; y < plane.height; ++y)
      for (int x = 0; x < plane.width * 3; ++x)
        plane.data[y * plane.stride_bytes + x] = static_cast<uint8_t>((x * (seed + 3) + y * 5) ^ (y * seed));
    return picture;
  }
  static double cosine(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
    return sum;
  }
};

TEST_F(Crops, EmbeddingsOfBatchesEqualSingles) {
  for (const auto& [name, file] :
       {std::pair{"osnet-x0-25", "osnet_x0_25_msmt17.onnx"}, {"osnet-x0-5", "osnet_x0_5.onnx"}}) {
    SessionOptions options;
    options.max_batch = 4;
    options.batch_wait_ms = 1;
    const auto embedder = Embedder::load(card(name, file), options, store());
    EXPECT_EQ(embedder->size(), 512u);
    EXPECT_EQ(embedder->largest_batch(), std::string(name) == "osnet-x0-25" ? 4u : 1u);
    std::vector<std::shared_ptr<Picture>> crops;
    std::vector<const Picture*> all;
    for (int i = 0; i < 6; ++i) all.push_back(crops.emplace_back(crop(i)).get());
    const auto together = embedder->embed(all);
    for (size_t i = 0; i < all.size(); ++i) {
      const auto alone = embedder->embed({&all[i], 1}).front();
      EXPECT_NEAR(cosine(alone, alone), 1, 1e-5);
      EXPECT_NEAR(cosine(alone, together[i]), 1, 1e-5);
    }
    EXPECT_LT(cosine(together[0], together[5]), 0.999);
  }
}

TEST_F(Crops, KindsOfModelAreNotMixedUp) {
  const auto osnet = card("osnet-x0-25", "osnet_x0_25_msmt17.onnx");
  EXPECT_THROW(Detector::load(osnet, {}, store()), Error);
  EXPECT_THROW(Classifier::load(osnet, {}, store()), Error);
  EXPECT_THROW(Embedder::load(nanodet(), {}, store()), Error);
  // The same network read as a classifier of 512 classes.
  auto card_512 = osnet;
  card_512.head_type = "classifier";
  card_512.head = make_head("classifier");
  const auto classifier = Classifier::load(card_512, {}, store());
  const auto picture = crop(1);
  const Picture* one = picture.get();
  const auto best = classifier->classify({&one, 1}, 600).front();
  ASSERT_EQ(best.size(), 512u);
  double total = 0;
  for (size_t i = 0; i < best.size(); ++i) {
    EXPECT_LE(best[i].score, best[i > 0 ? i - 1 : 0].score);
    total += best[i].score;
  }
  EXPECT_NEAR(total, 1, 1e-4);
}

}  // namespace
}  // namespace vedette::infer
