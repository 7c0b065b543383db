#include "vedette/lab/bounds_table.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "vedette/base/error.h"
#include "vedette/lab/read_file.h"
#include "vedette/media/knob_setting.h"

namespace vedette::lab {
namespace {

constexpr std::string_view kHeader = "id,name,bytes_mean,bytes_p95,f1,cost_ms,infer_ms,frames_kept,kept,live";
constexpr size_t kFields = 10;
constexpr size_t kLargestBytes = 16U << 20;

[[noreturn]] void fail(const std::string& origin, size_t line, const std::string& what) {
  throw Error(ErrorCode::kInvalidData, fmt::format("{}:{}: {}", origin, line, what),
              "a table of `vedette bounds profile` is expected; remove the file or name another");
}

template <typename T>
T number(std::string_view text, const std::string& origin, size_t line) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool good = error == std::errc{} && end == text.data() + text.size() && value >= T{};
  if constexpr (std::is_floating_point_v<T>) good = good && std::isfinite(value);
  if (!good) fail(origin, line, fmt::format("'{}' is not a number of its kind", text));
  return value;
}

BoundsRow row_of(std::string_view text, const std::string& origin, size_t line) {
  std::array<std::string_view, kFields> fields;
  for (size_t i = 0; i < kFields; ++i) {
    const size_t comma = text.find(',');
    if ((comma == std::string_view::npos) != (i + 1 == kFields))
      fail(origin, line, fmt::format("not {} fields", kFields));
    fields.at(i) = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  BoundsRow row;
  row.id = number<int>(fields[0], origin, line);
  try {
    static_cast<void>(media::KnobSetting::from_id(row.id));
  } catch (const Error& e) {
    fail(origin, line, e.what());
  }
  row.bytes_mean = number<double>(fields[2], origin, line);
  row.bytes_p95 = number<double>(fields[3], origin, line);
  row.f1 = number<double>(fields[4], origin, line);
  row.cost_ms = number<double>(fields[5], origin, line);
  row.infer_ms = number<double>(fields[6], origin, line);
  row.frames_kept = number<size_t>(fields[7], origin, line);
  row.kept = number<double>(fields[8], origin, line);
  if (fields[9] != "yes" && fields[9] != "no") fail(origin, line, "live is neither yes nor no");
  row.live = fields[9] == "yes";
  return row;
}

}  // namespace

BoundsTable BoundsTable::parse(std::string_view text, const std::string& origin) {
  BoundsTable table;
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view content = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (content.ends_with('\r')) content.remove_suffix(1);
    if (line == 1) {
      if (content != kHeader) fail(origin, line, "not the header of such a table");
    } else if (!content.empty()) {
      const BoundsRow row = row_of(content, origin, line);
      if (table.contains(row.id)) fail(origin, line, fmt::format("combination {} stands here twice", row.id));
      table.add(row);
    }
  }
  return table;
}

BoundsTable BoundsTable::open(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  return parse(read_file(path, kLargestBytes), path);
}

std::string BoundsTable::text() const {
  std::string text(kHeader);
  text += '\n';
  for (const auto& [id, row] : rows_) {
    std::string name = media::KnobSetting::from_id(id).to_string();
    std::replace(name.begin(), name.end(), ',', '+');
    text +=
        fmt::format("{},{},{:.0f},{:.0f},{:.4f},{:.3f},{:.3f},{},{:.4f},{}\n", id, name, row.bytes_mean, row.bytes_p95,
                    row.f1, row.cost_ms, row.infer_ms, row.frames_kept, row.kept, row.live ? "yes" : "no");
  }
  return text;
}

void BoundsTable::save(const std::string& path) const { replace_file(path, text()); }

void replace_file(const std::string& path, std::string_view text) {
  const std::string part = path + ".part";
  const auto stop = [&](int error) {
    std::remove(part.c_str());
    throw_errno(error, "cannot write " + path);
  };
  const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) throw_errno(errno, "cannot write " + path);
  int error = 0;
  while (!text.empty() && error == 0) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written >= 0)
      text.remove_prefix(static_cast<size_t>(written));
    else if (errno != EINTR)
      error = errno;
  }
  if (error == 0 && ::fsync(file) != 0) error = errno;
  if (::close(file) != 0 && error == 0) error = errno;
  if (error == 0 && std::rename(part.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) stop(error);
}

}  // namespace vedette::lab
