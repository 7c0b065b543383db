#include "vedette/media/knob_setting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "vedette/base/error.h"

namespace vedette::media {
namespace {

std::filesystem::path tables() {
  const char* shared = std::getenv("VEDETTE_SHARED");
  const std::filesystem::path root = shared ? shared : std::filesystem::path(VEDETTE_SOURCE_DIR) / ".." / "shared";
  return root / "data" / "knob-tables";
}

std::string refusal(std::string_view text) {
  try {
    static_cast<void>(KnobSetting::parse(text));
  } catch (const Error& e) {
    return e.code() == ErrorCode::kUsage ? e.line() : "another code";
  }
  return "taken";
}

TEST(KnobSettingTest, IdsOfMezAreTheirLists) {
  if (!std::filesystem::is_directory(tables())) GTEST_SKIP() << "no knob tables in " << tables();
  size_t lines = 0;
  for (const auto& entry : std::filesystem::directory_iterator(tables())) {
    if (!entry.path().filename().string().ends_with("_knobs.txt")) continue;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      // comb1100=['R3', 'C2', 'K1', 'D1', 'F1']
      const size_t equals = line.find('=');
      if (!line.starts_with("comb") || equals == std::string::npos) continue;
      int id = -1;
      std::from_chars(line.data() + 4, line.data() + equals, id);
      const KnobSetting listed = KnobSetting::parse(line.substr(equals + 1));
      EXPECT_EQ(listed.id(), id) << line;
      EXPECT_EQ(listed, KnobSetting::from_id(id)) << line;
      EXPECT_EQ(KnobSetting::parse(listed.to_string()).id(), id) << line;
      ++lines;
    }
  }
  EXPECT_EQ(lines, 68U);
}

TEST(KnobSettingTest, EveryIdGoesThereAndBack) {
  const auto ids = KnobSetting::all_ids();
  EXPECT_EQ(ids.size(), 15000U);
  std::set<std::string> names;
  for (const int id : ids) {
    const KnobSetting s = KnobSetting::from_id(id);
    ASSERT_EQ(s.id(), id);
    const std::string name = s.to_string();
    ASSERT_EQ(KnobSetting::parse(name), s) << name;
    names.insert(name);
  }
  EXPECT_EQ(names.size(), ids.size());
}

TEST(KnobSettingTest, ValuesAreThoseOfThePaper) {
  const KnobSetting s = KnobSetting::from_id(520);
  EXPECT_EQ(s.to_string(), "R2,C1,K2,D1,F1");
  EXPECT_EQ(s.max_width, 1312);
  EXPECT_EQ(s.max_height, 736);
  EXPECT_EQ(s.blur_px, 5);
  EXPECT_TRUE(KnobSetting::from_id(0).untouched());
  EXPECT_EQ(KnobSetting::from_id(4).difference, 0.72);
  EXPECT_EQ(KnobSetting::from_id(2500).quality, 75);
  EXPECT_EQ(KnobSetting::parse("2124").to_string(), "R5,C2,K2,D1,F5");
}

TEST(KnobSettingTest, TakesFreeValues) {
  const KnobSetting s = KnobSetting::parse("E=h264-inter:30, R=800x450 K=7+C=gray+D=moving F=0.05");
  EXPECT_EQ(s.max_width, 800);
  EXPECT_EQ(s.max_height, 450);
  EXPECT_EQ(s.blur_px, 7);
  EXPECT_EQ(s.color_space, ColorSpace::kGray);
  EXPECT_EQ(s.artefacts, Artefacts::kMoving);
  EXPECT_EQ(s.difference, 0.05);
  EXPECT_EQ(s.codec, Codec::kH264);
  EXPECT_TRUE(s.inter);
  EXPECT_EQ(s.quality, 30);
  EXPECT_EQ(s.id(), std::nullopt);
  EXPECT_EQ(s.to_string(), "R=800x450,C2,K=7,D2,F=0.05,E=h264-inter:30");
  EXPECT_EQ(KnobSetting::parse(s.to_string()), s);
  EXPECT_EQ(KnobSetting::parse("R=1312x736,C=hsv").id(), 700);
  EXPECT_EQ(KnobSetting::parse("E=jpeg:75").id(), 2500);
  EXPECT_EQ(KnobSetting::parse("E=h265").id(), 15000);
}

TEST(KnobSettingTest, RefusesWithTheReason) {
  EXPECT_EQ(refusal(""), "no knobs are given (as R2,C1,K1,D1,F1, or an id as 500)");
  EXPECT_EQ(refusal("R6"), "knob 'R6': there is no such value (R1 to R5)");
  EXPECT_EQ(refusal("R2,X1"), "knob 'X1': there is no such knob (R, C, K, D, F or E, as R2 or R=800x450)");
  EXPECT_EQ(refusal("R2,R3"), "knob 'R3': the knob is given twice (each of R, C, K, D, F, E once)");
  EXPECT_EQ(refusal("R=800"), "knob 'R=800': not WIDTHxHEIGHT (as R=800x450)");
  EXPECT_EQ(refusal("C=grey"), "knob 'C=grey': there is no such value (did you mean 'gray'?)");
  EXPECT_EQ(refusal("F=nan"), "knob 'F=nan': not a threshold (a threshold from 0 to 1)");
  EXPECT_EQ(refusal("E=jpeg:0"), "knob 'E=jpeg:0': not a JPEG quality (a JPEG quality from 1 to 100)");
  EXPECT_EQ(refusal("E=jpeg-inter"), "knob 'E=jpeg-inter': JPEG has no inter frames (h264-inter, h265-inter)");
  EXPECT_EQ(refusal("R"), "knob 'R': no value (a number as R2, or a value as R=800x450)");
  EXPECT_EQ(
      refusal("20000"),
      "there is no knob combination 20000 (ids are below 20000; those whose remainder by 20 is 15 or more are not "
      "used)");
  EXPECT_NE(refusal("515"), "taken");
  EXPECT_NE(refusal("-5"), "taken");
}

TEST(KnobSettingTest, WhatIsDearIsNotLive) {
  EXPECT_TRUE(KnobSetting::from_id(500).live());
  EXPECT_TRUE(KnobSetting::parse("R3,C2,K5,D2,F5").live());
  EXPECT_FALSE(KnobSetting::parse("E7").live());
  EXPECT_LT(KnobSetting::parse("R5").estimated_cost_ms(), KnobSetting::parse("R2").estimated_cost_ms());
}

}  // namespace
}  // namespace vedette::media
