#include "vedette/lab/mot_file.h"

#include <gmock/gmock.h>

#include "vedette/base/error.h"

namespace vedette::lab {
namespace {

std::string refusal(const std::string& text) {
  try {
    parse_mot(text, "gt.txt");
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidData);
    return e.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return {};
}

TEST(MotFile, ReadsTruthDetectionsAndResults) {
  const auto rows =
      parse_mot("1,9,499,158,31.03,75.17,1,-4.1554,-7.3591,0\n\n2,-1,6.5,-2e1,7,8,0.25\r\n 3 , 4.0 ,1,2,3,4", "a.txt");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].frame, 1);
  EXPECT_EQ(rows[0].id, 9);
  EXPECT_DOUBLE_EQ(rows[0].height, 75.17);
  EXPECT_EQ(rows[0].confidence, 1);
  EXPECT_EQ(rows[1].id, -1);
  EXPECT_DOUBLE_EQ(rows[1].top, -20);
  EXPECT_DOUBLE_EQ(rows[1].confidence, 0.25);
  EXPECT_EQ(rows[1].line, 3u);
  EXPECT_EQ(rows[2].id, 4);
  EXPECT_EQ(rows[2].confidence, 1) << "six fields: no confidence";
}

TEST(MotFile, AcceptsNothingAndAByteOrderMark) {
  EXPECT_TRUE(parse_mot("", "a").empty());
  EXPECT_TRUE(parse_mot("\n \n", "a").empty());
  EXPECT_EQ(parse_mot("\xEF\xBB\xBF"
                      "1,1,2,3,4,5\n",
                      "a")
                .size(),
            1u);
}

TEST(MotFile, RefusesWithFileAndLine) {
  const std::string good = "1,1,2,3,4,5,1,-1,-1,-1\n";
  EXPECT_THAT(refusal(good + "1,1,2,3,4\n"), testing::StartsWith("gt.txt:2: 5 fields"));
  EXPECT_THAT(refusal(good + good + "1,x,2,3,4,5\n"), testing::StartsWith("gt.txt:3: field 'id' is no number: \"x\""));
  EXPECT_THAT(refusal("1,1,2,3,4,5,1,-1,-1,-1,-1\n"), testing::HasSubstr("more than ten fields"));
  EXPECT_THAT(refusal("1,1,2,3,,5\n"), testing::HasSubstr("'width' is no number"));
  EXPECT_THAT(refusal("1,1,2,3,4,5,\n"), testing::HasSubstr("'confidence' is no number"));
  EXPECT_THAT(refusal("0,1,2,3,4,5\n"), testing::HasSubstr("frame 0"));
  EXPECT_THAT(refusal("1.5,1,2,3,4,5\n"), testing::HasSubstr("'frame' is no whole number"));
  EXPECT_THAT(refusal("1,1e30,2,3,4,5\n"), testing::HasSubstr("'id' is no whole number"));
  EXPECT_THAT(refusal("1,1,nan,3,4,5\n"), testing::HasSubstr("'left' is no number"));
  EXPECT_THAT(refusal("1,1,2,inf,4,5\n"), testing::HasSubstr("'top' is no number"));
  EXPECT_THAT(refusal("1,1,2,1e999,4,5\n"), testing::HasSubstr("'top' is no number"));
  EXPECT_THAT(refusal("1,1,2,3,-4,5\n"), testing::HasSubstr("negative size"));
  EXPECT_THAT(refusal("1,1,2e9,3,4,5\n"), testing::HasSubstr("beyond"));
  EXPECT_THAT(refusal(std::string(5000, '1') + "\n"), testing::HasSubstr("a line of 5000 bytes"));
  EXPECT_THAT(refusal(std::string("1,\0,2,3,4,5\n", 12)), testing::HasSubstr("\"?\""));
  EXPECT_THAT(refusal("1 1 2 3 4 5\n"), testing::HasSubstr("'frame' is no number"));
}

TEST(MotFile, MissingFileIsNotFound) {
  try {
    load_mot("/nowhere/gt.txt");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kNotFound);
    EXPECT_THAT(e.what(), testing::HasSubstr("/nowhere/gt.txt"));
  }
}

TEST(MotFile, WritesWhatItReads) {
  const std::string text = "1,2,3.5,-0.25,5,6,0.123456,-1,-1,-1\n7,-1,0,1,2,3,1,-1,-1,-1\n";
  EXPECT_EQ(format_mot(parse_mot(text, "a")), text);
}

TEST(MotFile, TakesOutIgnoredTruth) {
  const auto rows = without_ignored(parse_mot("1,1,2,3,4,5,0\n1,2,2,3,4,5,1\n", "a"));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].id, 2);
}

}  // namespace
}  // namespace vedette::lab
