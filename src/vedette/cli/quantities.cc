#include "vedette/cli/quantities.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

namespace vedette::cli {
namespace {

std::string three_digits(double value) {
  const double size = std::abs(value);
  return size >= 100  ? fmt::format("{:.0f}", value)
         : size >= 10 ? fmt::format("{:.1f}", value)
                      : fmt::format("{:.2f}", value);
}

template <size_t N>
bool is_one_of(const std::string& word, const std::array<const char*, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::string milliseconds_text(double seconds) {
  if (!(seconds > 0)) return "";
  return seconds < 1 ? three_digits(seconds * 1e3) + " ms" : three_digits(seconds) + " s";
}

std::string bytes_text(double bytes) {
  if (!(bytes > 0)) return "";
  constexpr std::array<const char*, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < kUnits.size()) {
    bytes /= 1000;
    ++unit;
  }
  return (unit == 0 ? fmt::format("{:.0f}", bytes) : three_digits(bytes)) + ' ' + kUnits.at(unit);
}

std::string bytes_per_second_text(double bytes) {
  const std::string text = bytes_text(bytes);
  return text.empty() ? "" : text + "/s";
}

std::string rate_text(double per_second) { return per_second > 0 ? fmt::format("{:.1f}", per_second) : ""; }

std::string count_text(uint64_t count) {
  if (count < 100'000) return fmt::format("{}", count);
  const auto value = static_cast<double>(count);
  return count < 1'000'000       ? fmt::format("{:.0f}k", value / 1e3)
         : count < 1'000'000'000 ? fmt::format("{}M", three_digits(value / 1e6))
                                 : fmt::format("{}G", three_digits(value / 1e9));
}

std::string age_text(double unix_seconds, double now) {
  if (!(unix_seconds > 0)) return "";
  const double age = now - unix_seconds;
  if (age < 1.5) return "now";  // clocks may differ, too
  if (age < 120) return fmt::format("{:.0f} s", age);
  if (age < 7200) return fmt::format("{:.0f} min", age / 60);
  if (age < 172'800) return fmt::format("{:.0f} h", age / 3600);
  return fmt::format("{:.0f} d", age / 86'400);
}

std::string local_time_text(double unix_seconds) {
  const auto whole = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  if (::localtime_r(&whole, &parts) == nullptr) return "";
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return text.data();
}

Cell state_cell(const std::string& state) {
  constexpr std::array<const char*, 5> kGood{"ready", "running", "streaming", "up", "info"};
  constexpr std::array<const char*, 4> kBad{"failed", "lost", "refused", "error"};
  constexpr std::array<const char*, 4> kOver{"stopped", "ended", "drained", "finished"};
  const Colour colour = is_one_of(state, kGood)   ? Colour::kGreen
                        : is_one_of(state, kBad)  ? Colour::kRed
                        : is_one_of(state, kOver) ? Colour::kDim
                                                  : Colour::kYellow;
  return {state, colour};
}

}  // namespace vedette::cli
