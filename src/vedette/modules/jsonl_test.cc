#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

using testing::CollectingEmit;
using ::testing::HasSubstr;
using testing::settings_faults;
using testing::start_module;
using testing::test_context;
using testing::test_object;
using testing::test_observation;
using testing::test_stream;

class Jsonl : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = (std::filesystem::temp_directory_path() / ("vedette_jsonl_" + std::to_string(::getpid()) + "_" +
                                                       ::testing::UnitTest::GetInstance()->current_test_info()->name()))
                .string();
    std::filesystem::remove(path_);
    context_.clock = &clock_;
  }
  void TearDown() override { std::filesystem::remove(path_); }

  std::vector<std::string> lines() const {
    std::ifstream file(path_);
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
  }
  std::vector<std::string> written(const std::string& more, const std::vector<Observation>& observations) {
    auto sink = start_module("jsonl", "path: " + path_ + "\n" + more, context_);
    CollectingEmit emit;
    for (const auto& observation : observations) sink->process(observation, emit);
    sink->stop();
    return lines();
  }

  std::string path_;
  ManualClock clock_;
  graph::ModuleContext context_ = test_context(nullptr);
};

Observation sample() {
  Event entered{.kind = EventKind::kEnter,
                .time = Timestamp{} + from_seconds(1.5),
                .zone = "do\"or",
                .label = "person",
                .track_id = 7,
                .box = {1, 2, 3, 4.25f}};
  Event left = entered;
  left.kind = EventKind::kLeave;
  left.dwell_seconds = 2.5;
  Event crossed = entered;
  crossed.kind = EventKind::kCross;
  crossed.count = -1;
  Event counted{.kind = EventKind::kCount,
                .time = Timestamp{} + from_seconds(1.5),
                .zone = "door",
                .label = "person",
                .track_id = {},
                .box = {},
                .count = 3};
  return test_observation(
             {.seconds = 1.5, .sequence = 15},
             {test_object({10.126f, 20, 30.5f, 40}, "person", 0.87654f, 7), test_object({0, 0, 5, 5}, "car", 0.5f)})
      .with_events({entered, left, crossed, counted});
}

TEST_F(Jsonl, OneLineAnEventThenOneTheObservation) {
  const auto all = written("", {sample()});
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(
      all[0],
      R"({"type":"event","stream":"yard","sequence":15,"event":"enter","time":"1970-01-01T00:00:01.500000Z","zone":"do\"or","label":"person","track_id":7,"box":[1,2,3,4.25]})");
  EXPECT_EQ(
      all[3],
      R"({"type":"event","stream":"yard","sequence":15,"event":"count","time":"1970-01-01T00:00:01.500000Z","zone":"door","label":"person","count":3})");
  EXPECT_EQ(
      all[4],
      R"({"type":"observation","stream":"yard","sequence":15,"capture_time":"1970-01-01T00:00:01.500000Z","position_s":1.5,"width":640,"height":480,)"
      R"("objects":[{"id":7,"label":"person","score":0.8765,"box":[10.13,20,30.5,40]},{"id":null,"label":"car","score":0.5,"box":[0,0,5,5]}]})");
  EXPECT_EQ(nlohmann::json::parse(all[1])["dwell_s"], 2.5);
  EXPECT_EQ(nlohmann::json::parse(all[2])["direction"], -1);
}

TEST_F(Jsonl, AttributesAreWrittenAndEmbeddingsIfAsked) {
  Object object = test_object({1, 2, 3, 4}, "person", 0.5f);
  object.attributes = {{"identity", "an\"na"}, {"similarity", "0.87"}};
  object.embedding = std::make_shared<const std::vector<float>>(std::vector<float>{0.5f, -0.25f, 0.1234567f});
  const std::string begin =
      R"({"id":null,"label":"person","score":0.5,"box":[1,2,3,4],"attributes":{"identity":"an\"na","similarity":"0.87"})";
  EXPECT_THAT(written("", {test_observation({}, {object})})[0], HasSubstr(begin + "}]"));
  std::filesystem::remove(path_);
  EXPECT_THAT(written("embeddings: true", {test_observation({}, {object})})[0],
              HasSubstr(begin + R"(,"embedding":[0.5,-0.25,0.123457]}])"));
}

TEST_F(Jsonl, WhatIsWrittenCanBeChosen) {
  EXPECT_EQ(written("what: events", {sample(), test_observation({})}).size(), 4u);
  std::filesystem::remove(path_);
  EXPECT_EQ(written("what: objects\nskip_empty: true", {sample(), test_observation({})}).size(), 1u);
  std::filesystem::remove(path_);
  EXPECT_EQ(written("what: objects", {sample(), test_observation({})}).size(), 2u);
}

TEST_F(Jsonl, NumbersThatJsonCannotHoldAndStrangeTextStayJson) {
  const auto all = written("", {test_observation({}, {test_object({NAN, INFINITY, -0.001f, 1e30f}, "a\xff\n", NAN)})});
  ASSERT_EQ(all.size(), 1u);
  const auto json = nlohmann::json::parse(all[0]);
  EXPECT_EQ(json["objects"][0]["box"][0], 0);
  EXPECT_THAT(all[0], HasSubstr("\"box\":[0,0,0,"));
}

TEST_F(Jsonl, EventsAreWrittenAtOnceAndTheRestAtTheInterval) {
  auto sink = start_module("jsonl", "path: " + path_, context_);
  CollectingEmit emit;
  sink->process(test_observation({}), emit);
  EXPECT_EQ(lines().size(), 0u);
  sink->process(sample(), emit);
  EXPECT_EQ(lines().size(), 6u);
  sink->process(test_observation({}), emit);
  clock_.advance(std::chrono::seconds(1));
  sink->process(test_observation({}), emit);
  EXPECT_EQ(lines().size(), 8u);
  sink->process(test_observation({}), emit);
  sink->end_of_stream(*test_stream(), emit);
  EXPECT_EQ(lines().size(), 9u);
  sink->stop();
}

TEST_F(Jsonl, TheApplicationsNameMayStandInThePath) {
  path_ += "_test";
  auto sink = start_module("jsonl", "path: " + path_.substr(0, path_.size() - 4) + "{application}", context_);
  sink->stop();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(Jsonl, AFullDiskCostsOneErrorAndNothingSilently) {
  auto sink = start_module("jsonl", "path: /dev/full", context_);
  CollectingEmit emit;
  int errors = 0;
  const auto observation = sample();
  for (int i = 0; i < 10000; ++i) {
    clock_.advance(std::chrono::milliseconds(100));
    try {
      sink->process(observation, emit);
    } catch (const Error& e) {
      ++errors;
      EXPECT_EQ(e.code(), ErrorCode::kExhausted);
      EXPECT_THAT(e.what(), HasSubstr("/dev/full"));
    }
  }
  EXPECT_EQ(errors, 1);
  EXPECT_GT(emit.drops["not_written"], 1000) << "beyond 4 MiB lines are lost, and counted";
  EXPECT_THROW(sink->stop(), Error);
}

TEST_F(Jsonl, TwoSinksOfOnePathAreRefused) {
  auto sink = start_module("jsonl", "path: " + path_, context_);
  EXPECT_THROW(start_module("jsonl", "path: " + path_, context_), Error);
  sink->stop();
}

TEST_F(Jsonl, SettingsFaults) {
  EXPECT_THAT(settings_faults("jsonl", "what: events"), HasSubstr("'path' is missing"));
  EXPECT_THAT(settings_faults("jsonl", "{path: a, what: event}"), HasSubstr("did you mean 'events'?"));
}

}  // namespace
}  // namespace vedette::modules
