#include "vedette/plan/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "vedette/base/error.h"
#include "vedette/plan/testing.h"

namespace vedette::plan {
namespace {

using plan::testing::tracking;
using ::testing::HasSubstr;

struct Known {
  std::vector<ApplicationWish> wishes = {tracking("people", {"yard"})};
  Shared shared = share(wishes);
  const Stage& detect = shared.stages.front();
  const Stream& yard = shared.streams.front();

  NodeReport report(double mean_seconds, double speed = 1) const {
    NodeReport out;
    out.node = "box-1";
    out.speed = speed;
    StageReport stage;
    stage.key = detect.key;
    stage.processed = 100;
    stage.emitted = 50;
    stage.execution = {100, mean_seconds, mean_seconds, mean_seconds, mean_seconds};
    stage.bytes_out = 900;
    out.stages = {stage};
    return out;
  }
};

TEST(Profiles, GuessUntilToldOtherwise) {
  Known known;
  Profiles profiles;
  EXPECT_NEAR(profiles.stage(known.detect).seconds, 0.030, 1e-9);
  EXPECT_FALSE(profiles.stage(known.detect).measured);
  EXPECT_NEAR(guess("detect", R"({"model":"yolo11n-640"})").seconds, 0.120, 1e-9);  // four times the picture
  EXPECT_NEAR(guess("detect", "nonsense").seconds, 0.030, 1e-9);
  EXPECT_GT(guess("something new", "{}").seconds, 0);
  EXPECT_EQ(profiles.fps(known.yard), 15);
  EXPECT_NEAR(profiles.picture_bytes(known.yard), 0.13 * 1280 * 720, 1);
  EXPECT_EQ(profiles.link("a", "a").rtt_seconds, 0);
  EXPECT_TRUE(std::isinf(profiles.link("a", "a").bytes_per_second));
  EXPECT_FALSE(profiles.link("a", "b").measured);
}

TEST(Profiles, LearnWhatNodesReport) {
  Known known;
  Profiles profiles;
  profiles.learn(known.report(0.040, 0.5), known.shared);  // on a core of half the speed
  EXPECT_NEAR(profiles.stage(known.detect).seconds, 0.020, 1e-9);
  EXPECT_NEAR(profiles.stage(known.detect).emitted, 0.5, 1e-9);
  EXPECT_NEAR(profiles.stage(known.detect).bytes_out, 900, 1e-9);
  EXPECT_TRUE(profiles.stage(known.detect).measured);
  for (int i = 0; i < 100; ++i) profiles.learn(known.report(0.010), known.shared);
  EXPECT_NEAR(profiles.stage(known.detect).seconds, 0.010, 1e-5);
  Stage other = known.detect;  // the same module for another application, of other cameras
  other.key = "else";
  other.streams = {};
  EXPECT_NEAR(profiles.stage(other).seconds, 0.010, 1e-5);

  auto report = known.report(0.010);
  StreamReport stream;
  stream.key = known.yard.key;
  stream.state = "streaming";
  stream.fps = 25;
  stream.width = 1920;
  stream.height = 1080;
  LinkReport link;
  link.peer = "box-2";
  link.state = "up";
  link.bytes_per_second = 5e6;
  link.rtt_seconds = 0.02;
  report.streams = {stream};
  report.links = {link};
  profiles.learn(report, known.shared);
  EXPECT_EQ(profiles.fps(known.yard), 25);
  EXPECT_NEAR(profiles.picture_bytes(known.yard), 0.13 * 1920 * 1080, 1);
  EXPECT_TRUE(profiles.link("box-1", "box-2").measured);
  EXPECT_NEAR(profiles.link("box-2", "box-1").rtt_seconds, 0.02, 1e-9);  // the way back, until it is measured
  EXPECT_FALSE(profiles.link("box-2", "box-1").measured);

  const Profiles again = Profiles::from_json(profiles.to_json());
  EXPECT_EQ(again.to_json(), profiles.to_json());
  EXPECT_NEAR(again.stage(known.detect).seconds, profiles.stage(known.detect).seconds, 1e-12);
}

TEST(Profiles, NonsenseIsNotLearned) {
  Known known;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  for (const double bad : {nan, inf, -1.0, 0.0, 1e9}) {
    Profiles profiles;
    const std::string before = profiles.to_json();
    auto report = known.report(bad, bad);
    report.stages[0].bytes_out = bad;
    StreamReport stream;
    stream.key = known.yard.key;
    stream.state = "streaming";
    stream.fps = bad;
    stream.width = -5;
    LinkReport link;
    link.peer = "box-2";
    link.state = "up";
    link.bytes_per_second = bad == 1e9 ? nan : bad;
    link.rtt_seconds = bad;
    report.streams = {stream};
    report.links = {link};
    profiles.learn(report, known.shared);
    EXPECT_EQ(profiles.to_json(), before) << bad;
  }
  Profiles profiles;
  auto few = known.report(0.010);
  few.stages[0].execution.count = 1;
  profiles.learn(few, known.shared);
  EXPECT_FALSE(profiles.stage(known.detect).measured);
  const auto odd = Profiles::from_json(
      R"({"stages":{"x":{"seconds":-1}},"fps":{"s":null,"t":-3},"links":{"a→b":{"rtt_seconds":1e9}}})");
  EXPECT_EQ(odd.to_json(), Profiles{}.to_json());
  try {
    Profiles::from_json(R"({"stages":{"x":{"seconds":"1"}}})");
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("profiles, stages.x.seconds: expected a number"));
  }
}

TEST(Profiles, WhatNothingUsesIsForgottenWhenThereIsTooMuch) {
  Profiles profiles;
  Known known;
  profiles.learn(known.report(0.010), known.shared);
  for (int i = 0; i < 5000; ++i) {
    Shared shared;
    shared.stages = {known.detect};
    shared.stages[0].settings = fmt::format("{}", i);
    profiles.learn(known.report(0.010), shared);
  }
  EXPECT_LT(profiles.to_json().size(), 1'000'000u);
}

}  // namespace
}  // namespace vedette::plan
