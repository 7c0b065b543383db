#include "vedette/broker/channels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <thread>
#include <vector>

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/broker/given_limits.h"
#include "vedette/broker/knob_rows.h"
#include "vedette/broker/quality_source.h"
#include "vedette/framelog/bounds_test_channel.h"
#include "vedette/framelog/channel_share.h"

namespace vedette::broker {
namespace {

using namespace std::chrono_literals;
using framelog::Bounds;
using framelog::Combination;
using framelog::KnobTable;

constexpr double kFrameMs = 100;

MonotonicTime at(double ms) { return MonotonicTime{from_milliseconds(ms)}; }

std::shared_ptr<const KnobTable> three_sizes() {
  return framelog::table_of({framelog::row(1, 100e3, 0.95), framelog::row(2, 300e3, 0.98), framelog::row(3, 500e3, 1)});
}

/// Cameras of ten frames a second on one channel that is shared in turn, each as large as its limit allows.
class Yard {
 public:
  explicit Yard(double bytes_per_ms) : capacity_(bytes_per_ms) {}
  void add(Channels& channels, const std::string& channel = "air") {
    cameras_.push_back({channels.join(channel, table_, {100ms, 0.9, 0.95}), 0});
  }
  void leave() { cameras_.pop_back(); }
  void run(int frames) {
    for (int i = 0; i < frames; ++i, now_ms_ += kFrameMs)
      for (size_t c = 0; c < cameras_.size(); ++c) {
        const double bytes = bytes_of(cameras_[c]);
        const double rate = std::max(500.0, capacity_ - load() + bytes / kFrameMs);
        const double ms = 2 + bytes / rate;
        cameras_[c].limit =
            cameras_[c].member->arrived({id_of(cameras_[c]), static_cast<size_t>(bytes),
                                         at(now_ms_ + static_cast<double>(c) + ms), from_milliseconds(ms), Duration{}});
      }
  }
  double limit(size_t camera) const { return cameras_[camera].limit; }
  /// Bytes a ms, of all as large as they may be.
  double load() const {
    double load = 0;
    for (const auto& camera : cameras_) load += bytes_of(camera) / kFrameMs;
    return load;
  }

 private:
  struct Camera {
    std::unique_ptr<Channels::Member> member;
    double limit = 0;
  };
  const Combination& row_of(const Camera& camera) const {
    size_t best = 0;
    for (size_t row = 0; row < table_->rows().size(); ++row)
      if (camera.limit == 0 || table_->rows()[row].bytes_mean <= camera.limit) best = row;
    return table_->rows()[best];
  }
  double bytes_of(const Camera& camera) const { return row_of(camera).bytes_mean; }
  uint32_t id_of(const Camera& camera) const { return row_of(camera).id; }

  const double capacity_;
  const std::shared_ptr<const KnobTable> table_ = three_sizes();
  double now_ms_ = 0;
  std::vector<Camera> cameras_;
};

TEST(Channels, LimitsOfBusyCamerasFitTheChannelTogether) {
  for (const size_t cameras : {2, 3, 5, 8}) {
    Channels channels;
    Yard yard(9e3);
    for (size_t i = 0; i < cameras; ++i) yard.add(channels);
    yard.run(300);
    for (size_t i = 0; i < cameras; ++i) EXPECT_GE(yard.limit(i), 100e3) << cameras << " cameras";
    EXPECT_LE(yard.load(), 9e3) << cameras << " cameras";
  }
}

TEST(Channels, AloneThereIsNoLimitAndALeaverFreesTheOthers) {
  Channels channels;
  Yard yard(9e3);
  yard.add(channels);
  yard.run(100);
  EXPECT_EQ(yard.limit(0), 0);
  yard.add(channels);
  yard.run(100);
  EXPECT_GT(yard.limit(0), 0);
  EXPECT_GT(yard.limit(1), 0);
  yard.leave();
  yard.run(1);
  EXPECT_EQ(yard.limit(0), 0);
}

TEST(Channels, AreApartAndGoWithTheirMembers) {
  Channels channels;
  {
    Yard yard(9e3);
    yard.add(channels, "yard/ap-1");
    yard.add(channels, "yard/ap-2");
    yard.run(100);
    EXPECT_EQ(yard.limit(0), 0);
    EXPECT_EQ(yard.limit(1), 0);
    EXPECT_EQ(channels.size(), 2U);
  }
  EXPECT_EQ(channels.size(), 0U);
}

TEST(Channels, AServerThatTakesOverBeginsAnew) {
  Yard yard(9e3);
  {
    Channels lost;
    for (int i = 0; i < 3; ++i) yard.add(lost);
    yard.run(100);
  }
  yard.run(1);  // members outlive it
  for (int i = 0; i < 3; ++i) yard.leave();
  Channels channels;
  for (int i = 0; i < 3; ++i) yard.add(channels);
  yard.run(3);
  EXPECT_EQ(yard.limit(0), 0) << "nothing is known yet";
  yard.run(300);
  EXPECT_GT(yard.limit(0), 0);
  EXPECT_LE(yard.load(), 9e3);
}

TEST(Channels, OtherBoundsAreFollowed) {
  Channels channels;
  const Bounds tight{10ms, 0.9, 0.95}, wide{100ms, 0.9, 0.95};
  const auto a = channels.join("air", three_sizes(), tight), b = channels.join("air", three_sizes(), tight);
  const auto limit_after = [&](double from_ms) {
    double limit = 0;
    for (int frame = 0; frame < 50; ++frame)
      for (const auto& member : {a.get(), b.get()})
        limit = member->arrived({1, 100'000, at(from_ms + kFrameMs * frame), from_milliseconds(8), Duration{}});
    return limit;
  };
  EXPECT_NEAR(limit_after(0), 100e3, 100);
  for (const auto& member : {a.get(), b.get()}) member->set_bounds(wide);
  EXPECT_NEAR(limit_after(10e3), 500e3, 100);
  EXPECT_THROW(a->set_bounds({0ms, 0.9, 0.95}), Error);
}

TEST(Channels, TakesSoManyAndNoMore) {
  Channels channels;
  std::vector<std::unique_ptr<Channels::Member>> members;
  for (size_t i = 0; i < framelog::ChannelShare::kMostCameras; ++i)
    members.push_back(channels.join("air", three_sizes(), {}));
  EXPECT_THROW(channels.join("air", three_sizes(), {}), Error);
  members.pop_back();
  members.push_back(channels.join("air", three_sizes(), {}));
  EXPECT_THROW(channels.join("other", three_sizes(), {-1s, 0.9, 0.95}), Error);
}

TEST(Channels, AreForManyThreads) {
  Channels channels;
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&channels, t] {
      for (int round = 0; round < 20; ++round) {
        const auto member = channels.join("air", three_sizes(), {});
        // Not in step with the others: times of one go behind those of another.
        for (int i = 0; i < 20; ++i) {
          const double limit = member->arrived({3, 500'000, at(100.0 * i + 1000 * t), 50ms, -1ms});
          EXPECT_GE(limit, 0);
          EXPECT_LE(limit, 501e3);
        }
      }
    });
  threads.clear();
  EXPECT_EQ(channels.size(), 0U);
}

TEST(GivenLimits, TheLeastOfThoseThatWereGivenLatelyCounts) {
  GivenLimits limits;
  EXPECT_EQ(limits.least(at(0)), 0);
  limits.give("a", 300e3, at(0));
  limits.give("b", 200e3, at(1000));
  EXPECT_EQ(limits.least(at(2000)), 200e3);
  limits.give("b", 0, at(2000));
  EXPECT_EQ(limits.least(at(2000)), 300e3) << "taken back";
  EXPECT_EQ(limits.least(at(2999)), 300e3);
  EXPECT_EQ(limits.least(at(3000)), 0) << "not renewed";
}

TEST(GivenLimits, WhatIsNoSizeIsIgnored) {
  GivenLimits limits;
  limits.give("a", 300e3, at(0));
  for (const double bytes : {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    limits.give("a", bytes, at(0));
  EXPECT_EQ(limits.least(at(0)), 300e3);
  for (size_t i = 0; i < 2 * GivenLimits::kMost; ++i) limits.give(std::to_string(i), 1 + static_cast<double>(i), at(0));
  limits.give("a", 0.5, at(0));
  EXPECT_EQ(limits.least(at(0)), 0.5) << "who is known is heard";
}

TEST(GivenLimits, ADeadServerPinsNoCamera) {
  framelog::Channel channel;
  channel.bytes_per_ms = 50e3;
  auto& camera = channel.add("vedette", framelog::uneven());
  const auto run = [&](GivenLimits& limits, double until_ms) {
    while (channel.now_ms < until_ms) {
      camera.policy->limit(limits.least(at(channel.now_ms)));
      channel.run(0.1);
    }
    return camera.used.back();
  };
  GivenLimits limits;
  EXPECT_EQ(run(limits, 10e3), 40U);
  limits.give("server", 300e3, at(channel.now_ms));
  EXPECT_EQ(run(limits, 12e3), 20U);
  EXPECT_EQ(run(limits, 25e3), 40U);
  limits.give("nonsense", 1, at(channel.now_ms));
  EXPECT_EQ(run(limits, 26e3), 10U) << "the smallest within the accuracy";
  EXPECT_EQ(run(limits, 60e3), 40U);
}

TEST(KnobRows, ATableComesAsItIs) {
  const KnobTable built_in = built_in_table();
  std::vector<Combination> rows(built_in.rows().begin(), built_in.rows().end());
  rows[3].kept = 0.25;
  rows[4].family = 7;
  rows[5].live = false;
  const KnobTable table(rows);
  const KnobTable got = checked_table(rows_of(message_of(table)));
  ASSERT_EQ(got.rows().size(), table.rows().size() - 1) << "what no policy takes stays away";
  EXPECT_EQ(got.index_of(rows[5].id), KnobTable::npos);
  for (const auto& row : got.rows()) {
    const auto& sent = table.rows()[table.index_of(row.id)];
    EXPECT_EQ(row.bytes_mean, sent.bytes_mean);
    EXPECT_EQ(row.bytes_p95, sent.bytes_p95);
    EXPECT_EQ(row.f1, sent.f1);
    EXPECT_EQ(row.cost_ms, sent.cost_ms);
    EXPECT_EQ(row.infer_ms, sent.infer_ms);
    EXPECT_EQ(row.kept, sent.kept);
    EXPECT_EQ(row.family, sent.family);
  }
  EXPECT_LT(message_of(table).ByteSizeLong(), 64U << 10U);
}

TEST(KnobRows, OfALargeTableOnlyWhatPoliciesTake) {
  std::vector<Combination> rows;
  for (uint32_t i = 0; i < 2 * kMostRows; ++i)
    rows.push_back(framelog::row(i + 1, 1000 + i, i % 2 == 0 ? 0.5 + 1e-4 * i : 0.4, 1));
  const KnobTable table(rows);
  const KnobTable got = checked_table(rows_of(message_of(table)));
  EXPECT_EQ(got.rows().size(), kMostRows);
  EXPECT_EQ(got.rows()[got.best()].id, table.rows()[table.best()].id);
  v1::KnobTable largest;
  for (size_t i = 0; i < kMostRows; ++i) {
    auto& row = *largest.add_rows();
    row.set_id(UINT32_MAX - static_cast<uint32_t>(i));
    row.set_family(UINT32_MAX);
    row.set_kept(0.5);
    for (const auto set :
         {&v1::KnobTable::Row::set_bytes_mean, &v1::KnobTable::Row::set_bytes_p95, &v1::KnobTable::Row::set_f1,
          &v1::KnobTable::Row::set_cost_ms, &v1::KnobTable::Row::set_infer_ms})
      (row.*set)(1.1);
  }
  EXPECT_LT(largest.ByteSizeLong(), 64U << 10U) << "a notice may not be larger";
}

TEST(KnobRows, NonsenseIsRefused) {
  const auto refused = [](const std::vector<Combination>& rows) {
    v1::KnobTable message;
    for (const auto& row : rows) {
      auto& one = *message.add_rows();
      one.set_id(row.id);
      one.set_bytes_mean(row.bytes_mean);
      one.set_f1(row.f1);
      one.set_kept(row.kept);
    }
    try {
      static_cast<void>(checked_table(rows_of(message)));
      return false;
    } catch (const Error& e) {
      return !e.line().empty() && e.code() == ErrorCode::kInvalidData;
    }
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(refused({framelog::row(1, 1000, 1)}));
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({framelog::row(1, 1000, 1), framelog::row(1, 2000, 1)}));
  for (const double bytes : {nan, -5.0, 0.0, 1e300}) EXPECT_TRUE(refused({framelog::row(1, bytes, 1)})) << bytes;
  for (const double f1 : {nan, -1.0, 1e9}) EXPECT_TRUE(refused({framelog::row(1, 1000, f1)})) << f1;
  auto strange = framelog::row(1, 1000, 1);
  strange.kept = nan;
  EXPECT_TRUE(refused({strange}));
  std::vector<Combination> many;
  for (uint32_t i = 0; i <= kMostRows; ++i) many.push_back(framelog::row(i, 1000, 1));
  EXPECT_TRUE(refused(many));
}

}  // namespace
}  // namespace vedette::broker
