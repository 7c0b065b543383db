#include "vedette/lab/bounds_profile.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "vedette/base/error.h"
#include "vedette/lab/bounds_table.h"

namespace vedette::lab {
namespace {

constexpr int kWidth = 640, kHeight = 480, kSide = 64;

/// Grey with one white square.
std::shared_ptr<const Picture> scene(int x, int y) {
  auto picture = Picture::make(PixelFormat::kI420, kWidth, kHeight);
  for (int i = 0; i < 3; ++i) {
    const Plane& plane = picture->plane(i);
    for (int row = 0; row < plane.height; ++row)
      for (int column = 0; column < plane.width; ++column) {
        const bool inside = i == 0 && row >= y && row < y + kSide && column >= x && column < x + kSide;
        plane.data[row * plane.stride_bytes + column] = inside ? 235 : i == 0 ? 60 : 128;
      }
  }
  return picture;
}

/// A model that finds the white square, whatever the size of the picture.
std::vector<Object> find_square(const std::shared_ptr<const Picture>& picture) {
  const Plane& luma = picture->plane(0);
  int left = luma.width, top = luma.height, right = 0, bottom = 0;
  for (int y = 0; y < luma.height; ++y)
    for (int x = 0; x < luma.width; ++x)
      if (luma.data[y * luma.stride_bytes + x] > 180) {
        left = std::min(left, x);
        right = std::max(right, x + 1);
        top = std::min(top, y);
        bottom = std::max(bottom, y + 1);
      }
  if (right <= left) return {};
  Object object;
  object.box = {static_cast<float>(left), static_cast<float>(top), static_cast<float>(right - left),
                static_cast<float>(bottom - top)};
  object.score = 0.9F;
  return {object};
}

std::vector<ProfileFrame> clip() {
  std::vector<ProfileFrame> frames;
  for (int i = 0; i < 6; ++i) frames.push_back({1 + 5 * i, scene(40 + 80 * i, 100)});
  return frames;
}

std::vector<MotRow> truth() {
  std::vector<MotRow> rows;
  for (int i = 0; i < 6; ++i)
    rows.push_back({.frame = 1 + 5 * i, .id = 1, .left = 40.0 + 80 * i, .top = 100, .width = kSide, .height = kSide});
  rows.push_back(
      {.frame = 2, .id = 1, .left = 1, .top = 1, .width = 9, .height = 9});  // of a frame that is not looked at
  return rows;
}

BoundsRow measured(const char* knobs) {
  BoundsProfile profile(clip(), truth(), find_square, {});
  return profile.measure(media::KnobSetting::parse(knobs).id().value());
}

TEST(BoundsProfileTest, UntouchedFramesScoreOne) {
  BoundsProfile profile(clip(), truth(), find_square, {});
  EXPECT_DOUBLE_EQ(profile.baseline().f1, 1);
  EXPECT_EQ(profile.baseline().truth_boxes, 6U);
  const BoundsRow row = profile.measure(0);
  EXPECT_DOUBLE_EQ(row.f1, 1);
  EXPECT_EQ(row.frames_kept, 6U);
  EXPECT_EQ(row.kept, 1);
  EXPECT_GT(row.bytes_mean, 100);
  EXPECT_GE(row.bytes_p95, row.bytes_mean * 0.9);
}

TEST(BoundsProfileTest, BoxesAreMappedBackFromSmallPictures) {
  const BoundsRow whole = measured("R1"), small = measured("R5");
  EXPECT_DOUBLE_EQ(small.f1, 1);
  EXPECT_LT(small.bytes_mean, whole.bytes_mean);
}

TEST(BoundsProfileTest, AWithheldFrameCountsWithWhatWasSeenLast) {
  // 2 squares of 64² in 640×480 are 0.027 of it: below the least threshold, so that only the first frame is sent, and
  // the square has moved on in all others.
  const BoundsRow row = measured("F2");
  EXPECT_EQ(row.frames_kept, 1U);
  EXPECT_NEAR(row.kept, 1.0 / 6, 1e-9);
  EXPECT_NEAR(row.f1, 1.0 / 6, 1e-9);
}

TEST(BoundsProfileTest, VideoCodecsAreDecodedInOrder) {
  EXPECT_DOUBLE_EQ(measured("E6").f1, 1);
  EXPECT_LT(measured("E6").bytes_mean, measured("E5").bytes_mean);
}

TEST(BoundsProfileTest, WithoutATruthTheUntouchedFramesAreIt) {
  BoundsProfile profile(clip(), {}, find_square, {});
  EXPECT_DOUBLE_EQ(profile.baseline().f1, 1);
  EXPECT_DOUBLE_EQ(profile.measure(1000).f1, 1);
}

TEST(BoundsProfileTest, PicturesThatComeOutTheSameAreLookedAtOnce) {
  int looks = 0;
  BoundsProfile profile(clip(), truth(),
                        [&](const auto& picture) {
                          ++looks;
                          return find_square(picture);
                        },
                        {});
  EXPECT_EQ(looks, 6);
  static_cast<void>(profile.measure(0));
  static_cast<void>(profile.measure(500));  // 1312×736 is more than the clip has
  static_cast<void>(profile.measure(3));
  EXPECT_EQ(looks, 12);
}

TEST(BoundsProfileTest, RefusesWhatCannotBeCompared) {
  const auto nothing = [](const std::shared_ptr<const Picture>&) { return std::vector<Object>(); };
  EXPECT_THROW(BoundsProfile({}, truth(), find_square, {}), Error);
  EXPECT_THROW(BoundsProfile(clip(), truth(), nothing, {}), Error);
  EXPECT_THROW(BoundsProfile(clip(), {}, nothing, {}), Error);
  EXPECT_THROW(BoundsProfile(clip(), {{.frame = 2, .left = 1, .top = 1, .width = 9, .height = 9}}, find_square, {}),
               Error);
}

TEST(BoundsTableTest, GoesToTextAndBack) {
  BoundsTable table;
  table.add({1100, 24817, 26004, 0.9713, 3.21, 14.8, 60, 1, true});
  table.add({500, 90000, 91000, 1.0, 12.5, 15, 30, 0.5, false});
  const std::string text = table.text();
  EXPECT_EQ(text,
            "id,name,bytes_mean,bytes_p95,f1,cost_ms,infer_ms,frames_kept,kept,live\n"
            "500,R2+C1+K1+D1+F1,90000,91000,1.0000,12.500,15.000,30,0.5000,no\n"
            "1100,R3+C2+K1+D1+F1,24817,26004,0.9713,3.210,14.800,60,1.0000,yes\n");
  const BoundsTable again = BoundsTable::parse(text, "t.csv");
  EXPECT_EQ(again.text(), text);
  EXPECT_TRUE(again.contains(500));
  EXPECT_FALSE(again.contains(0));
}

TEST(BoundsTableTest, NamesTheLineThatIsWrong) {
  const auto refusal = [](const std::string& text) {
    try {
      static_cast<void>(BoundsTable::parse(text, "t.csv"));
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("taken");
  };
  const std::string header = BoundsTable().text(), row = "500,R2,9,9,1,1,1,3,1,yes\n";
  EXPECT_EQ(refusal(header + row), "taken");
  EXPECT_EQ(refusal("id,name\n"), "t.csv:1: not the header of such a table");
  EXPECT_EQ(refusal(header + row + row), "t.csv:3: combination 500 stands here twice");
  EXPECT_EQ(refusal(header + "500,R2,9\n"), "t.csv:2: not 10 fields");
  EXPECT_EQ(refusal(header + "500,R2,9,9,nan,1,1,3,1,yes\n"), "t.csv:2: 'nan' is not a number of its kind");
  EXPECT_EQ(refusal(header + "515,R2,9,9,1,1,1,3,1,yes\n"), "t.csv:2: there is no knob combination 515");
  EXPECT_EQ(refusal(header + "500,R2,9,9,1,1,1,3,1,maybe\n"), "t.csv:2: live is neither yes nor no");
}

TEST(BoundsTableTest, IsReplacedAsAWhole) {
  const auto folder = std::filesystem::temp_directory_path() / ("bounds_table_" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const std::string path = (folder / "t.csv").string();
  EXPECT_TRUE(BoundsTable::open(path).rows().empty());
  BoundsTable table;
  table.add({500, 9, 9, 1, 1, 1, 3, 1, true});
  table.save(path);
  table.add({0, 9, 9, 1, 1, 1, 3, 1, true});
  table.save(path);
  EXPECT_EQ(BoundsTable::open(path).rows().size(), 2U);
  EXPECT_FALSE(std::filesystem::exists(path + ".part"));
  EXPECT_THROW(table.save((folder / "none" / "t.csv").string()), Error);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace vedette::lab
