#include "vedette/modules/line_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/base/log.h"

namespace vedette::modules {
namespace {

constexpr size_t kWriteAt = 64u << 10;  // bytes that are worth a system call before the interval is over

std::string numbered(const std::string& path, int number) { return path + "." + std::to_string(number); }

}  // namespace

LineFile::LineFile(LineFileOptions options, MonotonicTime now) : options_(std::move(options)), written_at_(now) {
  if (options_.path == "-") {
    fd_ = STDOUT_FILENO;
    return;
  }
  struct stat status{};
  const bool exists = ::stat(options_.path.c_str(), &status) == 0;
  if (exists && S_ISREG(status.st_mode) && status.st_size > 0 && !options_.append) {
    regular_ = true;
    rotate();
  } else {
    open(false);
  }
}

LineFile::~LineFile() {
  if (fd_ > STDERR_FILENO) ::close(fd_);
}

void LineFile::open(bool fresh) {
  const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (fresh ? O_TRUNC : 0);
  fd_ = ::open(options_.path.c_str(), flags, 0644);
  if (fd_ < 0) {
    const int cause = errno;
    const auto folder = std::filesystem::path(options_.path).parent_path();
    std::error_code ignored;
    if (cause == ENOENT && !folder.empty() && !std::filesystem::exists(folder, ignored))
      throw Error(ErrorCode::kNotFound, "cannot create " + options_.path + ": there is no folder " + folder.string(),
                  "create it first");
    throw_errno(cause, "cannot create " + options_.path);
  }
  struct stat status{};
  if (::fstat(fd_, &status) == 0) {
    regular_ = S_ISREG(status.st_mode);
    size_bytes_ = regular_ ? status.st_size : 0;
  }
}

/// path.2 becomes path.3, path.1 becomes path.2, path becomes path.1, and path begins anew.
void LineFile::rotate() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  // The file numbered `keep` is replaced by its successor; renaming over it is atomic.
  for (int number = options_.keep; number >= 1; --number) {
    const std::string from = number == 1 ? options_.path : numbered(options_.path, number - 1);
    if (std::rename(from.c_str(), numbered(options_.path, number).c_str()) != 0 && errno != ENOENT)
      throw_errno(errno, "cannot rename " + from + " to " + numbered(options_.path, number));
  }
  open(true);
}

bool LineFile::add(std::string_view lines, uint64_t count) {
  if (waiting_.size() + lines.size() > options_.max_waiting_bytes && failing()) {
    lost_lines_ += count;
    return false;
  }
  waiting_ += lines;
  waiting_lines_ += count;
  return true;
}

void LineFile::write(MonotonicTime now, bool now_please) {
  if (waiting_.empty()) return;
  if (failed_at_ ? now - *failed_at_ < options_.flush_interval && !now_please
                 : now - written_at_ < options_.flush_interval && !now_please && waiting_.size() < kWriteAt)
    return;
  try {
    write_all();
  } catch (const Error& e) {
    cause_ = e.what();
    const bool first = !failed_at_;
    failed_at_ = now;
    if (!first) return;
    lost_before_ = lost_lines_;
    throw;
  }
  written_at_ = now;
  if (failed_at_) log::info("{} is being written again; {} lines were lost", options_.path, lost_lines_ - lost_before_);
  failed_at_.reset();
}

void LineFile::write_all() {
  while (!waiting_.empty()) {
    size_t part = waiting_.size();
    if (mid_line_) {
      part = waiting_.find('\n') + 1;
    } else if (options_.max_bytes > 0 && regular_ && fd_ >= 0 &&
               size_bytes_ + static_cast<int64_t>(part) > options_.max_bytes) {
      // As many whole lines as the file may still take; a line that is too long for any file gets one of its own.
      const int64_t room = options_.max_bytes - size_bytes_;
      const size_t fits = room > 0 ? waiting_.rfind('\n', static_cast<size_t>(room) - 1) : std::string::npos;
      if (fits == std::string::npos && size_bytes_ > 0) {
        rotate();
        continue;
      }
      part = (fits == std::string::npos ? waiting_.find('\n') : fits) + 1;
    }
    if (fd_ < 0) {
      open(false);
      continue;
    }
    const ssize_t written = ::write(fd_, waiting_.data(), part);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw_errno(written < 0 ? errno : EIO, "cannot write " + options_.path);
    const std::string_view done(waiting_.data(), static_cast<size_t>(written));
    mid_line_ = done.back() != '\n';
    waiting_lines_ -= static_cast<uint64_t>(std::count(done.begin(), done.end(), '\n'));
    size_bytes_ += written;
    waiting_.erase(0, static_cast<size_t>(written));
  }
}

void LineFile::close(MonotonicTime now) {
  try {
    write(now, true);
  } catch (const Error& e) {
    cause_ = e.what();  // told below, with the number of lines
  }
  lost_lines_ += std::exchange(waiting_lines_, 0);
  waiting_.clear();
  if (fd_ > STDERR_FILENO && ::close(std::exchange(fd_, -1)) != 0) throw_errno(errno, "cannot write " + options_.path);
  if (lost_lines_ > 0)
    throw Error(ErrorCode::kExhausted,
                fmt::format("{} lacks {} lines that could not be written: {}", options_.path, lost_lines_, cause_),
                "make room on the disk");
}

}  // namespace vedette::modules
