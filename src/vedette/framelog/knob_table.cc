#include "vedette/framelog/knob_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::framelog {

namespace {

constexpr size_t kMaxFileBytes = 4U << 20U;
constexpr uint32_t kMezUntouched = 500;  // R2 C1 K1 D1 F1: what paper 004 normalises F1 to
constexpr double kMezFrames = 99;

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::kInvalidData, where + ": " + what,
              "a table has a header line with at least id,bytes_mean,f1; see docs/bounds.md");
}

std::vector<std::string_view> split(std::string_view line, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = line.find(at);
    std::string_view part = line.substr(0, end);
    while (!part.empty() && (part.front() == ' ' || part.front() == '"')) part.remove_prefix(1);
    while (!part.empty() && (part.back() == ' ' || part.back() == '"' || part.back() == '\r')) part.remove_suffix(1);
    parts.push_back(part);
    if (end == std::string_view::npos) return parts;
    line.remove_prefix(end + 1);
  }
}

double number(std::string_view text, const std::string& where) {
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    refuse(where, "'" + std::string(text.substr(0, 40)) + "' is not a number");
  }
  return value;
}

uint32_t whole(double value, const std::string& where) {
  if (!(value >= 0 && value <= 4294967295.0) || value != std::floor(value)) refuse(where, "not a whole number");
  return static_cast<uint32_t>(value);
}

/// Puts one named field into a row; unknown names are ignored.
void put(Combination& row, std::string_view name, double value, const std::string& where) {
  if (name == "id") row.id = whole(value, where);
  if (name == "family") row.family = whole(value, where);
  if (name == "bytes_mean") row.bytes_mean = value;
  if (name == "bytes_p95") row.bytes_p95 = value;
  if (name == "f1") row.f1 = value;
  if (name == "cost_ms") row.cost_ms = value;
  if (name == "infer_ms") row.infer_ms = value;
  if (name == "kept") row.kept = value;
}

bool is_number_field(std::string_view name) {
  static const std::set<std::string_view> kNames = {"id", "family",  "bytes_mean", "bytes_p95",
                                                    "f1", "cost_ms", "infer_ms",   "kept"};
  return kNames.contains(name);
}

KnobTable from_mez(std::vector<Combination> rows, const std::string& where) {
  double best = 0;
  for (const auto& row : rows) best = std::max(best, row.f1);
  for (const auto& row : rows) {
    if (row.id == kMezUntouched) best = row.f1;
  }
  if (best <= 0) refuse(where, "no combination has an F1 above 0");
  for (auto& row : rows) row.f1 /= best;
  return KnobTable(std::move(rows), where);
}

bool all_have(const std::vector<std::string_view>& names, std::initializer_list<std::string_view> wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); });
}

}  // namespace

KnobTable::KnobTable(std::vector<Combination> rows, const std::string& where) : rows_(std::move(rows)) {
  if (rows_.empty()) refuse(where, "no combinations");
  if (rows_.size() > kMaxRows) refuse(where, "more than " + std::to_string(kMaxRows) + " combinations");
  std::set<uint32_t> ids;
  for (auto& row : rows_) {
    const std::string at = where + ": combination " + std::to_string(row.id);
    if (!ids.insert(row.id).second) refuse(at, "appears twice");
    const auto sane = [](double v, double most) { return v >= 0 && v <= most; };
    if (!sane(row.bytes_mean, 1e9) || row.bytes_mean < 1) refuse(at, "bytes_mean is not between 1 and 1e9");
    if (row.bytes_p95 == 0) row.bytes_p95 = 1.1 * row.bytes_mean;
    if (!sane(row.bytes_p95, 1e9)) refuse(at, "bytes_p95 is not between 0 and 1e9");
    if (!sane(row.f1, 10)) refuse(at, "f1 is not between 0 and 10");
    if (!sane(row.cost_ms, 1e6) || !sane(row.infer_ms, 1e6)) refuse(at, "a time is not between 0 and 1e6 ms");
    if (!(row.kept > 0 && row.kept <= 1)) refuse(at, "kept is not in (0, 1]");
    if (row.family == 0) row.family = row.id;
  }
  std::sort(rows_.begin(), rows_.end(), [](const Combination& a, const Combination& b) {
    return std::make_tuple(a.bytes_mean, -a.f1, a.id) < std::make_tuple(b.bytes_mean, -b.f1, b.id);
  });
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (rows_[i].f1 > rows_[best_].f1) best_ = i;
    const auto beats = [&](const Combination& other) {
      const auto& row = rows_[i];
      const bool no_worse = other.bytes_mean <= row.bytes_mean && other.load_bytes() <= row.load_bytes() &&
                            other.cost_ms + other.infer_ms <= row.cost_ms + row.infer_ms && other.f1 >= row.f1;
      const bool equal = other.bytes_mean == row.bytes_mean && other.f1 == row.f1;
      return other.live && no_worse && (!equal || &other < &row);
    };
    if (rows_[i].live && std::none_of(rows_.begin(), rows_.end(), beats)) frontier_.push_back(i);
  }
}

KnobTable KnobTable::load(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw Error(ErrorCode::kNotFound, "cannot read knob table " + path.string(), "`vedette bounds profile` writes one");
  }
  std::string text;
  for (std::istreambuf_iterator<char> at(file), end; at != end; ++at) {
    text.push_back(*at);
    if (text.size() > kMaxFileBytes) refuse(path.string(), "larger than 4 MiB");
  }
  const size_t first = text.find_first_not_of(" \t\r\n");
  const bool json = first != std::string::npos && (text[first] == '[' || text[first] == '{');
  return json ? parse_json(text, path.string()) : parse_csv(text, path.string());
}

KnobTable KnobTable::parse_csv(std::string_view text, const std::string& where) {
  std::vector<Combination> rows;
  std::vector<std::string_view> names;
  bool mez = false;
  size_t line_number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos || line.front() == '#') continue;
    const auto parts = split(line, ',');
    const std::string at = where + ":" + std::to_string(line_number);
    if (names.empty() && !mez) {
      mez = !parts[0].empty() && parts[0].find_first_not_of("0123456789") == std::string_view::npos;
      if (!mez) {
        if (!all_have(parts, {"id", "bytes_mean", "f1"})) refuse(at, "the header names no id, bytes_mean and f1");
        names = parts;
        continue;
      }
    }
    Combination row;
    if (mez) {
      if (parts.size() < 6) refuse(at, "a line of a Mez table has at least 6 columns");
      row.id = whole(number(parts[0], at), at);
      row.name = "mez-" + std::string(parts[0]);
      row.bytes_mean = number(parts[1], at);
      row.f1 = number(parts[2], at);
      row.kept = std::min(1.0, number(parts[5], at) / kMezFrames);
      row.family = row.id / 10 + 1;
    } else {
      if (parts.size() != names.size()) {
        refuse(at, std::to_string(parts.size()) + " columns where the header has " + std::to_string(names.size()));
      }
      for (size_t i = 0; i < parts.size(); ++i) {
        if (names[i] == "name") row.name = std::string(parts[i]);
        if (names[i] == "live") row.live = parts[i] != "no" && parts[i] != "0";
        if (is_number_field(names[i])) put(row, names[i], number(parts[i], at), at);
      }
    }
    rows.push_back(std::move(row));
    if (rows.size() > kMaxRows) refuse(at, "more than " + std::to_string(kMaxRows) + " combinations");
  }
  return mez ? from_mez(std::move(rows), where) : KnobTable(std::move(rows), where);
}

KnobTable KnobTable::parse_json(std::string_view text, const std::string& where) {
  const auto parsed = nlohmann::json::parse(text, nullptr, false);
  if (parsed.is_discarded()) refuse(where, "not JSON");
  const auto& list = parsed.is_object() && parsed.contains("combinations") ? parsed["combinations"] : parsed;
  if (!list.is_array()) refuse(where, "neither an array nor an object with an array 'combinations'");
  std::vector<Combination> rows;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string at = where + ": combination " + std::to_string(i);
    if (!list[i].is_object()) refuse(at, "not an object");
    Combination row;
    for (const char* wanted : {"id", "bytes_mean", "f1"}) {
      if (!list[i].contains(wanted)) refuse(at, std::string("has no ") + wanted);
    }
    for (const auto& [name, value] : list[i].items()) {
      if (name == "name" && value.is_string()) row.name = value.get<std::string>();
      if (name == "live" && value.is_boolean()) row.live = value.get<bool>();
      if (!is_number_field(name)) continue;
      if (!value.is_number()) refuse(at, name + " is not a number");
      put(row, name, value.get<double>(), at);
    }
    rows.push_back(std::move(row));
    if (rows.size() > kMaxRows) refuse(at, "too many combinations");
  }
  return KnobTable(std::move(rows), where);
}

size_t KnobTable::index_of(uint32_t id) const {
  const auto at = std::find_if(rows_.begin(), rows_.end(), [&](const Combination& row) { return row.id == id; });
  return at == rows_.end() ? npos : static_cast<size_t>(at - rows_.begin());
}

}  // namespace vedette::framelog
