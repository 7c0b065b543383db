#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "vedette/lab/track_file.h"
#include "vedette/lab/tracking_metrics.h"

namespace vedette::lab {
namespace {

std::filesystem::path shared_folder() {
  const char* told = std::getenv("VEDETTE_SHARED");
  return told ? std::filesystem::path(told) : std::filesystem::path(VEDETTE_SOURCE_DIR) / ".." / "shared";
}

struct Published {
  const char* sequence;
  double mota_percent;
};

/// SORT on the public detections of MOT15: five figures of the author's table, two measured with the author's code.
class SortOnMot15 : public testing::TestWithParam<Published> {};

TEST_P(SortOnMot15, ReachesThePublishedMota) {
  const auto folder = shared_folder() / "data" / "mot15" / GetParam().sequence;
  if (!std::filesystem::exists(folder / "det.txt"))
    GTEST_SKIP() << folder << " is missing; set VEDETTE_SHARED to the shared data";
  track::TrackerOptions options;
  options.algorithm = track::Algorithm::kSort;
  const auto tracker = track::make_tracker(options);
  const auto result = track_detections(load_mot(folder / "det.txt"), *tracker);
  const auto m = clear_metrics(bring_together(load_mot(folder / "gt.txt"), result, "gt.txt", "result"));
  EXPECT_NEAR(m.mota * 100, GetParam().mota_percent, 0.1);
}

INSTANTIATE_TEST_SUITE_P(, SortOnMot15,
                         testing::Values(Published{"ETH-Sunnyday", 59.1}, Published{"ETH-Pedcross2", 45.4},
                                         Published{"ADL-Rundle-8", 28.6}, Published{"Venice-2", 18.6},
                                         Published{"KITTI-17", 60.2}, Published{"PETS09-S2L1", 61.9},
                                         Published{"TUD-Stadtmitte", 71.7}));

}  // namespace
}  // namespace vedette::lab
