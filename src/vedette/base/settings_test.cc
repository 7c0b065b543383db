#include "vedette/base/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vedette {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

enum class Policy { kBlock, kLatest };

struct Area {
  std::string name;
  std::vector<std::vector<double>> points;
  void fields(Fields& f) {
    f.required().text("name", name, "how events call it");
    f.rows("points", points, 2, "corners");
  }
};

struct Queue {
  int size = 4;
  Policy policy = Policy::kBlock;
  void fields(Fields& f) {
    f.whole("size", size, "most observations", {1, 100});
    f.choice("policy", policy, {{"block", Policy::kBlock}, {"latest", Policy::kLatest}}, "when full");
  }
};

struct Sample {
  bool enabled = true;
  float score = 0.5f;
  int64_t top = 300;
  std::string model;
  std::vector<std::string> classes{"person"};
  std::vector<std::pair<std::string, std::string>> headers;
  Queue queue;
  std::vector<Area> zones;
  void fields(Fields& f) {
    f.flag("enabled", enabled, "on or off");
    f.number("score", score, "least score", {0, 1});
    f.whole("top", top, "most objects", {1, 1000});
    f.required().text("model", model, "a card");
    f.texts("classes", classes, "which classes");
    f.pairs("headers", headers, "sent along");
    f.group("queue", queue, "in front of it");
    f.groups("zones", zones, "watched");
    f.check([&] { return top < 10 && score > 0.9f ? "few and sure do not go together" : ""; });
  }
};

Sample read(const std::string& text, Faults& faults) {
  return read_settings<Sample>(parse_config(text, "a.yaml"), faults);
}

std::vector<std::string> faults_of(const std::string& text) {
  Faults faults;
  read(text, faults);
  return faults.lines();
}

TEST(Settings, AbsentFieldsKeepTheirDefaults) {
  Faults faults;
  const auto s = read("model: nanodet\nqueue:\n", faults);
  EXPECT_THAT(faults.lines(), IsEmpty());
  EXPECT_TRUE(s.enabled);
  EXPECT_FLOAT_EQ(s.score, 0.5f);
  EXPECT_EQ(s.top, 300);
  EXPECT_THAT(s.classes, ElementsAre("person"));
  EXPECT_EQ(s.queue.size, 4);
  EXPECT_THAT(s.zones, IsEmpty());
}

TEST(Settings, ReadsEveryKindOfField) {
  Faults faults;
  const auto s = read(
      "model: nanodet\nenabled: off\nscore: 0.25\ntop: 7\nclasses: [car, bus]\nheaders: {X-Site: north}\n"
      "queue: {size: 2, policy: latest}\nzones:\n  - name: door\n    points: [[0, 1], [2.5, 3]]\n  - name: gate\n",
      faults);
  EXPECT_THAT(faults.lines(), IsEmpty());
  EXPECT_FALSE(s.enabled);
  EXPECT_FLOAT_EQ(s.score, 0.25f);
  EXPECT_EQ(s.top, 7);
  EXPECT_THAT(s.classes, ElementsAre("car", "bus"));
  EXPECT_THAT(s.headers, ElementsAre(Pair("X-Site", "north")));
  EXPECT_EQ(s.queue.size, 2);
  EXPECT_EQ(s.queue.policy, Policy::kLatest);
  ASSERT_EQ(s.zones.size(), 2u);
  EXPECT_THAT(s.zones[0].points, ElementsAre(ElementsAre(0, 1), ElementsAre(2.5, 3)));
  EXPECT_EQ(s.zones[1].name, "gate");
}

TEST(Settings, OneWordStandsForAListOfOne) {
  Faults faults;
  EXPECT_THAT(read("model: m\nclasses: car\n", faults).classes, ElementsAre("car"));
  EXPECT_TRUE(faults.empty());
}

TEST(Settings, AllFaultsAreFoundAtOnceEachWithItsLine) {
  EXPECT_THAT(
      faults_of("scor: 1\nscore: 1.5\ntop: many\nqueue:\n  policy: lastest\n  size: 0\n"),
      ::testing::UnorderedElementsAre("a.yaml:2: 'score' must be a number from 0 to 1, not 1.5",
                                      "a.yaml:3: expected a whole number, not 'many'", "a.yaml:1: 'model' is missing",
                                      "a.yaml:5: 'policy' cannot be 'lastest' (did you mean 'latest'?)",
                                      "a.yaml:6: 'size' must be a number from 1 to 100, not 0",
                                      "a.yaml:1: unknown setting 'scor' (did you mean 'score'?)"));
}

TEST(Settings, AnUnknownKeyDeepInsideIsFoundToo) {
  EXPECT_THAT(faults_of("model: m\nzones:\n  - {name: a, pionts: []}\n"),
              ElementsAre("a.yaml:3: unknown setting 'pionts' (did you mean 'points'?)"));
  EXPECT_THAT(faults_of("model: m\nzones:\n  - points: []\n"), ElementsAre("a.yaml:3: 'name' is missing"));
}

TEST(Settings, TheWrongShapeIsAFaultNotACrash) {
  EXPECT_THAT(faults_of("model: [1]\n"), ElementsAre("a.yaml:1: expected a single value"));
  EXPECT_THAT(faults_of("model: m\nqueue: 3\n"), ElementsAre("a.yaml:2: expected a map of settings"));
  EXPECT_THAT(faults_of("model: m\nzones: {a: 1}\n"), ElementsAre("a.yaml:2: 'zones' must be a list"));
  EXPECT_THAT(faults_of("model: m\nzones: [3]\n"), ::testing::Contains(HasSubstr("expected a map of settings")));
  EXPECT_THAT(faults_of("model: m\nzones: [{name: a, points: [[1]]}]\n"),
              ElementsAre("a.yaml:2: each row of 'points' must be 2 numbers"));
  EXPECT_THAT(faults_of("model: m\nheaders: [a]\n"), ElementsAre("a.yaml:2: 'headers' must be a map"));
  EXPECT_THAT(faults_of("- a list\n"), ::testing::Contains("a.yaml:1: expected a map of settings"));
}

TEST(Settings, ANumberThatDoesNotFitIsRefused) {
  EXPECT_THAT(faults_of("model: m\nqueue: {size: 4294967297}\n"), ::testing::SizeIs(1));
}

TEST(Settings, ACheckOverFieldsSpeaksForTheStruct) {
  EXPECT_THAT(faults_of("model: m\ntop: 5\nscore: 0.95\n"), ElementsAre("a.yaml:1: few and sure do not go together"));
}

TEST(Settings, ReservedKeysArePassedOver) {
  Faults faults;
  read_settings<Queue>(parse_config("type: track\ninput: detect\nsize: 3\n", "a.yaml"), faults, {"type", "input"});
  EXPECT_THAT(faults.lines(), IsEmpty());
}

TEST(Settings, ListsTheReferencePage) {
  const auto rows = list_settings<Sample>();
  const auto row = [&](const std::string& name) {
    for (const auto& each : rows)
      if (each.name == name) return each;
    ADD_FAILURE() << name << " is not listed";
    return FieldDoc{};
  };
  EXPECT_EQ(row("score").type, "number from 0 to 1");
  EXPECT_EQ(row("score").default_value, "0.5");
  EXPECT_TRUE(row("model").required);
  EXPECT_EQ(row("classes").default_value, "[person]");
  EXPECT_EQ(row("queue.policy").type, "one of block|latest");
  EXPECT_EQ(row("queue.policy").default_value, "block");
  EXPECT_TRUE(row("zones[].name").required);
  EXPECT_EQ(row("zones[].points").doc, "corners");
}

}  // namespace
}  // namespace vedette
