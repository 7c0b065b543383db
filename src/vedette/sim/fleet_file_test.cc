#include "vedette/sim/fleet_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "vedette/base/error.h"
#include "vedette/sim/data_files.h"
#include "vedette/sim/simulation.h"

namespace vedette::sim {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refusal(const std::string& text) {
  try {
    World world(read_fleet(parse_config(text, "f.yaml"), "."));
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidConfig);
    return e.what();
  }
  return "it was taken";
}

constexpr const char* kGood =
    "nodes: [{name: box, count: 2}]\n"
    "cameras: [{name: cam, count: 3, on: box-*}]\n"
    "applications:\n"
    "  - name: people\n"
    "    modules:\n"
    "      - {name: detect, cost_ms: 20}\n"
    "      - {name: out, cost_ms: 1, inputs: [detect]}\n";

TEST(FleetFile, TemplatesAreSpelledOut) {
  auto file = read_fleet(parse_config(kGood, "f.yaml"), ".");
  file.applications[0].each_camera = true;
  const World cameras(file);
  ASSERT_EQ(cameras.cameras().size(), 6U);
  EXPECT_EQ(cameras.cameras()[4].wish.name, "box-2-cam-2");
  EXPECT_EQ(cameras.cameras()[4].wish.pin.node, "box-2");
  ASSERT_EQ(cameras.applications().size(), 6U);
  EXPECT_EQ(cameras.applications()[4].wish.name, "people@box-2-cam-2");
  file.applications[0].each_camera = false;
  file.applications[0].each_node = true;
  const World nodes(file);
  ASSERT_EQ(nodes.applications().size(), 2U);
  EXPECT_EQ(nodes.applications()[1].wish.name, "people@box-2");
  EXPECT_EQ(nodes.applications()[1].wish.sources.size(), 3U);
}

TEST(FleetFile, EveryFaultIsNamedWithItsLine) {
  const std::string text =
      "nodes: [{name: box, count: 2}]\n"
      "links: [{from: bax-*}]\n"
      "cameras: [{name: cam, objects: counts.json}]\n"
      "applications:\n"
      "  - name: people\n"
      "    cameras: [door]\n"
      "    lower_fps: [5, 10]\n"
      "    modules:\n"
      "      - {name: detect, cost_ms: 20, inputs: [sauce]}\n"
      "      - {name: detect, cost_ms: 1}\n"
      "events:\n"
      "  - {at_s: 1, what: kill_node, target: bux-1}\n"
      "  - {at_s: 1, what: remove_application, target: peaple}\n";
  EXPECT_THAT(
      refusal(text),
      AllOf(HasSubstr("f.yaml:2: there is no node 'bax-*'"), HasSubstr("f.yaml:3: 'counts.json' lies in no folder"),
            HasSubstr("f.yaml:5: there is no camera 'door'"),
            HasSubstr("f.yaml:5: lower_fps must be falling numbers, not '10'"),
            HasSubstr("f.yaml:9: 'detect' reads 'sauce'"), HasSubstr("did you mean 'source'?"),
            HasSubstr("f.yaml:10: the name 'detect' stands twice"), HasSubstr("f.yaml:12: there is no node 'bux-1'"),
            HasSubstr("f.yaml:13: there is no application 'peaple'")));
  EXPECT_THAT(refusal("nodes: []\n"), HasSubstr("a fleet needs nodes"));
  EXPECT_THAT(refusal("nodes: [{name: box, cores: none}]\n"), HasSubstr("f.yaml:1: expected a number, not 'none'"));
  EXPECT_THAT(refusal("nodes: [{name: box}]\nseeed: 1\n"), HasSubstr("f.yaml:2: unknown setting 'seeed'"));
  EXPECT_THAT(refusal("nodes: [{name: 'b\"x'}]\n"), HasSubstr("a name has none of"));
  EXPECT_THAT(refusal("nodes: [{name: box}]\nevents: [{what: crowd}]\n"), HasSubstr("either at_s or every_s"));
  EXPECT_THAT(refusal("nodes: [{name: a, count: 10000}, {name: b, count: 10000}, {name: c, count: 10000}]\n"),
              HasSubstr("are more than 20000"));
}

TEST(FleetFile, PatternsMatch) {
  EXPECT_TRUE(matches("box-*", "box-12"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a*c*e", "abcde"));
  EXPECT_FALSE(matches("box-*", "bax-1"));
  EXPECT_FALSE(matches("box", "box-1"));
  EXPECT_FALSE(matches("a*c", "ab"));
  EXPECT_THAT(names_of("box", 2), ElementsAre("box-1", "box-2"));
  EXPECT_THAT(names_of("box", 1), ElementsAre("box"));
}

TEST(FleetFile, TheExamplesRun) {
  const std::filesystem::path folder = std::filesystem::path(VEDETTE_SOURCE_DIR) / "apps/fleets";
  auto city = load_fleet((folder / "city.yaml").string());
  city.nodes[0].count = 20;  // all of it is what bench/sim is for
  city.duration_s = 30;
  EXPECT_THAT(Simulation(city).run().violations, ::testing::IsEmpty());
  const char* shared = std::getenv("VEDETTE_SHARED");
  const auto data =
      std::filesystem::path(shared ? shared : (std::filesystem::path(VEDETTE_SOURCE_DIR) / "../shared").string()) /
      "data";
  if (!std::filesystem::exists(data / "link-traces"))
    GTEST_SKIP() << data << " is not there; VEDETTE_SHARED names where it is";
  const auto campus = load_fleet((folder / "campus.yaml").string());
  const Result result = Simulation(campus).run();
  EXPECT_THAT(result.violations, ::testing::IsEmpty());
  EXPECT_EQ(result.recoveries.size(), 1U);
  EXPECT_GT(result.link_bytes, 1e6);
}

TEST(DataFiles, ATraceIsSteps) {
  const Trace trace{{{0, 10}, {60, 20}}, 120};
  EXPECT_EQ(trace.at(0), 10);
  EXPECT_EQ(trace.at(59.9), 10);
  EXPECT_EQ(trace.at(60), 20);
  EXPECT_EQ(trace.at(121), 10);
}

TEST(DataFiles, WhatIsMeasuredReads) {
  const char* shared = std::getenv("VEDETTE_SHARED");
  const auto data =
      std::filesystem::path(shared ? shared : (std::filesystem::path(VEDETTE_SOURCE_DIR) / "../shared").string()) /
      "data";
  const std::string counts = (data / "object-counts/object_counts.json").string();
  if (!std::filesystem::exists(counts)) GTEST_SKIP() << counts << " is not there; VEDETTE_SHARED names where it is";
  const auto scenes = load_scenes(counts, "");
  EXPECT_EQ(scenes.size(), 20U);
  EXPECT_EQ(scenes[0].size(), 1800U);
  EXPECT_EQ(load_scenes(counts, "factory2")[0].size(), 1800U);
  try {
    load_scenes(counts, "factory22");
    ADD_FAILURE() << "was taken";
  } catch (const Error& e) {
    EXPECT_THAT(e.line(), AllOf(HasSubstr("has no scene 'factory22'"), HasSubstr("factory2")));
  }
  const Trace trace = load_trace((data / "link-traces/bandwidth_limits12.json").string());
  EXPECT_EQ(trace.steps.size(), 64U);
  EXPECT_DOUBLE_EQ(trace.at(0), 50 * 125e3);
  EXPECT_DOUBLE_EQ(trace.at(61), 0.5 * 125e3);
}

}  // namespace
}  // namespace vedette::sim
