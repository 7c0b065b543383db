#include "vedette/infer/nms.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "vedette/frame/box.h"

namespace vedette::infer {
namespace {

Box box_of(const Candidate& c) { return {c.left, c.top, c.right - c.left, c.bottom - c.top}; }

std::vector<Candidate> random_candidates(std::mt19937& random, size_t n) {
  std::uniform_real_distribution<float> place(0, 100), size(1, 40), score(0, 1);
  std::vector<Candidate> all;
  for (size_t i = 0; i < n; ++i) {
    const float x = place(random), y = place(random);
    all.push_back({x, y, x + size(random), y + size(random), std::round(score(random) * 20) / 20,
                   static_cast<int>(random() % 3)});
  }
  return all;
}

TEST(Nms, PropertySurvivorsAreApartAndTheRestHasABetterNeighbour) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    const auto all = random_candidates(random, random() % 120);
    const NmsOptions options{0.3f + 0.1f * static_cast<float>(random() % 5), random() % 2 == 0, 1000};
    auto kept = all;
    suppress(kept, options);
    const auto rivals = [&](const Candidate& a, const Candidate& b) {
      return (options.class_agnostic || a.class_id == b.class_id) && iou(box_of(a), box_of(b)) > options.iou;
    };
    for (size_t i = 0; i < kept.size(); ++i) {
      EXPECT_LE(kept[i].score, kept[i > 0 ? i - 1 : 0].score);
      for (size_t k = 0; k < i; ++k) EXPECT_FALSE(rivals(kept[i], kept[k]));
    }
    for (const auto& c : all) {
      bool explained = false;
      for (const auto& k : kept)
        explained = explained || (k.score >= c.score && (rivals(k, c) || box_of(k) == box_of(c)));
      EXPECT_TRUE(explained);
    }
    auto again = kept;
    suppress(again, options);
    EXPECT_EQ(again.size(), kept.size());
  }
}

TEST(Nms, DropsWhatIsNoBoxAndKeepsTheBest) {
  std::vector<Candidate> all{{0, 0, 10, 10, 0.5f, 0},      {5, 5, 5, 9, 0.9f, 0},    {0, 0, NAN, 4, 0.8f, 0},
                             {0, 0, INFINITY, 4, 0.8f, 0}, {20, 0, 30, 10, 0.7f, 0}, {40, 0, 50, 10, 0.6f, 0}};
  suppress(all, {0.5f, false, 2});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_FLOAT_EQ(all[0].score, 0.7f);
  EXPECT_FLOAT_EQ(all[1].score, 0.6f);
}

TEST(Nms, EqualScoresKeepTheirOrder) {
  std::vector<Candidate> all{{0, 0, 10, 10, 0.5f, 0}, {1, 0, 11, 10, 0.5f, 0}};
  suppress(all, {0.5f, false, 10});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].left, 0);
}

}  // namespace
}  // namespace vedette::infer
