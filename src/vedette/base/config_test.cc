#include "vedette/base/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "vedette/base/error.h"

namespace vedette {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// The message of the Error(kInvalidConfig) that `text` is refused with.
std::string refusal(const std::string& text) {
  try {
    parse_config(text, "a.yaml");
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidConfig);
    return e.what();
  }
  ADD_FAILURE() << "was taken";
  return {};
}

TEST(Config, KeepsOrderKindsAndLines) {
  const auto root = parse_config("name: yard\nlist:\n  - 1\n  - two\nempty:\nmap: {a: 1}\n", "a.yaml");
  ASSERT_TRUE(root.is_map());
  ASSERT_EQ(root.entries().size(), 4u);
  EXPECT_EQ(root.entries()[0].first, "name");
  EXPECT_EQ(root.entries()[3].first, "map");
  EXPECT_TRUE(root.find("list")->is_list());
  EXPECT_TRUE(root.find("empty")->is_null());
  EXPECT_TRUE(root.find("map")->is_map());
  EXPECT_EQ(root.find("name")->where(), "a.yaml:1");
  EXPECT_EQ(root.find("list")->items()[1].where(), "a.yaml:4");
  EXPECT_EQ(root.find("empty")->where(), "a.yaml:5");
  EXPECT_EQ(root.find("absent"), nullptr);
}

TEST(Config, AnEmptyDocumentIsNull) { EXPECT_TRUE(parse_config("", "a.yaml").is_null()); }

TEST(Config, ReadsTypedScalars) {
  const auto root = parse_config("a: 12\nb: -0.5\nc: on\nd: 'off'\ne: 9223372036854775807\nf: 1e3\n", "a.yaml");
  EXPECT_EQ(root.find("a")->as_int(), 12);
  EXPECT_DOUBLE_EQ(root.find("a")->as_float(), 12);
  EXPECT_DOUBLE_EQ(root.find("b")->as_float(), -0.5);
  EXPECT_TRUE(root.find("c")->as_bool());
  EXPECT_EQ(root.find("d")->as_string(), "off");
  EXPECT_EQ(root.find("e")->as_int(), INT64_MAX);
  EXPECT_DOUBLE_EQ(root.find("f")->as_float(), 1000);
}

TEST(Config, RefusesTheWrongTypeWithItsPlace) {
  const auto root = parse_config("a: 1.5\nb: '12'\nc: nan\nd: 99999999999999999999\ne: [1]\n", "a.yaml");
  const auto message = [](auto read) {
    try {
      read();
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(message([&] { root.find("a")->as_int(); }), "a.yaml:1: expected a whole number, not '1.5'");
  EXPECT_EQ(message([&] { root.find("b")->as_int(); }), "a.yaml:2: expected a whole number, not '12'")
      << "quotes make text";
  EXPECT_EQ(message([&] { root.find("c")->as_float(); }), "a.yaml:3: expected a number, not 'nan'");
  EXPECT_EQ(message([&] { root.find("d")->as_int(); }),
            "a.yaml:4: expected a whole number, not '99999999999999999999'");
  EXPECT_EQ(message([&] { root.find("e")->as_bool(); }), "a.yaml:5: expected true or false");
  EXPECT_EQ(message([&] { root.find("e")->as_string(); }), "a.yaml:5: expected a single value");
}

TEST(Config, RefusesADuplicateKeyAtItsLine) {
  EXPECT_EQ(refusal("a: 1\nb: 2\na: 3\n"), "a.yaml:3: the key 'a' stands twice");
}

TEST(Config, RefusesBrokenYamlAtItsLine) {
  EXPECT_THAT(refusal("a: 1\nb: [1, 2\n"), StartsWith("a.yaml:"));
  EXPECT_THAT(refusal("a: 1\n\tb: 2\n"), HasSubstr("not valid YAML"));
  EXPECT_EQ(refusal("? [1, 2]\n: 3\n"), "a.yaml:1: a key must be a plain word");
}

TEST(Config, RefusesWhatNestsTooDeep) {
  EXPECT_THAT(refusal(std::string(100'000, '[')), HasSubstr("deeper than 64"));
  EXPECT_THAT(refusal("a: " + std::string(65, '{')), HasSubstr("deeper than 64"));
  std::string dashes;
  for (int i = 0; i < 65; ++i) dashes += "- ";
  EXPECT_THAT(refusal(dashes + "1"), HasSubstr("deeper than 64"));
  std::string indented;
  for (int i = 0; i < 70; ++i) indented += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  EXPECT_THAT(refusal(indented), HasSubstr("deeper than 64"));
}

TEST(Config, RefusesAliasesThatGrowWithoutBound) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 1; k < 10; ++k) laughs += ", " + before;
    laughs += "]\n";
  }
  EXPECT_THAT(refusal(laughs), HasSubstr("more than 100,000 values"));
}

TEST(Config, RefusesLargeText) { EXPECT_EQ(refusal(std::string((4u << 20) + 1, ' ')), "a.yaml: larger than 4 MiB"); }

TEST(Config, AnAliasMeansWhatItsAnchorHolds) {
  const auto root = parse_config("a: &x {k: 1}\nb: *x\n", "a.yaml");
  EXPECT_EQ(root.find("b")->find("k")->as_int(), 1);
}

TEST(Config, SetAddsAndReplaces) {
  ConfigNode root;
  root.set("score", ConfigNode::scalar("0.5", "--set detect.score"));
  root.set("score", ConfigNode::scalar("0.6", "--set detect.score"));
  ASSERT_EQ(root.entries().size(), 1u);
  EXPECT_DOUBLE_EQ(root.find("score")->as_float(), 0.6);
  EXPECT_EQ(root.find("score")->where(), "--set detect.score");
}

TEST(Config, LoadingAMissingFileOrAFolderFailsClearly) {
  try {
    load_config("no/such.yaml");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kNotFound);
    EXPECT_THAT(e.what(), HasSubstr("no/such.yaml"));
  }
  EXPECT_THROW(load_config("."), Error);
}

TEST(Faults, AreThrownTogetherOneALine) {
  Faults faults;
  faults.throw_if_any();
  const auto root = parse_config("\n\na: 1\n", "a.yaml");
  faults.add(*root.find("a"), "is wrong", "make it right");
  faults.add("second");
  try {
    faults.throw_if_any();
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidConfig);
    EXPECT_STREQ(e.what(), "a.yaml:3: is wrong (make it right)\nsecond");
  }
}

}  // namespace
}  // namespace vedette
