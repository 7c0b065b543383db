#include "vedette/base/nearest.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

const std::vector<std::string> kNames{"detect", "decode", "track", "roi", "overlay"};

TEST(Nearest, FindsASlipOfTheFinger) {
  EXPECT_EQ(nearest_name("detct", kNames), "detect");    // one left out
  EXPECT_EQ(nearest_name("dteect", kNames), "detect");   // two exchanged
  EXPECT_EQ(nearest_name("overlays", kNames), "overlay");
  EXPECT_EQ(nearest_name("rio", kNames), "roi");
  EXPECT_EQ(nearest_name("track", kNames), "track");
}

TEST(Nearest, IsSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest_name("classifier", kNames), "");
  EXPECT_EQ(nearest_name("", kNames), "");
  EXPECT_EQ(nearest_name("detect", {}), "");
  EXPECT_EQ(nearest_name(std::string(100'000, 'd'), kNames), "") << "long names cost no time";
}

TEST(Nearest, SaysWhatThereIsWhenNothingIsNear) {
  EXPECT_EQ(did_you_mean("trck", kNames), "did you mean 'track'?");
  EXPECT_EQ(did_you_mean("xyz", kNames), "one of: detect, decode, track, roi, overlay");
}

}  // namespace
}  // namespace vedette
