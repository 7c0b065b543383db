#include "vedette/framelog/moment.h"

#include <gtest/gtest.h>

#include "vedette/base/error.h"

namespace vedette::framelog {
namespace {

using namespace std::chrono_literals;

TEST(Moment, ReadsWhatPeopleWrite) {
  EXPECT_EQ(parse_moment("now"), Moment(Newest{}));
  EXPECT_EQ(parse_moment("start"), Moment(Oldest{}));
  EXPECT_EQ(parse_moment("-90s"), Moment(Duration(-90s)));
  EXPECT_EQ(parse_moment("-1.5h"), Moment(Duration(-90min)));
  EXPECT_EQ(parse_moment("-2d"), Moment(Duration(-48h)));
  EXPECT_EQ(parse_moment("5m"), Moment(Duration(-5min))) << "an option's value cannot begin with a minus";
  EXPECT_EQ(parse_moment("1769860800.25"), Moment(Timestamp{1769860800s + 250ms}));
}

TEST(Moment, ReadsDatesInAnyZone) {
  const Timestamp day{std::chrono::sys_days(std::chrono::year(2026) / 1 / 31)};
  EXPECT_EQ(parse_moment("2026-01-31"), Moment(day));
  EXPECT_EQ(parse_moment("2026-01-31T12:30"), Moment(day + 12h + 30min));
  EXPECT_EQ(parse_moment("2026-01-31T12:00:00.25Z"), Moment(day + 12h + 250ms));
  EXPECT_EQ(parse_moment("2026-01-31 12:00:00+01:00"), Moment(day + 11h));
  EXPECT_EQ(parse_moment("2026-01-31T12:00:00-0230"), Moment(day + 14h + 30min));
}

TEST(Moment, ReadsBackWhatTheProgramPrints) {
  const Timestamp time{std::chrono::microseconds(1795334400123456)};
  EXPECT_EQ(parse_moment(to_rfc3339(time)), Moment(time));
}

TEST(Moment, RefusesAllElseInOneLine) {
  for (const auto* text : {"",
                           "-",
                           "-5",
                           "-5x",
                           "--5s",
                           "-inf s",
                           "-1e400s",
                           "-99999999999d",
                           "5",
                           "2026",
                           "1e9",
                           "99999999999",
                           "2026-13-01",
                           "2026-02-30",
                           "2026-01-31T",
                           "2026-01-31T25:00",
                           "2026-01-31T12:00:00+",
                           "2026-01-31T12:00 Z",
                           "2026-01-31x",
                           "9999-01-01",
                           "-26-01-01"}) {
    try {
      parse_moment(text);
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kUsage) << text;
      EXPECT_EQ(e.line().find('\n'), std::string::npos);
    }
  }
}

TEST(Moment, MeansATime) {
  const Timestamp now{std::chrono::seconds(1000)};
  EXPECT_EQ(time_of(Newest{}, now), now);
  EXPECT_EQ(time_of(Oldest{}, now), Timestamp::min());
  EXPECT_EQ(time_of(Duration(-10s), now), now - 10s);
}

}  // namespace
}  // namespace vedette::framelog
