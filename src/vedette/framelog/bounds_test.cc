#include "vedette/framelog/bounds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/framelog/bounds_test_channel.h"

namespace vedette::framelog {
namespace {

using std::chrono::milliseconds;

TEST(Bounds, RefusesNonsense) {
  const auto table = uneven();
  EXPECT_THROW(make_bounds_policy("vedete", table, {}), Error);
  EXPECT_THROW(make_bounds_policy("vedette", table, {Duration{}, 0.95, 0.95}), Error);
  EXPECT_THROW(make_bounds_policy("pi", table, {milliseconds(100), 1.2, 0.95}), Error);
  EXPECT_THROW(make_bounds_policy("none", table, {milliseconds(100), 0.9, 1.0}), Error);
  EXPECT_THROW(check({milliseconds(100), std::nan(""), 0.95}), Error);
  const auto policy = make_bounds_policy("vedette", table, {});
  EXPECT_THROW(policy->set_bounds({std::chrono::hours(2), 0.95, 0.95}), Error);
}

TEST(Bounds, BeginsWithTheSmallestThatIsAccurateEnough) {
  const auto policy = make_bounds_policy("vedette", uneven(), {});
  const Decision first = policy->decide(Channel::at(0));
  EXPECT_EQ(first.combination, 10U);
  EXPECT_TRUE(first.send);
  EXPECT_TRUE(first.feasible);
}

TEST(Bounds, OfWhatIsAsQuickItTakesWhatSendsFewerFrames) {
  // Half of the frames withheld: of the same size, and no queue where the link is full.
  auto differencing = row(11, 100.1e3, 0.96);
  differencing.kept = 0.5;
  const auto table = table_of({row(10, 100e3, 0.96), differencing, row(40, 800e3, 1.0)});
  EXPECT_EQ(make_bounds_policy("vedette", table, {})->decide(Channel::at(0)).combination, 11U);
  Channel channel;
  channel.bytes_per_ms = 0.5e3;  // twice what fits
  auto& camera = channel.add("vedette", table);
  channel.run(10);
  EXPECT_FALSE(camera.last.feasible);
  EXPECT_EQ(camera.last.combination, 11U);
}

TEST(Bounds, NoControlSendsUntouchedFramesEvenWhereOthersAreMoreAccurate) {
  const auto table = table_of({row(1, 50e3, 1.002), row(2, 800e3, 1.0)});
  EXPECT_EQ(make_bounds_policy("none", table, {})->decide(Channel::at(0)).combination, 2U);
}

TEST(Bounds, TakesTheMostAccurateThatFitsNotTheLargest) {
  Channel channel;
  channel.bytes_per_ms = 6e3;  // 250 KB: 45 ms; 400 KB: 70 ms; 800 KB: 136 ms
  auto& camera = channel.add("vedette", uneven());
  channel.run(30);
  EXPECT_EQ(camera.used.back(), 20U);
  EXPECT_EQ(std::count(camera.used.begin(), camera.used.end(), 30U), 0);
  EXPECT_GE(channel.in_time(camera, 5e3), 0.98);
}

TEST(Bounds, GoesToTheTopWhereThereIsRoom) {
  Channel channel;
  channel.bytes_per_ms = 30e3;
  auto& camera = channel.add("vedette", uneven());
  channel.run(5);
  EXPECT_EQ(camera.used.back(), 40U);
}

TEST(Bounds, SteadyLinksSeeFewSwitches) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Channel channel(seed);
    channel.bytes_per_ms = std::exp(std::uniform_real_distribution<double>(
        std::log(2e3), std::log(40e3))(*std::make_unique<std::mt19937_64>(seed)));
    auto& camera = channel.add("vedette", uneven());
    channel.run(130);
    EXPECT_LE(channel.switches(camera, 10e3) / 2.0, 8) << "a minute, seed " << seed << ", " << channel.bytes_per_ms;
  }
}

TEST(Bounds, RandomChannelsNeverBelowTheAccuracyAndInTime) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    std::mt19937_64 random(seed);
    const auto uniform = [&](double from, double to) {
      return std::uniform_real_distribution<double>(from, to)(random);
    };
    std::vector<Combination> rows;
    for (uint32_t id = 1; id <= 20; ++id) {
      rows.push_back(row(id, std::exp(uniform(std::log(20e3), std::log(1e6))), uniform(0.85, 1)));
    }
    rows.push_back(row(99, 1.2e6, 1));
    const auto table = table_of(rows);
    const double accuracy = 0.95;
    double least = 1e9;
    for (const auto& at : table->rows()) {
      if (at.f1 >= accuracy) least = std::min(least, at.bytes_mean);
    }
    Channel channel(seed);
    channel.noise = uniform(0.02, 0.12);
    channel.base_ms = uniform(1, 20);
    // Half of the channels carry the least that is accurate enough in half the bound, half in twice the bound.
    const bool feasible = seed % 2 == 0;
    channel.bytes_per_ms = least / (feasible ? 50 - channel.base_ms : 200);
    auto& camera = channel.add("vedette", table, {milliseconds(100), accuracy, 0.95});
    for (int change = 0; change < 3; ++change) {
      channel.run(12);
      EXPECT_EQ(camera.last.feasible, feasible) << "seed " << seed << ", change " << change;
      if (feasible) {
        EXPECT_GE(channel.in_time(camera, channel.now_ms - 8e3), 0.93) << "seed " << seed << ", change " << change;
        channel.bytes_per_ms *= change == 0 ? 8 : 1 / 8.0;
      } else {
        EXPECT_GT(to_milliseconds(camera.last.best_latency), 100) << "seed " << seed;
        EXPECT_EQ(camera.used.back(), camera.used[camera.used.size() - 2]);
      }
    }
    for (const uint32_t used : camera.used) EXPECT_GE(table->rows()[table->index_of(used)].f1, accuracy);
  }
}

TEST(Bounds, SettlesWithinThreeFramesOfATenfoldStep) {
  Channel channel;
  channel.bytes_per_ms = 25e3;
  auto& camera = channel.add("vedette", uneven());
  channel.run(10);
  EXPECT_EQ(camera.used.back(), 40U);
  channel.bytes_per_ms = 2.5e3;  // 40 ms for the smallest, 320 for the largest
  const double step_ms = channel.now_ms;
  channel.run(0.35);
  EXPECT_EQ(camera.used.back(), 10U);
  channel.run(5);
  EXPECT_GE(channel.in_time(camera, step_ms + 600), 0.95);
}

TEST(Bounds, SaysInfeasibleWithinASecondAndWhatWouldBe) {
  Channel channel;
  channel.bytes_per_ms = 20e3;
  auto& camera = channel.add("vedette", uneven());
  channel.run(10);
  EXPECT_TRUE(camera.last.feasible);
  channel.bytes_per_ms = 0.7e3;  // 100 KB: 143 ms; 40 KB: 57 ms
  const double step_ms = channel.now_ms;
  channel.run(5);
  ASSERT_FALSE(camera.last.feasible);
  EXPECT_LE(camera.infeasible_at_ms - step_ms, 1000);
  EXPECT_EQ(camera.last.combination, 10U);  // probing goes on at the least within the accuracy
  EXPECT_NEAR(to_milliseconds(camera.last.best_latency), 160, 50);
  EXPECT_DOUBLE_EQ(camera.last.best_accuracy, 0.90);
  channel.bytes_per_ms = 20e3;
  channel.run(3);
  EXPECT_TRUE(camera.last.feasible);
}

TEST(Bounds, AnAccuracyThatNoCombinationHasIsInfeasibleAtOnce) {
  const auto policy =
      make_bounds_policy("vedette", table_of({row(1, 1e4, 0.5), row(2, 1e5, 0.8)}), {milliseconds(100), 0.9, 0.95});
  const Decision decision = policy->decide(Channel::at(0));
  EXPECT_FALSE(decision.feasible);
  EXPECT_EQ(decision.combination, 2U);
}

TEST(Bounds, WithoutFeedbackBacksOffThenProbes) {
  const auto policy = make_bounds_policy("vedette", uneven(), {});
  uint64_t sequence = 0;
  double now = 0;
  const auto frame = [&](bool answer) {
    policy->decide(Channel::at(now));  // a look between frames counts nothing as sent
    const Decision decision = policy->decide(Channel::at(now));
    if (decision.send) {
      policy->sent({sequence, decision.combination, 100000, Channel::at(now), Duration{}});
      if (answer) policy->observe({sequence, Channel::at(now + 12), milliseconds(10), Duration{}, false});
    }
    ++sequence;
    now += 50;
    return decision;
  };
  for (int i = 0; i < 60; ++i) frame(true);
  EXPECT_EQ(frame(true).combination, 40U);
  int sent = 0;
  Decision last;
  for (int i = 0; i < 100; ++i) {  // five seconds of silence
    last = frame(false);
    if (i >= 40) sent += last.send ? 1 : 0;
  }
  EXPECT_FALSE(last.feasible);
  EXPECT_EQ(last.combination, 10U);
  EXPECT_GE(sent, 2);  // probes go on …
  EXPECT_LE(sent, 8);  // … one a second, not one a frame
  for (int i = 0; i < 60; ++i) last = frame(true);
  EXPECT_TRUE(last.feasible);
  EXPECT_EQ(last.combination, 40U);
}

TEST(Bounds, LateAndLostFeedbackIsNoReasonToOscillate) {
  Channel channel;
  channel.bytes_per_ms = 6e3;
  channel.feedback_ms = 150;
  channel.feedback_loss = 0.25;
  auto& camera = channel.add("vedette", uneven());
  channel.run(70);
  EXPECT_GE(channel.in_time(camera, 10e3), 0.97);
  EXPECT_LE(channel.switches(camera, 10e3), 25);
}

TEST(Bounds, LostFramesAreEvidence) {
  const auto policy = make_bounds_policy("vedette", uneven(), {});
  uint64_t sequence = 0;
  double now = 0;
  Decision decision;
  for (int i = 0; i < 60; ++i, ++sequence, now += 100) {
    decision = policy->decide(Channel::at(now));
    policy->sent({sequence, decision.combination, 100000, Channel::at(now), Duration{}});
    policy->observe({sequence, Channel::at(now + 20), milliseconds(15), Duration{}, i >= 40});
  }
  EXPECT_FALSE(decision.feasible);  // all are lost: nothing keeps the bound
}

TEST(Bounds, DoubledUnknownAndLateFeedbackIsHarmless) {
  const auto policy = make_bounds_policy("vedette", uneven(), {});
  policy->observe({77, Channel::at(1), milliseconds(500), Duration{}, false});
  policy->sent({1, 10, 100000, Channel::at(1), Duration{}});
  policy->sent({2, 12345, 100000, Channel::at(1), Duration{}});  // not of this table
  for (int i = 0; i < 5; ++i) policy->observe({1, Channel::at(20), milliseconds(10), Duration{}, false});
  policy->observe({0, Channel::at(30), milliseconds(9000), Duration{}, false});
  const Decision decision = policy->decide(Channel::at(50));
  EXPECT_TRUE(decision.feasible);
  EXPECT_LT(to_milliseconds(decision.expected), 100);
}

TEST(Bounds, FollowsAChangeOfScene) {
  Channel channel;
  channel.bytes_per_ms = 6e3;
  auto& camera = channel.add("vedette", uneven());
  channel.run(20);
  EXPECT_EQ(camera.used.back(), 20U);  // 45 ms
  channel.size_factor = 3;             // 128 ms, and 53 ms for the smallest
  const double step_ms = channel.now_ms;
  channel.run(20);
  EXPECT_EQ(camera.used.back(), 10U);
  EXPECT_GE(channel.in_time(camera, step_ms + 600), 0.95);
  channel.size_factor = 1;
  channel.run(20);
  EXPECT_EQ(camera.used.back(), 20U);
}

TEST(Bounds, CountsInferenceTogetherWithTheNetwork) {
  // The large picture fits the network alone (43 ms); with its 70 ms of inference it does not.
  const auto table = table_of({row(1, 100e3, 0.96, 15), row(2, 400e3, 1.0, 70)});
  Channel channel;
  channel.compute_ms = [](const Combination& at) { return at.infer_ms * 1.1; };
  auto& camera = channel.add("vedette", table);
  channel.run(20);
  EXPECT_EQ(camera.used.back(), 1U);
  EXPECT_GE(channel.in_time(camera, 2e3), 0.97);
  Channel without;
  auto& free = without.add("vedette", table);
  without.run(20);
  EXPECT_EQ(free.used.back(), 2U);
}

TEST(Bounds, NamesTransfersToAbandon) {
  const auto policy = make_bounds_policy("vedette", uneven(), {}, {0, true});
  uint64_t sequence = 0;
  double now = 0;
  for (; sequence < 40; ++sequence, now += 100) {
    const Decision decision = policy->decide(Channel::at(now));
    EXPECT_FALSE(decision.abandon.has_value());
    policy->sent({sequence, decision.combination, 100000, Channel::at(now), Duration{}});
    policy->observe({sequence, Channel::at(now + 22), milliseconds(20), Duration{}, false});
  }
  const Decision before = policy->decide(Channel::at(now));
  EXPECT_EQ(before.combination, 40U);
  policy->sent({sequence, 40, 800000, Channel::at(now), Duration{}});
  const Decision after = policy->decide(Channel::at(now + 95));
  ASSERT_TRUE(after.abandon.has_value());
  EXPECT_EQ(*after.abandon, sequence);
  EXPECT_TRUE(after.send);
  EXPECT_LT(uneven()->index_of(after.combination), uneven()->index_of(40));
}

TEST(Bounds, AbandonsNothingWhereFeedbackGetsLost) {
  const auto policy = make_bounds_policy("vedette", uneven(), {}, {0, true});
  double now = 0;
  const auto frame = [&](uint64_t sequence, bool answer) {
    const Decision decision = policy->decide(Channel::at(now));
    EXPECT_FALSE(decision.abandon.has_value()) << "at " << now << " ms";
    EXPECT_TRUE(decision.feasible && decision.send) << "at " << now << " ms: " << decision.reason;
    policy->sent({sequence, decision.combination, 100000, Channel::at(now), Duration{}});
    if (answer) policy->observe({sequence, Channel::at(now + 22), milliseconds(20), Duration{}, false});
    now += 100;
    return decision;
  };
  uint64_t sequence = 0;
  for (; sequence < 100; ++sequence) frame(sequence, sequence % 5 != 0);
  for (int i = 0; i < 3; ++i) frame(++sequence, false);  // three lost in a row: rare, and no evidence yet
  EXPECT_EQ(frame(++sequence, true).combination, 40U);
}

TEST(Bounds, LimitHoldsItDownAndGoesAway) {
  Channel channel;
  channel.bytes_per_ms = 30e3;
  auto& camera = channel.add("vedette", uneven());
  channel.run(3);
  EXPECT_EQ(camera.used.back(), 40U);
  camera.policy->limit(260e3);
  channel.run(1);
  EXPECT_EQ(camera.used.back(), 20U);
  EXPECT_TRUE(camera.last.feasible);
  camera.policy->limit(0);
  channel.run(5);
  EXPECT_EQ(camera.used.back(), 40U);
}

TEST(Bounds, NewBoundsHoldFromTheNextFrame) {
  Channel channel;
  channel.bytes_per_ms = 6e3;
  auto& camera = channel.add("vedette", uneven());
  channel.run(10);
  EXPECT_EQ(camera.used.back(), 20U);
  camera.policy->set_bounds({milliseconds(35), 0.85, 0.95});
  channel.run(0.25);
  EXPECT_EQ(camera.used.back(), 10U);
  camera.policy->set_bounds({milliseconds(15), 0.85, 0.95});
  channel.run(0.25);
  EXPECT_EQ(camera.used.back(), 5U);
  camera.policy->set_bounds({milliseconds(300), 0.95, 0.95});
  channel.run(20);
  EXPECT_GE(camera.used.back(), 20U);
}

}  // namespace
}  // namespace vedette::framelog
