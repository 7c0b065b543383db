#include "vedette/fleet/definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vedette/fleet/diff.h"
#include "vedette/fleet/testing.h"
#include "vedette/fleet/yaml_text.h"

namespace vedette::fleet {
namespace {

using testing::app_yaml;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class DefinitionTest : public ::testing::Test {
 protected:
  void SetUp() override { graph::testing::register_test_modules(); }
  static std::vector<std::string> changes(const std::string& from, const std::string& to) {
    const Definition a = read_definition(from, "a"), b = read_definition(to, "b");
    std::vector<std::string> out;
    for (const auto& change : diff(&a, b)) out.push_back(to_text(change));
    return out;
  }
};

constexpr const char* kBase = R"(application: people
tenant: desk
objective: {latency_p95_ms: 500}
sources:
  - {name: yard, url: "rtsp://admin:secret@10.0.0.5/1"}
modules:
  - type: t_decode
  - {type: t_detect, score: 0.4, queue: {size: 2}}
  - {type: jsonl, path: a.jsonl}
)";

std::string with(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST_F(DefinitionTest, ADiffNamesEachSettingWithFromAndTo) {
  EXPECT_THAT(changes(kBase, with(kBase, "0.4", "0.5")), ElementsAre("~ t_detect.score: 0.4 → 0.5"));
  EXPECT_THAT(changes(kBase, with(kBase, "size: 2", "size: 3")), ElementsAre("~ t_detect.queue.size: 2 → 3"));
  EXPECT_THAT(changes(kBase, with(kBase, "500", "300")), ElementsAre("~ objective latency_p95_ms: 500 → 300"));
  EXPECT_THAT(changes(kBase, with(kBase, "tenant: desk", "tenant: gate")),
              ElementsAre("~ application tenant: desk → gate"));
  EXPECT_THAT(changes(kBase, with(kBase, "score: 0.4, ", "")), ElementsAre("- t_detect.score: 0.4"));
  EXPECT_THAT(changes(kBase, with(kBase, "  - {type: jsonl", "  - type: t_track\n  - {type: jsonl")),
              ElementsAre("+ module t_track: t_track", "- edge t_detect → jsonl", "+ edge t_detect → t_track",
                          "+ edge t_track → jsonl"));
}

TEST_F(DefinitionTest, ADiffTellsNoPasswordsAndNoForm) {
  const auto moved = changes(kBase, with(kBase, "10.0.0.5", "10.0.0.6"));
  ASSERT_THAT(moved, SizeIs(1));
  EXPECT_THAT(moved[0], Not(HasSubstr("secret")));
  EXPECT_THAT(moved[0], HasSubstr("10.0.0.6"));
  EXPECT_THAT(changes(kBase, with(kBase, "{latency_p95_ms: 500}", "\n  latency_p95_ms: 500  # ms")), IsEmpty());
  const Definition fresh = read_definition(kBase, "x");
  EXPECT_THAT(diff(nullptr, fresh), SizeIs(6));
  EXPECT_THAT(diff_removed(fresh), SizeIs(5));
  EXPECT_THAT(summary(diff(nullptr, fresh)), HasSubstr("and 3 more"));
}

TEST_F(DefinitionTest, SettingsOfAModuleAreChangedAddedAndTakenAway) {
  const Definition base = read_definition(kBase, "x");
  const std::string yaml = with_settings(
      base, "t_detect", R"({"score": 0.75, "queue": null, "classes": ["person", "a: b"], "model": "12"})");
  const Definition next = read_definition(yaml, "y");
  std::vector<std::string> lines;
  for (const auto& change : diff(&base, next)) lines.push_back(to_text(change));
  EXPECT_THAT(lines, ElementsAre("- t_detect.queue.size: 2", "~ t_detect.score: 0.4 → 0.75",
                                 "+ t_detect.classes: [\"person\", \"a: b\"]", "+ t_detect.model: \"12\""));
  EXPECT_EQ(next.application.sources[0].options.url, "rtsp://admin:secret@10.0.0.5/1");
}

TEST_F(DefinitionTest, WrongSettingsAreRefused) {
  const Definition base = read_definition(kBase, "x");
  const auto line = [&](const std::string& module, const std::string& settings) {
    try {
      read_definition(with_settings(base, module, settings), "x");
    } catch (const Error& e) {
      return e.line();
    }
    return std::string();
  };
  EXPECT_THAT(line("t_detec", R"({"score": 1})"), HasSubstr("'t_detect'"));
  EXPECT_THAT(line("t_detect", "[1]"), HasSubstr("must be a JSON map"));
  EXPECT_THAT(line("t_detect", "{"), HasSubstr("do not read as JSON"));
  EXPECT_THAT(line("t_detect", R"({"type": "jsonl"})"), HasSubstr("is no setting"));
  EXPECT_THAT(line("t_detect", R"({"scroe": 1})"), HasSubstr("'score'"));
  std::string deep = "1";
  for (int i = 0; i < 40; ++i) deep = "[" + deep + "]";
  EXPECT_THAT(line("t_detect", "{\"classes\": " + deep + "}"), HasSubstr("too deeply"));
}

TEST_F(DefinitionTest, YamlComesBackAsItWas) {
  for (const std::string& text :
       {std::string(kBase), app_yaml("x", {"a", "b"}),
        std::string(
            "a: \"1\"\nb: 1\nc: ~\nd: [1, \"x, y\", {k: v}]\ne: {}\nf: []\ng: \"line\\nbreak \\\"q\\\" é\"\n"
            "\"odd key: #\": yes\nh: |\n  two\n  lines\nlong:\n  - {a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, b: "
            "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, c: [[1, 2], [3, 4]]}\n  - - 1\n    - {z: "
            "1}\n")}) {
    const ConfigNode before = parse_config(text, "before");
    const std::string written = to_yaml(before);
    const ConfigNode after = parse_config(written, "after");
    EXPECT_EQ(to_flow(before), to_flow(after)) << written;
    EXPECT_EQ(written, to_yaml(after));
  }
}

TEST_F(DefinitionTest, DocumentsAreSplitAndKeepTheirLines) {
  EXPECT_THAT(split_documents("---\na: 1\n---\n# nothing\n---\nb: 2\n"), ElementsAre("\na: 1\n", "\n\n\n\n\nb: 2\n"));
  EXPECT_THAT(split_documents(""), IsEmpty());
  try {
    parse_config(split_documents("a: 1\n---\nb: [\n")[1], "f.yaml");
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("f.yaml:"));
  }
}

TEST_F(DefinitionTest, SecretsAreHidden) {
  EXPECT_EQ(without_secrets("x rtsp://u:p@h/a?b@c y"), "x rtsp://***@h/a?b@c y");
  EXPECT_EQ(without_secrets("rtsp://h/a http://a:b@c@d:80/"), "rtsp://h/a http://***@d:80/");
  EXPECT_EQ(without_secrets("://"), "://");
}

TEST_F(DefinitionTest, TooLargeATextIsRefused) {
  EXPECT_THROW(read_definition(std::string(300 << 10, '#'), "x"), Error);
}

}  // namespace
}  // namespace vedette::fleet
