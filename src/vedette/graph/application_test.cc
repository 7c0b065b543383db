#include "vedette/graph/application.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "vedette/base/error.h"
#include "vedette/graph/test_modules.h"

namespace vedette::graph {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kGood = R"(application: people
tenant: desk
objective: {latency_p95_ms: 500}
sources:
  - {name: yard, url: "rtsp://10.0.0.5/stream1"}
  - street.mp4
modules:
  - type: t_decode
  - {type: t_detect, score: 0.4, queue: {size: 2, when_full: latest}, parallel: 2}
  - type: t_track
  - {type: jsonl, path: events.jsonl}
  - {type: mot, path: out.txt}
)";

class ApplicationTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::register_test_modules(); }

  static Application parse(const std::string& text) { return parse_application(parse_config(text, "app.yaml")); }
  /// The faults of an application, a line each.
  static std::string faults_of(const std::string& text) {
    try {
      parse(text);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidConfig);
      return e.what();
    }
    return "";
  }
  static std::string usage_of(const std::function<void()>& edit) {
    try {
      edit();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kUsage);
      return e.line();
    }
    return "";
  }
  static std::string with_modules(const std::string& modules) {
    return "application: a\nsources: [x.mp4]\nmodules:\n" + modules;
  }
};

TEST_F(ApplicationTest, ReadsAWholeApplication) {
  const Application app = parse(kGood);
  EXPECT_EQ(app.name, "people");
  EXPECT_EQ(app.tenant, "desk");
  EXPECT_EQ(app.objective.latency_p95_ms, 500);
  ASSERT_EQ(app.sources.size(), 2u);
  EXPECT_EQ(app.sources[0].name, "yard");
  EXPECT_EQ(app.sources[1].name, "street");
  EXPECT_EQ(app.sources[1].options.url, "street.mp4");
  ASSERT_EQ(app.modules.size(), 5u);
  EXPECT_TRUE(app.modules[0].from_source);
  EXPECT_THAT(app.modules[0].inputs, IsEmpty());
  EXPECT_THAT(app.modules[1].inputs, ElementsAre(0));
  EXPECT_THAT(app.modules[3].inputs, ElementsAre(2));
  EXPECT_THAT(app.modules[4].inputs, ElementsAre(2)) << "a sink hands nothing on: the next one reads from above it";
  EXPECT_EQ(app.modules[1].parallel.calls, 2u);
  EXPECT_EQ(app.modules[1].queue.resolve(false).when_full, WhenFull::kLatest);
  EXPECT_EQ(app.modules[1].place, "app.yaml:9");
}

TEST_F(ApplicationTest, AQueueIsLatestRightBehindALiveSourceUnlessToldOtherwise) {
  QueueSpec queue;
  EXPECT_EQ(queue.resolve(true).when_full, WhenFull::kLatest);
  EXPECT_EQ(queue.resolve(false).when_full, WhenFull::kBlock);
  queue.when_full = QueueSpec::WhenFull::kBlock;
  EXPECT_EQ(queue.resolve(true).when_full, WhenFull::kBlock);
  queue.when_full = QueueSpec::WhenFull::kDropOldest;
  EXPECT_EQ(queue.resolve(true).when_full, WhenFull::kDropOldest);
}

TEST_F(ApplicationTest, EachFaultHasItsPlaceAndTheNearestName) {
  EXPECT_THAT(faults_of(with_modules("  - {type: t_decode, scroe: 0.5}\n")),
              AllOf(HasSubstr("app.yaml:4"), HasSubstr("'score'")));
  EXPECT_THAT(faults_of(with_modules("  - {type: t_decoed}\n")),
              AllOf(HasSubstr("app.yaml:4"), HasSubstr("unknown module type 't_decoed'"), HasSubstr("'t_decode'")));
  EXPECT_THAT(faults_of(with_modules("  - {type: t_decode}\n  - {type: jsonl, inputs: [t_decod]}\n")),
              AllOf(HasSubstr("app.yaml:5"), HasSubstr("unknown input 't_decod'"), HasSubstr("'t_decode'")));
  EXPECT_THAT(faults_of(with_modules("  - {type: t_decode, score: 2}\n")), HasSubstr("app.yaml:4"));
  EXPECT_THAT(faults_of(with_modules("  - {type: t_decode}\n  - {type: t_decode}\n")),
              AllOf(HasSubstr("app.yaml:5"), HasSubstr("two modules are named 't_decode'")));
  EXPECT_THAT(faults_of(with_modules("  - {type: jsonl}\n  - {type: t_decode, inputs: [jsonl]}\n")),
              AllOf(HasSubstr("app.yaml:5"), HasSubstr("is a sink")));
  EXPECT_THAT(faults_of(with_modules("  - {type: t_detect}\n")),
              AllOf(HasSubstr("app.yaml:4"), HasSubstr("reads raw pixels"), HasSubstr("'decode'")));
  EXPECT_THAT(faults_of(with_modules("  - {type: t_decode, name: source}\n")), HasSubstr("is no name"));
  EXPECT_THAT(faults_of(with_modules("  - {type: t_decode, inputs: [source, source]}\n")), HasSubstr("stands twice"));
  EXPECT_THAT(faults_of(with_modules("  - t_decode\n")), HasSubstr("must be a map with a 'type'"));
  EXPECT_THAT(faults_of(with_modules("  - {name: x}\n")), HasSubstr("type"));
  EXPECT_THAT(
      faults_of("application: a\nsources: [{name: s, url: a.mp4}, {name: s, url: b.mp4}]\nmodules: [{type: jsonl}]\n"),
      HasSubstr("two sources are named 's'"));
  EXPECT_THAT(faults_of("aplication: a\nmodules: [{type: jsonl}]\n"), HasSubstr("'application'"));
  EXPECT_THAT(faults_of("application: a\n"), HasSubstr("at least one module"));
  EXPECT_THAT(faults_of("[]"), HasSubstr("must be a map"));
}

TEST_F(ApplicationTest, ACycleNamesThoseOnItAndNobodyElse) {
  const std::string faults = faults_of(
      with_modules("  - {type: t_decode, name: a, inputs: [source, c]}\n  - {type: t_decode, name: b, inputs: [a]}\n"
                   "  - {type: t_decode, name: c, inputs: [b]}\n  - {type: jsonl, name: behind, inputs: [c]}\n"));
  EXPECT_THAT(faults, AllOf(HasSubstr("app.yaml:4"), HasSubstr("circle through a, b, c "), Not(HasSubstr("behind"))));
  EXPECT_THAT(faults_of(with_modules("  - {type: t_decode, name: a, inputs: [a]}\n")), HasSubstr("circle through a"));
}

TEST_F(ApplicationTest, SaysEverythingThatIsWrongAtOnce) {
  const std::string faults = faults_of(
      with_modules("  - {type: t_decode, scroe: 1}\n  - {type: t_detcet}\n  - {type: t_track, inputs: [nobody]}\n  - "
                   "{type: t_decode}\n"
                   "  - {type: t_track, name: early, inputs: [source]}\n  - {type: t_decode, name: r, inputs: [r]}\n"));
  for (const char* part : {"scroe", "t_detcet", "nobody", "two modules", "'early' reads objects", "circle through r"})
    EXPECT_THAT(faults, HasSubstr(part));
  EXPECT_EQ(std::count(faults.begin(), faults.end(), '\n'), 5) << faults;
}

TEST_F(ApplicationTest, WhereWaysMeetOnlyWhatAllOfThemAddIsThere) {
  EXPECT_THAT(faults_of(with_modules(
                  "  - {type: t_decode}\n  - {type: t_detect}\n  - {type: t_track, inputs: [t_decode, t_detect]}\n")),
              HasSubstr("'t_track' reads objects"));
  EXPECT_EQ(faults_of(with_modules("  - {type: t_decode}\n  - {type: t_detect}\n  - {type: t_detect, name: d2, inputs: "
                                   "[t_decode]}\n  - {type: t_track, inputs: [t_detect, d2]}\n")),
            "");
}

TEST_F(ApplicationTest, OverridesSetWhatAModuleWouldRead) {
  ConfigNode root = parse_config(kGood, "app.yaml");
  set_override(root, "t_detect.score=0.9");
  set_override(root, "t_detect.queue.size=7");
  set_override(root, "t_track.classes=[person, car]");
  set_override(root, "t_track.queue.size=3");
  const Application app = parse_application(root);
  EXPECT_EQ(app.modules[1].queue.size, 7);
  EXPECT_EQ(app.modules[1].queue.when_full, QueueSpec::WhenFull::kLatest) << "the group's other settings stay";
  EXPECT_EQ(app.modules[2].queue.size, 3);
  set_override(root, "t_detect.scroe=0.9");
  EXPECT_THROW(parse_application(root), Error);
}

TEST_F(ApplicationTest, BadOverridesNameTheArgument) {
  ConfigNode root = parse_config(kGood, "app.yaml");
  for (const char* bad : {"", "x", "t_detect=1", "t_detect.=1", ".score=1", "t_detect.score", "t_detect..score=1",
                          "t_detect.queue.=1", "t_detect.score=[", "t_detect.score.x=1"})
    EXPECT_THAT(usage_of([&] { set_override(root, bad); }), HasSubstr("--set " + std::string(bad))) << bad;
  EXPECT_THAT(usage_of([&] { set_override(root, "t_detec.score=1"); }), HasSubstr("'t_detect'"));
}

TEST_F(ApplicationTest, SourcesAreReplacedButKeepTheOptionsOfTheSameUrl) {
  ConfigNode root = parse_config(
      "application: a\nsources: [{name: keep, url: a.mp4, loop: true}, {url: b.mp4}]\nmodules: [{type: jsonl}]\n",
      "app.yaml");
  replace_sources(root, {});
  EXPECT_EQ(parse_application(root).sources.size(), 2u);
  replace_sources(root, {"dir/c.mp4", "a.mp4", "other/c.mp4"});
  const Application app = parse_application(root);
  ASSERT_EQ(app.sources.size(), 3u);
  EXPECT_EQ(app.sources[0].name, "c");
  EXPECT_EQ(app.sources[1].name, "keep");
  EXPECT_TRUE(app.sources[1].options.loop);
  EXPECT_EQ(app.sources[2].name, "c-2");
}

TEST_F(ApplicationTest, ASinkIsAppendedBehindTheLastModuleThatPassesOn) {
  ConfigNode root = parse_config(kGood, "app.yaml");
  append_sink(root, "jsonl:more.jsonl");
  const Application app = parse_application(root);
  EXPECT_EQ(app.modules.back().name, "jsonl-2");
  EXPECT_THAT(app.modules.back().inputs, ElementsAre(2));
  for (const char* bad : {"", "jsnol:x", "mot", "mot:", "console:"})
    EXPECT_THAT(usage_of([&] { append_sink(root, bad); }), HasSubstr("--sink")) << bad;
  EXPECT_THAT(usage_of([&] { append_sink(root, "jsnol:x"); }), HasSubstr("'jsonl'"));
}

}  // namespace
}  // namespace vedette::graph
