#include "vedette/identity/gallery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <random>
#include <thread>

#include "vedette/base/error.h"

namespace vedette::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Vector = std::vector<float>;

/// The code and line of the Error that `call` throws.
std::pair<ErrorCode, std::string> refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return {e.code(), e.line()};
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(Gallery, TheNearestByCosineWhateverTheLength) {
  Gallery gallery({.dimension = 3});
  gallery.add("anna", Vector{10, 0, 0});
  gallery.add("bert", Vector{0, 0.1F, 0});
  const auto match = gallery.nearest(Vector{0.3F, 0.4F, 0});
  ASSERT_TRUE(match);
  EXPECT_EQ(match->name, "bert");
  EXPECT_NEAR(match->similarity, 0.8, 1e-6);
  EXPECT_NEAR(gallery.nearest(Vector{-5, 0, 0})->similarity, 0, 1e-6) << "of anna -1, of bert 0";
}

TEST(Gallery, AnIdentityCountsOnceByItsBestEmbedding) {
  Gallery gallery({.dimension = 3});
  gallery.add("anna", Vector{1, 0, 0});
  gallery.add("anna", Vector{0, 1, 0});
  gallery.add("bert", Vector{1, 1, 1});
  EXPECT_EQ(gallery.embeddings(), 3U);
  EXPECT_EQ(gallery.size(), 2U);
  const auto matches = gallery.nearest(Vector{0, 2, 0}, 10);
  ASSERT_EQ(matches.size(), 2U);
  EXPECT_EQ(matches[0], (Match{"anna", 1}));
  EXPECT_EQ(matches[1].name, "bert");
}

TEST(Gallery, EqualSimilaritiesComeByName) {
  Gallery gallery({.dimension = 3});
  for (const char* name : {"carl", "anna", "bert"}) gallery.add(name, Vector{1, 2, 3});
  std::vector<std::string> names;
  for (const auto& match : gallery.nearest(Vector{1, 2, 3}, 3)) names.push_back(match.name);
  EXPECT_THAT(names, ElementsAre("anna", "bert", "carl"));
}

TEST(Gallery, NobodyIsNearestInAnEmptyOneOrToNothing) {
  Gallery gallery({.dimension = 3});
  EXPECT_FALSE(gallery.nearest(Vector{1, 0, 0}));
  gallery.add("anna", Vector{1, 0, 0});
  EXPECT_FALSE(gallery.nearest(Vector{0, 0, 0}));
  EXPECT_THAT(gallery.nearest(Vector{1, 0, 0}, 0), IsEmpty());
  gallery.clear();
  EXPECT_TRUE(gallery.empty());
  EXPECT_FALSE(gallery.nearest(Vector{1, 0, 0}));
}

TEST(Gallery, ReplaceAndRemove) {
  Gallery gallery({.dimension = 3});
  gallery.add("anna", Vector{1, 0, 0});
  gallery.add("bert", Vector{0, 1, 0});
  gallery.replace("anna", std::vector<Vector>{{0, 0, 1}, {0, 1, 1}}, {{"badge", "7"}});
  EXPECT_EQ(gallery.nearest(Vector{1, 0.1F, 0})->name, "bert") << "anna looks otherwise now";
  EXPECT_EQ(gallery.find("anna")->embeddings, 2U);
  EXPECT_EQ(gallery.find("anna")->metadata, (Metadata{{"badge", "7"}}));
  gallery.add("anna", Vector{1, 0, 0});
  EXPECT_EQ(gallery.find("anna")->metadata, (Metadata{{"badge", "7"}})) << "stays";

  EXPECT_TRUE(gallery.remove("anna"));
  EXPECT_FALSE(gallery.remove("anna"));
  EXPECT_FALSE(gallery.find("anna"));
  EXPECT_EQ(gallery.embeddings(), 1U);
  EXPECT_EQ(gallery.nearest(Vector{1, 0.1F, 0})->name, "bert");
}

TEST(Gallery, WhatDoesNotFitIsRefusedAndChangesNothing) {
  Gallery gallery = Gallery({.dimension = 3, .max_embeddings = 3, .max_identities = 2});
  gallery.add("anna", Vector{1, 0, 0});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(refusal([&] { gallery.add("bert", Vector{1, 0}); }),
            std::pair(ErrorCode::kInvalidData,
                      std::string("the embedding has 2 numbers, but those of the gallery have 3 (embed with the model "
                                  "that the gallery was made with)")));
  EXPECT_EQ(refusal([&] { std::ignore = gallery.nearest(Vector(512)); }).first, ErrorCode::kInvalidData);
  EXPECT_THAT(refusal([&] { gallery.add("bert", Vector{1, nan, 0}); }).second, HasSubstr("no number"));
  EXPECT_THAT(refusal([&] { gallery.add("bert", Vector{0, 0, 0}); }).second, HasSubstr("'bert' is zero everywhere"));
  EXPECT_EQ(refusal([&] { gallery.add("", Vector{1, 0, 0}); }).first, ErrorCode::kInvalidConfig);
  EXPECT_EQ(refusal([&] { gallery.add(std::string(257, 'x'), Vector{1, 0, 0}); }).first, ErrorCode::kInvalidConfig);
  EXPECT_EQ(refusal([&] { gallery.replace("anna", {}); }).first, ErrorCode::kInvalidData);
  EXPECT_EQ(refusal([&] { gallery.replace("anna", std::vector<Vector>{{0, 1, 0}, {0, 1}}); }).first,
            ErrorCode::kInvalidData);
  EXPECT_EQ(refusal([&] {
              gallery.replace("anna", std::vector<Vector>{{0, 1, 0}}, {{"note", std::string(5000, 'x')}});
            }).first,
            ErrorCode::kInvalidConfig);
  EXPECT_EQ(gallery.size(), 1U);
  EXPECT_EQ(gallery.nearest(Vector{1, 0, 0}), (Match{"anna", 1}));

  gallery.add("anna", Vector{0, 1, 0});
  gallery.add("bert", Vector{0, 0, 1});
  EXPECT_EQ(refusal([&] { gallery.add("anna", Vector{1, 1, 0}); }),
            std::pair(ErrorCode::kExhausted, std::string("the gallery is full: 3 embeddings (remove identities, or "
                                                         "keep fewer embeddings of each)")));
  EXPECT_EQ(refusal([&] { gallery.replace("bert", std::vector<Vector>{{1, 0, 0}, {0, 1, 0}}); }).first,
            ErrorCode::kExhausted);
  gallery.replace("anna", std::vector<Vector>{{1, 1, 0}});  // one less: there is room again
  EXPECT_THAT(refusal([&] { gallery.add("carl", Vector{1, 0, 0}); }).second, HasSubstr("full: 2 identities"));
  EXPECT_EQ(gallery.size(), 2U);
}

/// The model that the gallery is held to: all vectors by name, compared one by one in double precision.
class Reference {
 public:
  std::map<std::string, std::vector<Vector>> known;

  std::vector<std::pair<double, std::string>> ranking(const Vector& query) const {
    std::vector<std::pair<double, std::string>> result;
    for (const auto& [name, vectors] : known) {
      double best = -2;
      for (const auto& vector : vectors) best = std::max(best, cosine(query, vector));
      result.emplace_back(best, name);
    }
    std::stable_sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    return result;
  }

 private:
  static double cosine(const Vector& a, const Vector& b) {
    double both = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      both += static_cast<double>(a[i]) * b[i];
      aa += static_cast<double>(a[i]) * a[i];
      bb += static_cast<double>(b[i]) * b[i];
    }
    return both / std::sqrt(aa * bb);
  }
};

TEST(Gallery, AgreesWithBruteForceAfterAnyRowOfChanges) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const size_t dimension = 1 + random() % 70;  // whole lanes and what is left over
    std::normal_distribution<float> normal(0, 2);
    const auto vector = [&] {
      Vector v(dimension);
      for (float& x : v) x = normal(random);
      return v;
    };
    Gallery gallery({.dimension = dimension});
    Reference reference;
    for (int step = 0; step < 200; ++step) {
      const std::string name = "person-" + std::to_string(random() % 25);
      switch (random() % 5) {
        case 0: EXPECT_EQ(gallery.remove(name), reference.known.erase(name) == 1); break;
        case 1: {
          std::vector<Vector> fresh(1 + random() % 4);
          for (auto& v : fresh) v = vector();
          gallery.replace(name, fresh);
          reference.known[name] = fresh;
          break;
        }
        default: {
          const Vector v = vector();
          gallery.add(name, v);
          reference.known[name].push_back(v);
        }
      }
      const Vector query = vector();
      const auto expected = reference.ranking(query);
      const auto matches = gallery.nearest(query, 7);
      ASSERT_EQ(matches.size(), std::min<size_t>(7, expected.size()));
      for (size_t i = 0; i < matches.size(); ++i) {
        EXPECT_NEAR(matches[i].similarity, expected[i].first, 2e-6);
        const bool tied = (i > 0 && expected[i - 1].first - expected[i].first < 1e-5) ||
                          (i + 1 < expected.size() && expected[i].first - expected[i + 1].first < 1e-5);
        if (!tied) {
          EXPECT_EQ(matches[i].name, expected[i].second) << i;
        }
      }
    }
    size_t embeddings = 0;
    for (const auto& [name, vectors] : reference.known) {
      embeddings += vectors.size();
      EXPECT_EQ(gallery.find(name)->embeddings, vectors.size());
    }
    EXPECT_EQ(gallery.embeddings(), embeddings);
    EXPECT_EQ(gallery.identities().size(), reference.known.size());
  }
}

TEST(Gallery, SearchesRunWhileItChanges) {
  Gallery gallery({.dimension = 16});
  const auto axis = [](size_t i) {
    Vector v(16);
    v[i] = 1;
    return v;
  };
  gallery.add("fixed", axis(0));
  {
    std::vector<std::jthread> searchers;
    for (int t = 0; t < 3; ++t)
      searchers.emplace_back([&] {
        for (int i = 0; i < 2000; ++i) {
          const auto match = gallery.nearest(axis(0));
          ASSERT_TRUE(match);
          ASSERT_EQ(match->name, "fixed");
          ASSERT_EQ(match->similarity, 1);
        }
      });
    for (size_t i = 0; i < 1000; ++i) {
      const std::string name = "guest-" + std::to_string(i % 10);
      gallery.add(name, axis(1 + i % 15));
      if (i % 3 == 0) gallery.remove(name);
      if (i % 7 == 0) gallery.replace(name, std::vector<Vector>{axis(3), axis(4)});
    }
  }
  EXPECT_EQ(gallery.nearest(axis(0)), (Match{"fixed", 1}));
}

TEST(Dot, IsTheSumOfProductsForEveryLength) {
  for (size_t n = 0; n < 80; ++n) {
    Vector a(n), b(n);
    float expected = 0;
    for (size_t i = 0; i < n; ++i) {
      a[i] = static_cast<float>(i) - 20;
      b[i] = static_cast<float>(i % 5);
      expected += a[i] * b[i];
    }
    EXPECT_EQ(dot(a, b), expected) << n;  // whole numbers: no rounding in any order
  }
}

}  // namespace
}  // namespace vedette::identity
