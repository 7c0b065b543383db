#include "vedette/cli/change_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "vedette/base/error.h"

namespace vedette::cli {
namespace {

using nlohmann::json;

const json kAnswer = json::parse(R"json({"application":"people","version":3,"dry_run":true,"changes":[
  {"what":"add","kind":"source","name":"yard","from":null,"to":"rtsp://***@10.0.0.5/1"},
  {"what":"change","kind":"setting","name":"detect.score","from":"0.4","to":"0.5"},
  {"what":"remove","kind":"module","name":"track","from":null,"to":null}],
  "effect":["detect of yard on box-2 is shared with front (acme)"],
  "prediction":{"latency_p95_ms":120.4,"fps":15,"met":true},"refused":null})json");

TEST(ChangeText, shows_what_is_added_changed_and_removed) {
  EXPECT_EQ(change_text(kAnswer, Paint(false)),
            "people: changes\n"
            "  + source yard: rtsp://***@10.0.0.5/1\n"
            "  ~ detect.score: 0.4 → 0.5\n"
            "  - module track\n"
            "  detect of yard on box-2 is shared with front (acme)\n"
            "  expected: p95 120 ms, 15.0 frames a second\n");
  EXPECT_TRUE(changes_anything(kAnswer));
  EXPECT_EQ(refusal_text(kAnswer), "");
}

TEST(ChangeText, colours_by_what_happens) {
  const std::string text = change_text(kAnswer, Paint(true));
  EXPECT_NE(text.find("\x1b[32m+ source yard"), std::string::npos);
  EXPECT_NE(text.find("\x1b[33m~ detect.score"), std::string::npos);
  EXPECT_NE(text.find("\x1b[31m- module track"), std::string::npos);
}

TEST(ChangeText, says_when_nothing_changes) {
  json answer = kAnswer;
  answer["changes"] = json::array();
  EXPECT_EQ(change_text(answer, Paint(false)), "people: nothing changes\n");
  EXPECT_FALSE(changes_anything(answer));
}

TEST(ChangeText, gives_the_reason_of_a_refusal) {
  json answer = kAnswer;
  answer["refused"] = {{"message", "people cannot keep p95 1 ms: the best is 240 ms"}, {"best", nullptr}};
  EXPECT_EQ(refusal_text(answer), "people cannot keep p95 1 ms: the best is 240 ms");
}

TEST(ChangeText, an_answer_of_another_form_is_one_clear_error) {
  EXPECT_THROW(change_text(json::object(), Paint(false)), Error);
  EXPECT_THROW(change_text({{"application", 3}, {"changes", "x"}}, Paint(false)), Error);
}

}  // namespace
}  // namespace vedette::cli
