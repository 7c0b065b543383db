#include "vedette/lab/mot_file.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "vedette/base/error.h"
#include "vedette/lab/read_file.h"

namespace vedette::lab {
namespace {

constexpr size_t kLeastFields = 6;
constexpr size_t kMostFields = 10;
constexpr std::array<const char*, kMostFields> kFieldNames{"frame",  "id",         "left", "top", "width",
                                                           "height", "confidence", "x",    "y",   "z"};
constexpr double kLargestId = 9007199254740992.0;  // 2^53: beyond, doubles skip whole numbers

std::string_view trimmed(std::string_view s) {
  const size_t first = s.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

class LineReader {
 public:
  LineReader(const std::string& origin, size_t line) : origin_(origin), line_(line) {}

  MotRow read(std::string_view text) const {
    if (text.size() > kMotLongestLineBytes) fail(fmt::format("a line of {} bytes", text.size()));
    std::array<double, kMostFields> value{};
    value[6] = 1;
    size_t count = 0;
    for (size_t start = 0;; ++count) {
      const size_t comma = text.find(',', start);
      if (count == kMostFields) fail("more than ten fields");
      value[count] = number(trimmed(text.substr(start, comma - start)), kFieldNames[count]);
      if (comma == std::string_view::npos) break;
      start = comma + 1;
    }
    if (++count < kLeastFields) fail(fmt::format("{} fields where at least six must be", count));

    MotRow row{
        whole(value[0], "frame"), whole(value[1], "id"), value[2], value[3], value[4], value[5], value[6], line_};
    if (row.frame < 1 || row.frame > kMotLastFrame)
      fail(fmt::format("frame {} is not in 1 … {}", row.frame, kMotLastFrame));
    if (row.width < 0 || row.height < 0) fail("the box has a negative size");
    for (const double length : {row.left, row.top, row.width, row.height}) {
      if (std::abs(length) > kMotLargestCoordinate) fail("a coordinate is beyond ten million pixels");
    }
    return row;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kInvalidData, fmt::format("{}:{}: {}", origin_, line_, what),
                "a line of MOT text is frame,id,left,top,width,height,confidence,-1,-1,-1");
  }

  double number(std::string_view text, const char* field) const {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
      fail(fmt::format("field '{}' is no number: \"{}\"", field, printable(text)));
    }
    return value;
  }

  int64_t whole(double value, const char* field) const {
    if (value != std::floor(value) || std::abs(value) > kLargestId)
      fail(fmt::format("field '{}' is no whole number", field));
    return static_cast<int64_t>(value);
  }

  static std::string printable(std::string_view text) {
    std::string result;
    for (const char c : text.substr(0, 40)) result += c >= ' ' && c <= '~' ? c : '?';
    return result + (text.size() > 40 ? "…" : "");
  }

  const std::string& origin_;
  const size_t line_;
};

}  // namespace

std::vector<MotRow> parse_mot(std::string_view text, const std::string& origin) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<MotRow> rows;
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = text.find('\n');
    std::string_view content = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (content.ends_with('\r')) content.remove_suffix(1);
    if (trimmed(content).empty()) continue;
    if (rows.size() == kMotMostRows) {
      throw Error(ErrorCode::kInvalidData, fmt::format("{}:{}: more than {} rows", origin, line, kMotMostRows));
    }
    rows.push_back(LineReader(origin, line).read(content));
  }
  return rows;
}

std::vector<MotRow> load_mot(const std::string& path) { return parse_mot(read_file(path, kMotLargestFileBytes), path); }

std::vector<MotRow> without_ignored(std::vector<MotRow> truth) {
  std::erase_if(truth, [](const MotRow& row) { return row.confidence == 0; });
  return truth;
}

std::string format_mot(const std::vector<MotRow>& rows) {
  std::string text;
  const auto add = [&](double value) {
    std::string digits = fmt::format("{:.6f}", value);
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.ends_with('.')) digits.pop_back();
    text += digits == "-0" ? "0" : digits;
    text += ',';
  };
  for (const MotRow& row : rows) {
    text += fmt::format("{},{},", row.frame, row.id);
    for (const double value : {row.left, row.top, row.width, row.height, row.confidence}) add(value);
    text += "-1,-1,-1\n";
  }
  return text;
}

}  // namespace vedette::lab
