#include "vedette/convert/tfjs_model.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "vedette/base/error.h"

namespace vedette::convert {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string document(const std::string& nodes, const std::string& groups = "") {
  return fmt::format(R"({{"format":"graph-model","modelTopology":{{"node":[{}]}},"weightsManifest":[{}]}})", nodes,
                     groups);
}

std::string parse_failure(const std::string& text) {
  try {
    TfjsModel::parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidData);
    return error.what();
  }
  return "parsed";
}

std::string bytes_of(std::initializer_list<float> values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), std::data(values), bytes.size());
  return bytes;
}

TEST(TfjsModel, ReadsAttributesOfBothGenerations) {
  const TfjsModel model = TfjsModel::parse(document(R"(
      {"name":"new","op":"Conv2D","input":["x:2","^control","w"],
       "attr":{"padding":{"s":"VkFMSUQ="},"N":{"i":"-7"},"f":{"f":0.5},"b":{"b":true},"strides":{"list":{"i":["1","2"]}}}},
      {"name":"old","op":"Conv2D","attr":{"padding":{"s":[83,65,77,69]},"N":{"i":3},"empty":{"s":[]},"dtype":{"type":1}}})"));
  const TfNode& fresh = *model.find("new");
  EXPECT_EQ(fresh.attributes.at("padding").s, "VALID");
  EXPECT_EQ(fresh.attributes.at("N").i, -7);
  EXPECT_EQ(fresh.attributes.at("f").f, 0.5);
  EXPECT_EQ(fresh.attributes.at("b").b, true);
  EXPECT_THAT(fresh.attributes.at("strides").ints, ElementsAre(1, 2));
  ASSERT_EQ(fresh.inputs.size(), 2U) << "control inputs are left out";
  EXPECT_EQ(fresh.inputs[0].node, "x");
  EXPECT_EQ(fresh.inputs[0].output, 2);
  const TfNode& old = *model.find("old");
  EXPECT_EQ(old.attributes.at("padding").s, "SAME");
  EXPECT_EQ(old.attributes.at("N").i, 3);
  EXPECT_EQ(old.attributes.at("empty").s, "");
}

TEST(TfjsModel, RefusesMalformedDocumentsWithTheirPlace) {
  EXPECT_THAT(parse_failure(""), HasSubstr("not JSON"));
  EXPECT_THAT(parse_failure(R"({"modelTopology":{"node":[{"name":)"), HasSubstr("not JSON"));
  EXPECT_THAT(parse_failure("[]"), HasSubstr("not an object"));
  EXPECT_THAT(parse_failure("{}"), HasSubstr("'modelTopology' is missing"));
  EXPECT_THAT(parse_failure(R"({"format":"layers-model"})"), HasSubstr("only \"graph-model\""));
  EXPECT_THAT(parse_failure(document("7")), HasSubstr("node 0: 'name' is missing"));
  EXPECT_THAT(parse_failure(document(R"({"name":"a"})")), HasSubstr("node 'a': 'op' is missing"));
  EXPECT_THAT(parse_failure(document(R"({"name":"a","op":"Add"},{"name":"a","op":"Add"})")),
              HasSubstr("two nodes are named 'a'"));
  EXPECT_THAT(parse_failure(document(R"({"name":"a","op":"Add","input":[3]})")),
              HasSubstr("node 'a': an input is not text"));
  EXPECT_THAT(parse_failure(document(R"({"name":"a","op":"Add","input":["x:y"]})")),
              HasSubstr("'x:y' names no output"));
  EXPECT_THAT(parse_failure(document(R"({"name":"a","op":"Add","attr":{"N":{"i":"12x"}}})")),
              HasSubstr("node 'a', attribute 'N'"));
  EXPECT_THAT(parse_failure(document(R"({"name":"a","op":"Add","attr":{"N":{"i":18446744073709551615}}})")),
              HasSubstr("out of range"));
  EXPECT_THAT(parse_failure(document(R"({"name":"a","op":"Add","attr":{"s":{"s":"@@@@"}}})")), HasSubstr("not base64"));
  EXPECT_THAT(parse_failure(document(R"({"name":"a","op":"Add","attr":{"s":{"s":[300]}}})")), HasSubstr("0 to 255"));
  EXPECT_THAT(parse_failure(std::string(100'000, '[')), HasSubstr("levels deep"));
}

TEST(TfjsModel, RefusesMalformedManifests) {
  const auto group = [](const std::string& path, const std::string& weight) {
    return document("", fmt::format(R"({{"paths":["{}"],"weights":[{}]}})", path, weight));
  };
  EXPECT_THAT(parse_failure(group("../../etc/passwd", "")), HasSubstr("leaves the model's folder"));
  EXPECT_THAT(parse_failure(group("/etc/passwd", "")), HasSubstr("leaves the model's folder"));
  EXPECT_THAT(parse_failure(group("--checkpoint-action=x", "")), HasSubstr("leaves the model's folder"));
  EXPECT_THAT(parse_failure(group("a", R"({"name":"w","dtype":"string","shape":[]})")),
              HasSubstr("weight 'w': unsupported type 'string'"));
  EXPECT_THAT(parse_failure(group("a", R"({"name":"w","dtype":"float32","shape":[-1]})")), HasSubstr("weight 'w'"));
  EXPECT_THAT(parse_failure(group("a", R"({"name":"w","dtype":"float32","shape":[4294967296,4294967296]})")),
              HasSubstr("weight 'w'"));
  EXPECT_THAT(
      parse_failure(group(
          "a",
          R"({"name":"w","dtype":"float32","shape":[134217728]},{"name":"v","dtype":"float32","shape":[134217728]})")),
      HasSubstr("bytes of weights"));
  EXPECT_THAT(
      parse_failure(group("a", R"({"name":"w","dtype":"float32","shape":[1],"quantization":{"dtype":"int4"}})")),
      HasSubstr("unknown quantization 'int4'"));
}

constexpr char kTwoWeights[] = R"({"paths":["s1","s2"],"weights":[
    {"name":"a","dtype":"float32","shape":[2]},{"name":"b","dtype":"float32","shape":[1,1]}]})";

TEST(TfjsModel, JoinsShardsBeforeItCutsWeights) {
  TfjsModel model = TfjsModel::parse(document("", kTwoWeights));
  EXPECT_THAT(model.shards(), ElementsAre("s1", "s2"));
  const std::string all = bytes_of({1.5F, -2.0F, 7.0F});
  model.load_weights([&](const std::string& path, size_t) { return path == "s1" ? all.substr(0, 6) : all.substr(6); });
  EXPECT_THAT(model.constant("a")->floats(), ElementsAre(1.5F, -2.0F));
  EXPECT_THAT(model.constant("b")->floats(), ElementsAre(7.0F));
  EXPECT_THAT(model.constant("b")->shape, ElementsAre(1, 1));
}

TEST(TfjsModel, RefusesShardsOfTheWrongLength) {
  for (const size_t size : {0U, 5U, 7U, 100U}) {
    TfjsModel model = TfjsModel::parse(document("", kTwoWeights));
    try {
      model.load_weights([&](const std::string&, size_t most) { return std::string(std::min(size, most), 'x'); });
      FAIL() << size;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidData);
      EXPECT_THAT(error.what(), HasSubstr("the manifest describes 12"));
    }
  }
}

TEST(Weights, DecodesEveryStoredType) {
  const auto decode = [](const WeightSpec& spec, std::initializer_list<int> bytes) {
    std::vector<std::byte> raw;
    for (const int byte : bytes) raw.push_back(static_cast<std::byte>(byte));
    return decode_weight(spec, raw);
  };
  EXPECT_THAT(decode({"w", "int32", {2}, {}}, {1, 0, 0, 0, 255, 255, 255, 255}).ints(), ElementsAre(1, -1));
  EXPECT_THAT(decode({"w", "bool", {2}, {}}, {0, 1}).ints(), ElementsAre(0, 1));
  EXPECT_THAT(decode({"w", "float32", {2}, WeightSpec::Quantization{"float16"}}, {0x00, 0x3c, 0x00, 0xfc}).floats(),
              ElementsAre(1.0F, -INFINITY));
  EXPECT_THAT(decode({"w", "float32", {2}, WeightSpec::Quantization{"uint8", 0.5, -1}}, {0, 4}).floats(),
              ElementsAre(-1.0F, 1.0F));
  EXPECT_THAT(decode({"w", "float32", {1}, WeightSpec::Quantization{"uint16", 0.25, 2}}, {0, 1}).floats(),
              ElementsAre(66.0F));
}

TEST(Weights, Float16CoversItsRange) {
  EXPECT_EQ(float16_to_float(0x0000), 0.0F);
  EXPECT_TRUE(std::signbit(float16_to_float(0x8000)));
  EXPECT_EQ(float16_to_float(0x0001), std::ldexp(1.0F, -24)) << "least subnormal";
  EXPECT_EQ(float16_to_float(0x03ff), std::ldexp(1023.0F, -24)) << "largest subnormal";
  EXPECT_EQ(float16_to_float(0x0400), std::ldexp(1.0F, -14)) << "least normal";
  EXPECT_EQ(float16_to_float(0x3555), 0.333251953125F);
  EXPECT_EQ(float16_to_float(0x7bff), 65504.0F);
  EXPECT_EQ(float16_to_float(0x7c00), INFINITY);
  EXPECT_TRUE(std::isnan(float16_to_float(0x7e00)));
}

}  // namespace
}  // namespace vedette::convert
