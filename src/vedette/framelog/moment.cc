#include "vedette/framelog/moment.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "vedette/base/error.h"

namespace vedette::framelog {
namespace {

constexpr double kLongestSeconds = 100 * 365.25 * 86400;

[[noreturn]] void refuse(std::string_view text) {
  throw Error(ErrorCode::kUsage, "'" + std::string(text) + "' is no time",
              "expected now, start, an age (90s, 5m, 2h, 1d), 2026-01-31 or 2026-01-31T12:00:00Z");
}

std::optional<int> digits(std::string_view& text, size_t count) {
  int value = 0;
  if (text.size() < count) return std::nullopt;
  for (const char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = 10 * value + (c - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Duration> ago(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || text.data() + text.size() != end + 1 || value < 0) return std::nullopt;
  const double unit = *end == 's' ? 1 : *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 0;
  if (unit == 0 || value * unit > kLongestSeconds) return std::nullopt;
  return -from_seconds(value * unit);
}

/// From 1973 on, so that a year is none.
std::optional<Timestamp> unix_seconds(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= 1e8 && value < 7.3e9)) return std::nullopt;
  return Timestamp{std::chrono::microseconds(std::llround(value * 1e6))};
}

/// "12:00[:00[.5]][Z|+01:00]" after the day.
std::optional<Duration> time_of_day(std::string_view text) {
  const auto hour = digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = digits(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  double seconds = 0;
  if (take(text, ':')) {
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), seconds, std::chars_format::fixed);
    if (error != std::errc{} || seconds < 0 || seconds >= 61) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
  }
  Duration offset{0};
  if (!text.empty() && !take(text, 'Z')) {
    const bool east = take(text, '+');
    if (!east && !take(text, '-')) return std::nullopt;
    const auto h = digits(text, 2);
    take(text, ':');
    const auto m = digits(text, 2);
    if (!h || !m || *h > 15 || *m > 59) return std::nullopt;
    offset = (std::chrono::hours(*h) + std::chrono::minutes(*m)) * (east ? 1 : -1);
  }
  if (!text.empty()) return std::nullopt;
  // Whole µs: a double does not hold more.
  const auto fraction = std::chrono::microseconds(std::llround(seconds * 1e6));
  return std::chrono::hours(*hour) + std::chrono::minutes(*minute) + fraction - offset;
}

std::optional<Timestamp> date(std::string_view text) {
  const auto year = digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day ymd{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                        std::chrono::day(static_cast<unsigned>(*day))};
  if (!ymd.ok() || *year < 1970 || *year > 2200) return std::nullopt;
  const Timestamp midnight{std::chrono::sys_days(ymd)};
  if (text.empty()) return midnight;
  if (!take(text, 'T') && !take(text, ' ')) return std::nullopt;
  const auto within = time_of_day(text);
  if (!within) return std::nullopt;
  return midnight + *within;
}

}  // namespace

Moment parse_moment(std::string_view text) {
  if (text == "now") return Newest{};
  if (text == "start") return Oldest{};
  if (const auto duration = ago(text.starts_with('-') ? text.substr(1) : text)) return *duration;
  if (const auto time = date(text)) return *time;
  if (const auto time = unix_seconds(text)) return *time;
  refuse(text);
}

Timestamp time_of(const Moment& moment, Timestamp now) {
  if (const auto* time = std::get_if<Timestamp>(&moment)) return *time;
  if (const auto* before = std::get_if<Duration>(&moment)) return now + *before;
  return std::holds_alternative<Oldest>(moment) ? Timestamp::min() : now;
}

}  // namespace vedette::framelog
