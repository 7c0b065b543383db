#include "vedette/cli/eval.h"

#include <gmock/gmock.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "vedette/base/error.h"

namespace vedette::cli {
namespace {

class EvalCommand : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }
  static std::string run(std::vector<std::string> arguments) {
    CLI::App app;
    add_eval_command(app);
    std::reverse(arguments.begin(), arguments.end());
    testing::internal::CaptureStdout();
    try {
      app.parse(arguments);
    } catch (...) {
      testing::internal::GetCapturedStdout();
      throw;
    }
    return testing::internal::GetCapturedStdout();
  }

  const std::filesystem::path folder_ =
      testing::TempDir() + "/vedette_eval_" + testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(EvalCommand, TrackingAsTableAndJson) {
  const std::string truth = file("gt.txt", "1,1,0,0,10,10,1\n2,1,0,0,10,10,1\n"),
                    result = file("out.txt", "1,4,0,0,10,10,1\n");
  const auto json =
      nlohmann::json::parse(run({"eval", "tracking", "--truth", truth, "--result", result, "-o", "json"}));
  EXPECT_EQ(json["mota"], 0.5);
  EXPECT_EQ(json["misses"], 1);
  EXPECT_THAT(run({"eval", "tracking", "--truth", truth, "--result", result}),
              testing::HasSubstr("MOTA                0.5000"));
}

TEST_F(EvalCommand, DetectionAsJson) {
  const std::string truth = file("gt.txt", "1,1,0,0,40,40,1\n"),
                    result = file("out.txt", "1,-1,0,0,40,40,0.7\n1,-1,90,0,40,40,0.2\n");
  const std::vector<std::string> command{"eval", "detection", "--truth", truth, "--result", result, "-o", "json"};
  EXPECT_NEAR(nlohmann::json::parse(run(command))["f1"].get<double>(), 2.0 / 3, 1e-12);
  auto confident = command;
  confident.insert(confident.end(), {"--score", "0.5"});
  EXPECT_EQ(nlohmann::json::parse(run(confident))["f1"], 1.0);
}

TEST_F(EvalCommand, TrackWritesAMotFile) {
  std::string text;
  for (int frame = 1; frame <= 8; ++frame) text += std::to_string(frame) + ",-1,5,5,40,80,0.9,-1,-1,-1\n";
  const std::string detections = file("det.txt", text);
  run({"eval", "track", "--detections", detections, "--result", path("out.txt"), "--tracker", "centroid", "--set",
       "centroid.min_hits=3"});
  std::ifstream in(path("out.txt"));
  std::string line;
  std::getline(in, line);
  EXPECT_EQ(line, "3,1,5,5,40,80,0.9,-1,-1,-1");
}

TEST_F(EvalCommand, RefusesMissingFilesAndUnknownSettings) {
  const std::string truth = file("gt.txt", "1,1,0,0,10,10,1\n");
  EXPECT_THROW(run({"eval", "tracking", "--truth", truth, "--result", path("none.txt")}), Error);
  EXPECT_THROW(run({"eval", "track", "--detections", truth, "--result", path("o.txt"), "--tracker", "sortt"}), Error);
  EXPECT_THROW(run({"eval", "track", "--detections", truth, "--result", path("o.txt"), "--set", "sort.max_agee=3"}),
               Error);
  EXPECT_THROW(run({"eval", "tracking", "--truth", truth}), CLI::RequiredError);
}

}  // namespace
}  // namespace vedette::cli
