#include "vedette/console/status_board.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace vedette::console {
namespace {

using std::chrono::seconds;

graph::ApplicationStatus application(uint64_t processed, const Histogram& execution) {
  graph::ApplicationStatus status;
  status.name = "people";
  status.state = "running";
  auto& module = status.modules.emplace_back();
  module.name = "detect";
  module.processed = processed;
  module.execution = execution.snapshot();
  return status;
}

TEST(StatusBoard, rates_and_quantiles_are_of_the_last_ten_seconds) {
  StatusBoard board("1.2.3", Timestamp{seconds(1000)});
  Histogram execution;
  const auto module_after = [&](int second, uint64_t processed) {
    board.update({application(processed, execution)}, MonotonicTime{seconds(second)},
                 Timestamp{seconds(1000 + second)});
    return nlohmann::json::parse(*board.json())["applications"][0]["modules"][0];
  };
  for (int i = 0; i < 100; ++i) execution.record(std::chrono::milliseconds(500));
  EXPECT_EQ(module_after(0, 100)["rate_per_second"], 0) << "nothing to compare with";
  for (int second = 1; second <= 20; ++second) {
    execution.record(std::chrono::milliseconds(1));
    module_after(second, 100 + static_cast<uint64_t>(second) * 30);
  }
  execution.record(std::chrono::milliseconds(1));
  const auto module = module_after(21, 730);
  EXPECT_EQ(module["rate_per_second"], 30);
  EXPECT_EQ(module["execution"]["count"], 10);
  EXPECT_LT(module["execution"]["p95_ms"].get<double>(), 3) << "the slow start is long ago";
  EXPECT_EQ(nlohmann::json::parse(*board.json())["uptime_seconds"], 21);
}

TEST(StatusBoard, survives_counters_that_begin_again) {
  StatusBoard board("1.2.3", Timestamp{});
  Histogram old_run, new_run;
  for (int i = 0; i < 9; ++i) old_run.record(seconds(1));
  new_run.record(seconds(1));
  board.update({application(900, old_run)}, MonotonicTime{seconds(1)}, Timestamp{seconds(1)});
  board.update({application(5, new_run)}, MonotonicTime{seconds(2)}, Timestamp{seconds(2)});
  const auto module = nlohmann::json::parse(*board.json())["applications"][0]["modules"][0];
  EXPECT_EQ(module["rate_per_second"], 0);
  EXPECT_EQ(module["execution"]["count"], 1);
}

TEST(StatusBoard, nothing_is_ready_without_an_application) {
  EXPECT_EQ(unready_reasons({}).size(), 1u);
  Histogram none;
  auto status = application(0, none);
  EXPECT_TRUE(unready_reasons({status}).empty());
  status.state = "draining";
  EXPECT_EQ(unready_reasons({status}).at(0), "application 'people' is draining");
}

}  // namespace
}  // namespace vedette::console
